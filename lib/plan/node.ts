/**
 * The plan: what a job's graph becomes. Every DStream is one node; in each batch a node stands for one RDD, whose
 * partitions are computed from the partitions of the nodes it depends on. Nodes are frozen plain data: they print,
 * compare and cross threads as they are. A node's closure is not in it: each thread has its own, by node id.
 */
import type { StorageLevel } from '../core/storage-level.js';
import type { OutputFilesSpec } from '../core/file-sink-spec.js';
import type { Json } from '../core/json.js';
import type { Column, ColumnKind } from '../core/schema.js';
import type { SourceSpec } from '../core/source-spec.js';
import type { TableContent } from '../core/table-content.js';
import type { Predicate } from '../columnar/predicate.js';
import type { SortColumn } from '../columnar/sort-keys.js';
import type { WideAggregate } from '../columnar/wide/wide-aggregate.js';
import type { BoundExpr, NamedExpr } from '../expr/expr-data.js';

export type { WideAggregate } from '../columnar/wide/wide-aggregate.js';

export type NodeId = number & { readonly __brand: 'NodeId' };
export const nodeId = (id: number): NodeId => id as NodeId;

/** How a node's partitions come from another's: one to one (or one to the union of some), or by a shuffle. */
export type Dependency =
  | { readonly kind: 'narrow'; readonly parent: NodeId }
  | { readonly kind: 'shuffle'; readonly parent: NodeId; readonly shuffle: Shuffle };

/** How the rows of the parent are spread over the partitions of the child. */
export interface Shuffle {
  readonly id: string;
  readonly numPartitions: number;
  readonly mode:
    /**
     * Pairs by the key's content; `combine`: values of one key are combined before they are written; `custom`: the
     * job's own partitioner says where a key goes.
     */
    | { readonly kind: 'pairs'; readonly combine: boolean; readonly custom?: true }
    /** Evenly, whatever the row is. */
    | { readonly kind: 'roundRobin' }
    /** Columns as they are, by the values of some of them; without keys evenly, whatever the row is. */
    | { readonly kind: 'columns'; readonly keys: readonly number[] }
    /** Columns aggregated by key before they are written. */
    | {
        readonly kind: 'groups';
        readonly keys: readonly number[];
        readonly aggregates: readonly AggregateColumn[];
        readonly wide?: readonly WideAggregate[];
      };
}

/** One aggregate of a group, bound to the columns it reads. */
export interface AggregateColumn {
  readonly name: string;
  readonly kind: 'sumInt64' | 'sumFloat64' | 'minInt64' | 'maxInt64' | 'minFloat64' | 'maxFloat64';
  /** The column it reads; absent = 1 for each row. */
  readonly column?: string;
  /** Rows for which this is not true are left out. */
  readonly filter?: Predicate;
  readonly outputKind: ColumnKind;
}

/** What is kept for a key: columns of numbers, or any JSON-like value. */
export type StateValue = readonly Column[] | 'variable';

export type Operation =
  | { readonly kind: 'source'; readonly sourceId: string; readonly spec: SourceSpec }
  | { readonly kind: 'map' | 'filter' | 'flatMap' | 'mapValues' | 'flatMapValues' | 'mapPartitions' | 'glom' }
  /** Rows for which the condition is true. */
  | { readonly kind: 'where'; readonly condition: BoundExpr }
  /** Each row becomes the row of these columns. */
  | { readonly kind: 'project'; readonly columns: readonly NamedExpr[] }
  /** Each row once for each piece of a text, with the piece as the column `name`. */
  | { readonly kind: 'explode'; readonly name: string; readonly text: BoundExpr; readonly separator: string }
  | JoinTableOperation
  /** The rows of each partition in order, the first `limit` of them; null = all. Equal rows keep their order. */
  | { readonly kind: 'orderRows'; readonly order: readonly SortColumn[]; readonly limit: number | null }
  /** Of the rows of each partition the first for each combination of values of these columns. */
  | { readonly kind: 'firstOfKey'; readonly names: readonly string[] }
  /** Rows of the declared columns, checked. */
  | { readonly kind: 'toColumns' }
  /** Rows as closures have them, of columns. */
  | { readonly kind: 'toRows' }
  /** As `mapPartitions`; the closure is told which partition it is: see `place` in `executor/pipeline.ts`. */
  | { readonly kind: 'mapPartitionsWithPlace' }
  | { readonly kind: 'union' }
  /** A function of the batch's RDDs gives the RDD: in each batch nodes of its own stand between this one and its parents. */
  | { readonly kind: 'transform' }
  /** Values of the driver, cut into partitions. */
  | { readonly kind: 'collection'; readonly numPartitions: number; readonly slideMs: number | null }
  /** Rows that were computed before and kept as blocks. */
  | { readonly kind: 'blocks'; readonly name: string; readonly numPartitions: number }
  | { readonly kind: 'repartition' }
  /** Values of one key combined to one; without `combine` in the shuffle the values come as they were. */
  | { readonly kind: 'combineByKey' }
  | { readonly kind: 'groupByKey' }
  /** The pairs as they were, by key. */
  | { readonly kind: 'partitionBy' }
  | { readonly kind: 'cogroup' }
  | {
      readonly kind: 'aggregate';
      readonly keys: readonly Column[];
      readonly aggregates: readonly AggregateColumn[];
      /** Aggregates that keep more than a number a group. */
      readonly wide?: readonly WideAggregate[];
    }
  | {
      readonly kind: 'runningAggregate';
      readonly operatorId: string;
      readonly keys: readonly Column[];
      readonly aggregates: readonly AggregateColumn[];
      readonly wide?: readonly WideAggregate[];
    }
  | {
      readonly kind: 'updateState';
      readonly operatorId: string;
      readonly value: StateValue;
      /** Tells one initial state from another; null for none. */
      readonly initial: string | null;
      /** Its function takes all keys of a partition at once. */
      readonly wholePartition: boolean;
    }
  | MapWithStateOperation
  /** All states of the mapWithState that it hangs on, as pairs, after each batch. */
  | { readonly kind: 'stateSnapshots' }
  | WindowOperation;

