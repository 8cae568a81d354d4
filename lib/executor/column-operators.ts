/**
 * Operators on columns: chunks of columns in, chunks of columns out, no row is made. Rows that come from closures become
 * columns first. What a chunk takes in scratch is given back when everything behind the operator has seen it.
 */
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import type { Chunk, ColumnChunk } from '../columnar/chunk.js';
import { columnsFromRows } from '../columnar/columns-from-rows.js';
import { rowsOf } from '../columnar/rows.js';
import { splitText } from '../columnar/split-text.js';
import { takeRows } from '../columnar/take-rows.js';
import { evalColumn } from '../expr/eval-chunk.js';
import type { CallUdf, NamedExpr } from '../expr/expr-data.js';
import type { NodeId, Operation, PlanNode } from '../plan/node.js';
import { columnsOfProjection, isStep } from '../plan/rules/column-steps.js';
import type { Stage } from '../plan/stages.js';
import type { GraphView } from '../api/closures.js';
import { chainFrom, firstPredicate } from './column-chains.js';
import { columnsUsed } from './columns-used.js';
import { FirstOfKey } from './first-of-key.js';
import { FirstRows } from './order-rows.js';
import { tableJoin } from './join-operator.js';
import { only, rowFilter, type Names } from './row-filter.js';
import type { Emit, Operator } from './row-operators.js';
import type { TaskContext } from './task-context.js';

type Compute = (chunk: ColumnChunk) => ColumnChunk;
interface Computation {
  /** What messages call it. */
  readonly label: string;
  readonly compute: Compute;
}

export const isColumnOperation = (node: PlanNode): boolean =>
  isStep(node) || ['explode', 'toColumns', 'orderRows', 'firstOfKey', 'joinTable'].includes(node.operation.kind);

/**
 * The operator that begins with a node, of it and as many behind it as it can take along.
 *
 * @param input columns of the node before
 * @param emitOf makes what hangs on the last of its nodes
 */
export function columnOperator(
  ctx: TaskContext,
  stage: Stage,
  graph: GraphView,
  node: PlanNode,
  input: readonly Column[] | undefined,
  emitOf: (id: NodeId) => Emit,
): Operator {
  const { operation } = node;
  switch (operation.kind) {
    case 'toColumns': {
      const columns = requireColumns(node, node.columns);
      const asDeclared = (chunk: Chunk): boolean => chunk.kind === 'columns' && isOf(chunk, columns);
      return operatorOf(ctx, node, columns, asDeclared, [], emitOf(node.id));
    }
    case 'joinTable': {
      const [used, first] = [columnsUsed(stage, node), firstPredicate(stage, node)];
      const join = tableJoin(ctx, operation, requireColumns(node, node.columns), {
        used,
        first,
        emit: emitOf(node.id),
      });
      // The join emits by itself: it may have more pairs than go into one chunk.
      const end: Emit = chunk => (chunk.kind === 'columns' ? join(chunk) : undefined);
      return operatorOf(ctx, node, requireColumns(node, input), isColumns, [], end);
    }
    case 'orderRows':
      return ordering(ctx, node, operation, requireColumns(node, node.columns), emitOf(node.id));
    case 'firstOfKey': {
      const first = new FirstOfKey(ctx.memory, operation.names);
      const computation = { label: node.label, compute: (chunk: ColumnChunk) => first.take(chunk) };
      const columns = requireColumns(node, node.columns);
      const operator = operatorOf(ctx, node, columns, isColumns, [computation], emitOf(node.id));
      return { push: operator.push, finish: () => first.dispose() };
    }
    case 'explode': {
      const computation = {
        label: node.label,
        compute: explosion(node, operation, columnsUsed(stage, node), udfsOf(graph, node.id)),
      };
      return operatorOf(ctx, node, requireColumns(node, input), isColumns, [computation], emitOf(node.id));
    }
    default: {
      const { steps, last } = chainFrom(stage, node);
      const computations = steps.map(({ node: id, label, operation: step, wanted }) => {
        const udf = udfsOf(graph, id);
        const compute =
          step.kind === 'where' ? rowFilter(step.condition, wanted, udf) : projection(step.columns, wanted, udf);
        return { label, compute };
      });
      return operatorOf(ctx, node, requireColumns(node, input), isColumns, computations, emitOf(last.id));
    }
  }
}

