import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { bindAggregates } from '../expr/bind.js';
import type { AggExpr } from '../expr/aggregate.js';
import { evalOnRow } from '../expr/eval-row.js';
import type { NamedExpr } from '../expr/expr-data.js';
import type { AggregateColumn, Dependency, NodeId, Operation, Shuffle, WideAggregate } from '../plan/node.js';
import { addProjection, withColumns } from './column-operations.js';
import { StreamBuilder } from './stream-builder.js';
import type { StreamGraph } from './stream-graph.js';

/** What `groupBy(names)` of a node is asked for. */
export interface GroupRequest {
  readonly parent: NodeId;
  readonly names: readonly string[];
  readonly aggregates: Record<string, AggExpr>;
  readonly numPartitions: number | undefined;
  readonly operation: (
    keys: readonly Column[],
    aggregates: readonly AggregateColumn[],
    wide: { readonly wide?: readonly WideAggregate[] },
  ) => Operation;
}

/** Adds the node that aggregates by columns, behind the shuffle that brings equal keys together. Throws `jobInvalid` where names or types do not fit. */
export function addGroupNode(graph: StreamGraph, request: GroupRequest): NodeId {
  const { names } = request;
  const columns = graph.node(request.parent).columns;
  if (columns === undefined) {
    throw new EngineError(
      'jobInvalid',
      `groupBy(${names.join(', ')}) needs a stream whose columns are declared, as fileStream with a schema has: ` +
        'group the stream before map, declare the columns with toColumns(schema), or use reduceByKey',
    );
  }
  const keys = names.map(name => {
    const column = columns.find(candidate => candidate.name === name);
    if (column !== undefined) return column;
    const known = columns.map(candidate => candidate.name).join(', ');
    throw new EngineError('jobInvalid', `groupBy wants columns out of ${known}; got '${name}'`);
  });
  const clash = Object.keys(request.aggregates).find(name => names.includes(name));
  if (clash !== undefined) {
    throw new EngineError(
      'jobInvalid',
      `aggregate '${clash}' has the name of a column it is grouped by: give it another`,
    );
  }
  const { before, udfs, aggregates, wide, behind } = bindAggregates(request.aggregates, columns, names);
  const beside = wide === undefined ? {} : { wide };
  const parent = withColumns(graph, request.parent, before, udfs);
  const shuffle: Shuffle = {
    id: graph.uniqueName('shuffle'),
    numPartitions: request.numPartitions ?? graph.numPartitions,
    mode: { kind: 'groups', keys: keys.map(key => columns.indexOf(key)), aggregates, ...beside },
  };
  // A minimum or maximum of no value is null.
  const output: Column[] = [
    ...keys,
    ...aggregates.map(({ name, kind, outputKind }) => ({ name, kind: outputKind, nullable: !kind.startsWith('sum') })),
  ];
  const operation = request.operation(keys, aggregates, beside);
  const dependency = { kind: 'shuffle', parent, shuffle } as const;
  if (wide?.some(({ outputKind }) => outputKind === 'list') === true) {
    return addListNode(graph, operation, dependency, [...names, ...Object.keys(request.aggregates)], behind);
  }
  for (const { name, outputKind, nullable } of wide ?? [])
    if (outputKind !== 'list') output.push({ name, kind: outputKind, nullable });
  const id = graph.addNode(operation, [dependency], output);
  if (behind === undefined) return id;
  const kept = keys.map(({ name, kind, nullable }) => ({
    name,
    expr: { op: 'column', name, kind, nullable } as const,
  }));
  return addProjection(graph, id, [...kept, ...behind], []);
}

/** Rows with lists have no declared columns; what is derived from the accumulators is computed row by row. */
function addListNode(
  graph: StreamGraph,
  operation: Operation,
  dependency: Dependency,
  names: readonly string[],
  behind: readonly NamedExpr[] | undefined,
): NodeId {
  const id = graph.addNode(operation, [dependency], undefined);
  if (behind === undefined) return id;
  const derived = new Map(behind.map(({ name, expr }) => [name, expr]));
  const noUdf = (index: number): never => {
    throw new EngineError('internal', `no function ${index} behind aggregates`);
  };
  return new StreamBuilder(graph).narrow('map', id, (row: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      names.map(name => {
        const expr = derived.get(name);
        return [name, expr === undefined ? row[name] : evalOnRow(expr, row, noUdf)];
      }),
    ),
  );
}
