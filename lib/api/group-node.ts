import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { bindAggregates } from '../expr/bind.js';
import type { AggExpr } from '../expr/aggregate.js';
import type { AggregateColumn, NodeId, Operation, Shuffle } from '../plan/node.js';
import { addProjection, withColumns } from './column-operations.js';
import type { StreamGraph } from './stream-graph.js';

/** What `groupBy(names)` of a node is asked for. */
export interface GroupRequest {
  readonly parent: NodeId;
  readonly names: readonly string[];
  readonly aggregates: Record<string, AggExpr>;
  readonly numPartitions: number | undefined;
  readonly operation: (keys: readonly Column[], aggregates: readonly AggregateColumn[]) => Operation;
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
  const { before, udfs, aggregates, behind } = bindAggregates(request.aggregates, columns, names);
  const parent = withColumns(graph, request.parent, before, udfs);
  const shuffle: Shuffle = {
    id: graph.uniqueName('shuffle'),
    numPartitions: request.numPartitions ?? graph.numPartitions,
    mode: { kind: 'groups', keys: keys.map(key => columns.indexOf(key)), aggregates },
  };
  // A minimum or maximum of no value is null.
  const output: Column[] = [
    ...keys,
    ...aggregates.map(({ name, kind, outputKind }) => ({ name, kind: outputKind, nullable: !kind.startsWith('sum') })),
  ];
  const id = graph.addNode(request.operation(keys, aggregates), [{ kind: 'shuffle', parent, shuffle }], output);
  if (behind === undefined) return id;
  const kept = keys.map(({ name, kind, nullable }) => ({
    name,
    expr: { op: 'column', name, kind, nullable } as const,
  }));
  return addProjection(graph, id, [...kept, ...behind], []);
}