const isColumns = (chunk: Chunk): boolean => chunk.kind === 'columns';

/** @param isReady whether a chunk has the columns already; else they are made of its rows */
function operatorOf(
  ctx: TaskContext,
  node: PlanNode,
  columns: readonly Column[],
  isReady: (chunk: Chunk) => boolean,
  computations: readonly Computation[],
  emit: Emit,
): Operator {
  const { memory } = ctx;
  return {
    push(chunk) {
      const mark = memory.scratchMark();
      ctx.label = node.label;
      let made =
        chunk.kind === 'columns' && isReady(chunk)
          ? chunk
          : columnsFromRows(memory, columns, rowsOf(chunk), node.label);
      for (const { label, compute } of computations) {
        if (made.numRows === 0) break;
        ctx.label = label;
        made = compute(made);
      }
      if (made.numRows > 0) emit(made);
      memory.releaseScratch(mark);
    },
    finish: () => undefined,
  };
}

/** Whether a chunk has these columns, in their order; one that stands for bare values has none. */
const isOf = ({ schema, scalar }: ColumnChunk, columns: readonly Column[]): boolean =>
  !scalar &&
  schema.length === columns.length &&
  columns.every(({ name, kind, nullable }, i) => {
    const own = schema[i];
    return own !== undefined && own.name === name && own.kind === kind && own.nullable === nullable;
  });

function projection(columns: readonly NamedExpr[], wanted: Names, udf: CallUdf): Compute {
  const schema = columnsOfProjection(columns);
  return chunk => ({
    kind: 'columns',
    numRows: chunk.numRows,
    memory: chunk.memory,
    schema,
    columns: columns.map(({ name, expr }) => (wanted?.has(name) === false ? undefined : evalColumn(chunk, expr, udf))),
    ascii: false,
    textStart: 0,
    textEnd: 0,
    scalar: false,
  });
}

type Order = Extract<Operation, { readonly kind: 'orderRows' }>;

/** Rows of a partition before they are shuffled: to sort all of them here would be work done twice. */
function ordering(
  { memory }: TaskContext,
  node: PlanNode,
  { order, limit }: Order,
  columns: readonly Column[],
  emit: Emit,
): Operator {
  if (limit === null) throw new EngineError('internal', `${node.label} orders all rows without a shuffle`);
  const first = new FirstRows(memory, columns, order, limit);
  return {
    push(chunk) {
      const mark = memory.scratchMark();
      first.push(chunk.kind === 'columns' ? chunk : columnsFromRows(memory, columns, chunk.rows, node.label));
      memory.releaseScratch(mark);
    },
    finish() {
      const mark = memory.scratchMark();
      const rows = first.finish();
      if (rows !== undefined) emit(rows);
      memory.releaseScratch(mark);
      first.dispose();
    },
  };
}

type Explode = Extract<Operation, { readonly kind: 'explode' }>;

function explosion(node: PlanNode, operation: Explode, used: readonly string[] | undefined, udf: CallUdf): Compute {
  const schema = requireColumns(node, node.columns);
  const separator = Buffer.from(operation.separator);
  const wanted = used && new Set(used);
  return chunk => {
    const text = evalColumn(chunk, operation.text, udf);
    const { rows, count, pieces } = splitText(chunk.memory, text, chunk.numRows, separator);
    const taken = takeRows(only(chunk, wanted), rows, count);
    const columns = schema.map(({ name }) =>
      name === operation.name ? pieces : taken.columns[chunk.schema.findIndex(column => column.name === name)],
    );
    return { ...taken, schema, columns, ascii: false, textStart: 0, textEnd: 0 };
  };
}

function requireColumns(node: PlanNode, columns: readonly Column[] | undefined): readonly Column[] {
  if (columns === undefined) throw new EngineError('internal', `${node.label} works on columns and is given none`);
  return columns;
}

/** The functions of the job that a node's expressions call, by number. */
function udfsOf(graph: GraphView, id: NodeId): CallUdf {
  const missing = (): never => {
    throw new EngineError('internal', `no functions for ${graph.node(id).label}`);
  };
  return (graph.functions.get(id) as CallUdf | undefined) ?? missing;
}
