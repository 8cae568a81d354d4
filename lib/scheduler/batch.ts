import type { Json } from '../core/json.js';
import type { BatchTime } from '../core/time.js';
import type { NodeId } from '../plan/node.js';
import type { Accumulated, BlockRef, BroadcastRef, KeptPart, PlanRef, RowSelection } from '../protocol/messages.js';
import type { TaskFailure } from '../protocol/task-failure.js';
import { NO_BATCH, type Progress } from './ports.js';

/** A batch whose input is fixed. */
export interface Batch {
  readonly time: BatchTime;
  /** Of the batch before: says which slides of windows end with this one. */
  readonly previousTime: number;
  /** By source; one that gave no batch, not even an empty one, is not in it. */
  readonly ranges: { readonly [source: string]: readonly Json[] };
  /** By source, for each of its ranges, which rows are taken; all of those that are not named. */
  readonly selections?: ReadonlyMap<string, readonly (RowSelection | undefined)[]>;
  /** What its sources planned; undefined for a batch that an earlier process planned. */
  readonly size?: { readonly records: number; readonly bytes: number };
  readonly submittedMs: number;
  /** Planned by an earlier process, run again. */
  readonly rerun: boolean;
  /** When it was due: scheduling delay counts from here. */
  readonly dueMs: number;
  readonly progress: Progress | undefined;
  /** The sources' states right after this batch was planned, when a checkpoint is to be taken after it. */
  readonly sourceStates: { readonly [source: string]: Json } | undefined;
}

/** Sources that give no batch, which is not an empty one. */
export const absentSources = ({ ranges }: Batch): ReadonlySet<string> =>
  new Set(Object.keys(ranges).filter(source => ranges[source]?.includes(NO_BATCH)));

/** What the tasks of a plan that belongs to one batch need beside it. */
export interface PlanInputs {
  /** Null: the job's own plan. */
  readonly plan: PlanRef | null;
  readonly broadcasts?: readonly BroadcastRef[];
  /** Ranges of values of the driver, by node. */
  readonly collections?: ReadonlyMap<number, readonly Json[]>;
  /** Nodes that have no batch. */
  readonly absent?: ReadonlySet<NodeId>;
  /** Rows kept as blocks, by name: one entry a partition, null for an empty one. */
  readonly kept?: ReadonlyMap<string, readonly (BlockRef | null)[]>;
}

/** What all accepted tasks of a batch left, in order of stage and partition. The blocks live until they are released. */
export interface BatchResult {
  readonly staged: ReadonlyMap<string, readonly { readonly numRows: number; readonly blocks: readonly BlockRef[] }[]>;
  readonly collected: ReadonlyMap<string, readonly { readonly numRows: number; readonly bytes: Uint8Array }[]>;
  /** One entry for each partition, also for those that no task was needed for. */
  readonly kept: ReadonlyMap<string, readonly KeptPart[]>;
  /** `ipc`: for the log, if there is one. */
  readonly deltas: readonly { readonly operator: string; readonly partition: number; readonly ipc: BlockRef | null }[];
  readonly deadLetters: readonly { readonly numRows: number; readonly blocks: readonly BlockRef[] }[];
  readonly blocks: readonly BlockRef[];
  readonly accumulated: readonly Accumulated[];
  readonly inputRecords: number;
  /** The same by source id; a source without a task in this batch is not in it. */
  readonly recordsBySource: ReadonlyMap<string, number>;
  readonly inputBytes: number;
  readonly badRecords: number;
  readonly numTasks: number;
  readonly failedTasks: number;
  /** Milliseconds that its tasks took in the workers, all together. */
  readonly runMs: number;
  /** `inputBytes` by source id, as `recordsBySource`. */
  readonly bytesBySource: ReadonlyMap<string, number>;
}

/** A batch that is committed. */
export interface CompletedBatch {
  readonly batch: Batch;
  readonly result: BatchResult;
  readonly outputRows: number;
  readonly startedMs: number;
  readonly completedMs: number;
}

/** Why a batch could not be computed: the task that failed on its last attempt. */
export interface BatchFailure {
  readonly time: BatchTime;
  readonly stage: number;
  readonly partition: number;
  readonly attempts: number;
  readonly label: string;
  readonly failure: TaskFailure;
  /** How each of its attempts ended, in order: `attempt 1 on worker 0: ...`. */
  readonly history?: readonly string[];
  /** What the task read, where that is a source's range. */
  readonly input?: { readonly source: string; readonly kind: string; readonly range: Json };
  /** Labels of the stage's operations: where a thread dies without a word, one of them ran. */
  readonly operations?: readonly string[];
  /** Why no record was left out for it. */
  readonly note?: string;
}
