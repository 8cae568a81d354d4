/**
 * Operators on columns: chunks of columns in, chunks of columns out, no row is made. Rows that come from closures become
 * columns first. What a chunk takes in scratch is given back when everything behind the operator has seen it.
 */
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import type { Chunk, ColumnChunk } from '../columnar/chunk.js';
import { columnsFromRows } from '../columnar/columns-from-rows.js';
import { evalPredicate } from '../columnar/predicate.js';
import { rowsOf } from '../columnar/rows.js';
import { splitText } from '../columnar/split-text.js';
import { takeRows } from '../columnar/take-rows.js';
import { evalColumn, selectRows } from '../expr/eval-chunk.js';
import type { BoundExpr, CallUdf, NamedExpr } from '../expr/expr-data.js';
import { splitCondition } from '../expr/split-condition.js';
import type { Operation, PlanNode } from '../plan/node.js';
import type { Emit, Operator } from './row-operators.js';
import type { TaskContext } from './task-context.js';

export interface ColumnOperatorOptions {
  readonly ctx: TaskContext;
  readonly node: PlanNode;
  /** Calls the functions of the job that its expressions hold, by number; undefined where there are none. */
  readonly f: ((...args: unknown[]) => unknown) | undefined;
  readonly emit: Emit;
  /** Columns of the node before. */
  readonly input: readonly Column[] | undefined;
  /** Columns of its own that are read behind it; undefined = all. */
  readonly wanted: readonly string[] | undefined;
}

type ColumnOperation = Extract<Operation, { readonly kind: 'where' | 'project' | 'explode' | 'toColumns' }>;

const isColumns = (operation: Operation): operation is ColumnOperation =>
  operation.kind === 'where' ||
  operation.kind === 'project' ||
  operation.kind === 'explode' ||
  operation.kind === 'toColumns';

export const isColumnOperation = (node: PlanNode): boolean => isColumns(node.operation);

export function columnOperator(options: ColumnOperatorOptions): Operator {
  const { ctx, node, emit } = options;
  const { memory } = ctx;
  const declares = node.operation.kind === 'toColumns';
  const input = declares ? node.columns : options.input;
  if (input === undefined) throw new EngineError('internal', `${node.label} works on columns and is given none`);
  const compute = computation(options);
  return {
    push(chunk: Chunk) {
      const mark = memory.scratchMark();
      ctx.label = node.label;
      const isReady = chunk.kind === 'columns' && (!declares || isOf(chunk, input));
      const made = compute(isReady ? chunk : columnsFromRows(memory, input, rowsOf(chunk), node.label));
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

function computation({ node, f, wanted }: ColumnOperatorOptions): (chunk: ColumnChunk) => ColumnChunk {
  const udf = (f ?? (() => missing(node))) as CallUdf;
  const { operation } = node;
  if (operation.kind === 'where') return filter(operation.condition, udf);
  if (operation.kind === 'project') return projection(node, operation.columns, wanted, udf);
  if (operation.kind === 'explode') return explosion(node, operation, udf);
  return chunk => chunk;
}

/** What the kernels can test goes first: the rest is computed for fewer rows. */
function filter(condition: BoundExpr, udf: CallUdf): (chunk: ColumnChunk) => ColumnChunk {
  const { predicate, rest } = splitCondition(condition);
  return chunk => {
    let kept = chunk;
    if (predicate !== undefined) {
      const mask = evalPredicate(chunk, predicate);
      kept = selected(chunk, rowsOfMask(chunk, mask));
    }
    return rest === undefined || kept.numRows === 0 ? kept : selected(kept, selectRows(kept, rest, udf));
  };
}

type Selection = ReturnType<typeof selectRows>;

const selected = (chunk: ColumnChunk, { indexes, count }: Selection): ColumnChunk =>
  count === chunk.numRows ? chunk : takeRows(chunk, indexes, count);

function rowsOfMask({ memory, numRows }: ColumnChunk, mask: number): Selection {
  const indexes = memory.scratch(numRows * 4);
  const { u8, u32 } = memory;
  let count = 0;
  for (let row = 0; row < numRows; row++) if (u8[mask + row] !== 0) u32[(indexes >>> 2) + count++] = row;
  return { indexes, count };
}

function projection(
  node: PlanNode,
  columns: readonly NamedExpr[],
  wanted: readonly string[] | undefined,
  udf: CallUdf,
): (chunk: ColumnChunk) => ColumnChunk {
  const schema = node.columns ?? [];
  return chunk => ({
    kind: 'columns',
    numRows: chunk.numRows,
    memory: chunk.memory,
    schema,
    columns: columns.map(({ name, expr }) =>
      wanted?.includes(name) === false ? undefined : evalColumn(chunk, expr, udf),
    ),
    ascii: false,
    textStart: 0,
    textEnd: 0,
    scalar: false,
  });
}

type Explode = Extract<Operation, { readonly kind: 'explode' }>;

function explosion(node: PlanNode, operation: Explode, udf: CallUdf): (chunk: ColumnChunk) => ColumnChunk {
  const schema = node.columns ?? [];
  const separator = Buffer.from(operation.separator);
  return chunk => {
    const text = evalColumn(chunk, operation.text, udf);
    const { rows, count, pieces } = splitText(chunk.memory, text, chunk.numRows, separator);
    const taken = takeRows(chunk, rows, count);
    const columns = schema.map(({ name }) =>
      name === operation.name ? pieces : taken.columns[chunk.schema.findIndex(column => column.name === name)],
    );
    return { ...taken, schema, columns, ascii: false, textStart: 0, textEnd: 0 };
  };
}

function missing(node: PlanNode): never {
  throw new EngineError('internal', `no functions for ${node.label}`);
}