/** Rows beside those of a static table that have the same key, which are looked up: no shuffle. */
export interface JoinTableOperation {
  readonly kind: 'joinTable';
  readonly table: string;
  readonly content: TableContent;
  /** `semi`: the rows that find something, each once; `anti`: those that do not. Nulls find nothing. */
  readonly how: 'inner' | 'left' | 'semi' | 'anti';
  /** Pairs of key columns. */
  readonly on: readonly { readonly column: string; readonly tableColumn: string }[];
  /** What comes of the table, behind the stream's columns. */
  readonly added: readonly { readonly from: string; readonly name: string }[];
}

/** Calls its function for each record with the state of the record's key. */
export interface MapWithStateOperation {
  readonly kind: 'mapWithState';
  readonly operatorId: string;
  /** Keys without a record for longer are forgotten; null: none is. */
  readonly timeoutMs: number | null;
  /** Tells one initial state from another; null for none. */
  readonly initial: string | null;
}

/** Keeps the batches of the last `windowMs` and gives what they hold together, each time a slide ends. */
export interface WindowOperation {
  readonly kind: 'window';
  readonly operatorId: string;
  readonly windowMs: number;
  /** Null: as often as the parent has a batch. */
  readonly slideMs: number | null;
  readonly content:
    /** The rows as they are. */
    | 'rows'
    /** The same of rows whose columns are declared: kept, and given, as columns. */
    | 'columns'
    /** Pairs, combined by key over the window each time. */
    | 'pairs'
    /** Pairs, and the combined value of each key kept up to date: what enters is combined, what leaves taken back. */
    | 'totals';
}

export interface PlanNode {
  readonly id: NodeId;
  readonly operation: Operation;
  readonly dependencies: readonly Dependency[];
  /** Columns of the rows, where they are declared. */
  readonly columns: readonly Column[] | undefined;
  /** `map at jobs/x.ts:12`: what messages call it. */
  readonly label: string;
}

/** What is done with a stream's rows in each batch; outputs run in the order in which they were declared. */
export interface OutputNode {
  readonly id: string;
  readonly parent: NodeId;
  readonly label: string;
  readonly operation:
    | { readonly kind: 'file'; readonly spec: OutputFilesSpec }
    | { readonly kind: 'print'; readonly limit: number }
    /** A function in the driver is given the batch's RDD; its rows are kept as blocks meanwhile. */
    | { readonly kind: 'foreachRdd' }
    /** Rows are kept as blocks for as long as the stream remembers its batches; not given: in memory and on the disk. */
    | { readonly kind: 'persist'; readonly level?: StorageLevel }
    /** An action of an RDD: the first `limit` rows of each partition, and how many there are. */
    | { readonly kind: 'collect'; readonly limit: number | null };
}

/** The whole plan of a job, as data. */
export interface Plan {
  readonly job: string;
  readonly nodes: readonly PlanNode[];
  readonly outputs: readonly OutputNode[];
}

/** The id under which a node's state is kept, or undefined for a node without state. */
export function operatorIdOf(node: PlanNode): string | undefined {
  const operation = node.operation;
  return 'operatorId' in operation ? operation.operatorId : undefined;
}

/** The plan as JSON-able data: what the fingerprint is made of. Where code stands does not count. */
export function planData(plan: Plan): Json {
  const strip = ({ label: _, ...rest }: PlanNode | OutputNode) => rest;
  return JSON.parse(
    JSON.stringify({ job: plan.job, nodes: plan.nodes.map(strip), outputs: plan.outputs.map(strip) }),
  ) as Json;
}
