import type { Column } from '../core/schema.js';
import type { NodeId, Shuffle } from '../plan/node.js';
import type { UserFunction } from './closures.js';
import { requireFunction, type Builder, type NarrowKind, type Wide } from './operations.js';
import { countOf, partitionerOf, type Partitions } from './partitioner.js';
import type { StreamGraph } from './stream-graph.js';

/** Adds operations to the graph of a job's streams. */
export class StreamBuilder implements Builder<NodeId> {
  readonly #graph: StreamGraph;

  constructor(graph: StreamGraph) {
    this.#graph = graph;
  }

  columnsOf(node: NodeId): readonly Column[] | undefined {
    return this.#graph.node(node).columns;
  }

  narrow(kind: NarrowKind, parent: NodeId, f: UserFunction | undefined, columns?: readonly Column[]): NodeId {
    if (kind !== 'glom') requireFunction(kind, f);
    const id = this.#graph.addNode({ kind }, [{ kind: 'narrow', parent }], columns);
    if (f !== undefined) this.#graph.functions.set(id, f);
    return id;
  }

  union(parents: readonly NodeId[]): NodeId {
    const dependencies = parents.map(parent => ({ kind: 'narrow', parent }) as const);
    return this.#graph.addNode(
      { kind: 'union' },
      dependencies,
      unitedColumns(parents.map(parent => this.columnsOf(parent))),
    );
  }

  wide({ operation, parents, mode, partitions, combiner, columns }: Wide<NodeId>): NodeId {
    const dependencies = parents.map(
      parent => ({ kind: 'shuffle', parent, shuffle: this.shuffle(mode, partitions) }) as const,
    );
    const id = this.#graph.addNode(operation, dependencies, columns);
    const partitioner = partitionerOf(partitions);
    if (combiner !== undefined) this.#graph.combiners.set(id, combiner);
    if (partitioner !== undefined) this.#graph.partitioners.set(id, partitioner);
    return id;
  }

  /** Throws `optionInvalid` for a number of partitions below 1. */
  shuffle(mode: Shuffle['mode'], partitions: Partitions): Shuffle {
    const isCustom = partitionerOf(partitions) !== undefined && mode.kind === 'pairs';
    return {
      id: this.#graph.uniqueName('shuffle'),
      numPartitions: countOf(partitions, this.#graph.numPartitions),
      mode: isCustom ? { ...mode, custom: true } : mode,
    };
  }
}

/** Columns of the same names and kinds in the same order, each nullable where one of them is; else undefined. */
function unitedColumns(all: readonly (readonly Column[] | undefined)[]): readonly Column[] | undefined {
  const [first, ...others] = all;
  return others.reduce((united, columns) => {
    const fits = united?.length === columns?.length;
    const made = united?.flatMap((column, i) => {
      const other = columns?.[i];
      if (other === undefined || other.name !== column.name || other.kind !== column.kind) return [];
      return other.nullable === column.nullable ? column : Object.freeze({ ...column, nullable: true });
    });
    return fits && made?.length === united?.length ? made : undefined;
  }, first);
}
