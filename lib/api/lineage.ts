/**
 * The lineage of one batch's RDDs: how each is computed from others. Nodes are immutable and point to what they are made
 * from; they get numbers only when something is computed (`lower-lineage.ts`), so that driver and worker, which build
 * the same lineage by running the same function of the job, number it alike.
 */
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import type { StorageLevel } from '../core/storage-level.js';
import type { NodeId, Operation, Shuffle } from '../plan/node.js';
import { callSite } from './call-site.js';
import { requireFunction, type Builder, type NarrowKind, type Wide } from './operations.js';
import { countOf, partitionerOf, type Partitioner } from './partitioner.js';
import type { Combiner, UserFunction } from './closures.js';

/** Where a lineage begins. */
export type LineageLeaf =
  /** The RDD that a stream of the job has in the batch. */
  | { readonly kind: 'stream'; readonly node: NodeId }
  /** Values of the job itself; only the driver's are used. */
  | { readonly kind: 'collection'; readonly rows: readonly unknown[]; readonly numPartitions: number }
  /** Rows kept as blocks; the session is who keeps them. */
  | { readonly kind: 'blocks'; readonly name: string; readonly numPartitions: number; readonly session: object };

export interface LineageDependency {
  readonly node: Lineage;
  /** Absent for a narrow dependency. */
  readonly shuffle?: Omit<Shuffle, 'id'>;
}

export class Lineage {
  readonly leaf: LineageLeaf | undefined;
  readonly operation: Operation | undefined;
  readonly dependencies: readonly LineageDependency[];
  readonly columns: readonly Column[] | undefined;
  readonly f: UserFunction | undefined;
  readonly combiner: Combiner | undefined;
  readonly partitioner: Partitioner | undefined;
  readonly label: string;
  /** Whether its rows are kept once they are computed, until the batch's function ends. */
  isCached = false;
  /** Where they are kept then. */
  storageLevel: StorageLevel = 'MEMORY_ONLY';

  constructor(parts: LineageParts) {
    this.leaf = parts.leaf;
    this.operation = parts.operation;
    this.dependencies = parts.dependencies ?? [];
    this.columns = parts.columns;
    this.f = parts.f;
    this.combiner = parts.combiner;
    this.partitioner = parts.partitioner;
    // Whoever made rows that are there already is no place in the job's code.
    this.label = parts.operation === undefined ? (parts.leaf?.kind ?? 'rdd') : `${parts.operation.kind}${callSite()}`;
  }
}

export interface LineageParts {
  readonly leaf?: LineageLeaf;
  readonly operation?: Operation;
  readonly dependencies?: readonly LineageDependency[];
  readonly columns?: readonly Column[] | undefined;
  readonly f?: UserFunction | undefined;
  readonly combiner?: Combiner | undefined;
  readonly partitioner?: Partitioner | undefined;
}

/** Adds operations to a lineage. */
export class LineageBuilder implements Builder<Lineage> {
  readonly #numPartitions: number;

  /** @param numPartitions of a shuffle where nothing is said */
  constructor(numPartitions: number) {
    this.#numPartitions = numPartitions;
  }

  columnsOf(node: Lineage): readonly Column[] | undefined {
    return node.columns;
  }

  narrow(kind: NarrowKind, parent: Lineage, f: UserFunction | undefined, columns?: readonly Column[]): Lineage {
    if (kind !== 'glom') requireFunction(kind, f);
    return new Lineage({ operation: { kind }, dependencies: [{ node: parent }], f, columns });
  }

  union(parents: readonly Lineage[]): Lineage {
    const columns = parents.map(({ columns: own }) => JSON.stringify(own));
    return new Lineage({
      operation: { kind: 'union' },
      dependencies: parents.map(node => ({ node })),
      columns: columns.every(text => text === columns[0]) ? parents[0]?.columns : undefined,
    });
  }

  wide({ operation, parents, mode, partitions, combiner, columns }: Wide<Lineage>): Lineage {
    const numPartitions = countOf(partitions, this.#numPartitions);
    const partitioner = partitionerOf(partitions);
    const own: Shuffle['mode'] = partitioner !== undefined && mode.kind === 'pairs' ? { ...mode, custom: true } : mode;
    return new Lineage({
      operation,
      dependencies: parents.map(node => ({ node, shuffle: { numPartitions, mode: own } })),
      columns,
      combiner,
      partitioner,
    });
  }
}

/** Throws `jobInvalid` where it depends on what a source gives in the batch. */
export function numPartitionsOf({ leaf, dependencies, label }: Lineage): number {
  if (leaf?.kind === 'stream') {
    throw new EngineError(
      'jobInvalid',
      `${label}: how many partitions a stream has in a batch is known when the batch is computed, not in transform; ` +
        'use repartition(n) or ask in foreachRDD',
    );
  }
  if (leaf !== undefined) return leaf.numPartitions;
  const shuffle = dependencies.find(dependency => dependency.shuffle !== undefined)?.shuffle;
  return shuffle?.numPartitions ?? dependencies.reduce((sum, { node }) => sum + numPartitionsOf(node), 0);
}
