import type { ReceiverInfo } from '../core/receiver-info.js';

/** What a running job tells its listeners (console, UI, specs): plain data, in order. */
export type RunEvent =
  | { readonly kind: 'started'; readonly info: RunInfo }
  /** State is being restored: bytes of snapshots and log that workers have loaded so far; since the start of the run. */
  | {
      readonly kind: 'restoring';
      readonly doneBytes: number;
      readonly totalBytes: number;
      readonly elapsedMs: number;
    }
  /** State and offsets are restored; `rerun` batches were planned and not committed and are run again first. */
  | {
      readonly kind: 'restored';
      readonly lastBatchTime: number;
      readonly stateRows: number;
      readonly rerun: number;
      readonly tookMs: number;
    }
  /** What the batch reads is fixed; it waits for its turn. */
  | {
      readonly kind: 'batchSubmitted';
      readonly time: number;
      readonly submittedMs: number;
      readonly inputs: readonly BatchInput[];
    }
  | { readonly kind: 'batchStarted'; readonly time: number; readonly startedMs: number }
  /** An output without rows in a batch, and between its slides, has nothing to do and is not told of. */
  | { readonly kind: 'outputStarted'; readonly time: number; readonly output: string; readonly startedMs: number }
  /** `failure`: why it failed; undefined when it did not. */
  | {
      readonly kind: 'outputCompleted';
      readonly time: number;
      readonly output: string;
      readonly completedMs: number;
      readonly failure: string | undefined;
    }
  | { readonly kind: 'batchCompleted'; readonly batch: BatchInfo }
  | {
      readonly kind: 'batchFailed';
      readonly time: number;
      readonly failedMs: number;
      readonly message: string;
      readonly location: string;
    }
  | { readonly kind: 'taskRetried'; readonly task: string; readonly attempt: number; readonly reason: string }
  | { readonly kind: 'checkpointWritten'; readonly time: number; readonly bytes: number; readonly tookMs: number }
  /** A receiver receives; it reported a problem or is about to be restarted; it will not be started again. */
  | { readonly kind: 'receiverStarted' | 'receiverError' | 'receiverStopped'; readonly receiver: ReceiverInfo }
  /** Lines of an output operation that prints, ready to be shown. */
  | { readonly kind: 'printed'; readonly time: number; readonly lines: readonly string[] }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'stopped'; readonly summary: RunSummary };

export type { ReceiverInfo } from '../core/receiver-info.js';

/** Events inside a batch, told besides what `batchCompleted` sums up. */
export const STEP_EVENTS: readonly RunEvent['kind'][] = [
  'batchSubmitted',
  'batchStarted',
  'outputStarted',
  'outputCompleted',
];

/** What a batch reads of one source. */
export interface BatchInput {
  readonly source: string;
  /** For people: which files, which rows. */
  readonly description: string;
}

export interface RunInfo {
  readonly job: string;
  readonly startedMs: number;
  readonly intervalMs: number;
  readonly workers: number;
  /** Absolute path, or undefined when checkpointing is off. */
  readonly checkpoint: string | undefined;
  readonly deadLetters: string | undefined;
  /** Id and description (path) of each source and output; `label`: operation and place in the job file. */
  readonly sources: readonly { readonly id: string; readonly description: string }[];
  readonly outputs: readonly {
    readonly id: string;
    readonly label: string;
    readonly description: string;
    readonly path: string | undefined;
  }[];
}

export interface BatchInfo {
  readonly time: number;
  readonly submittedMs: number;
  readonly startedMs: number;
  readonly completedMs: number;
  /** started - batch time (or submitted, where batches are cut as fast as they run). */
  readonly schedulingDelayMs: number;
  readonly processingDelayMs: number;
  readonly totalDelayMs: number;
  readonly records: number;
  /** The same by source id; a source of which the batch reads nothing is not in it. */
  readonly recordsBySource: { readonly [source: string]: number };
  readonly bytes: number;
  readonly badRecords: number;
  readonly outputRows: number;
  readonly stateRows: number;
  readonly numTasks: number;
  readonly failedTasks: number;
  /** True when an earlier process had planned the batch. */
  readonly rerun: boolean;
  /** All sources together, where they can tell; see SourcePlan. */
  readonly progress: { readonly done: number; readonly total: number; readonly unit: 'bytes' | 'records' } | undefined;
  /** By source id, the records per second that later batches are limited to; a source without a limit is not in it. */
  readonly rateLimits?: { readonly [source: string]: number };
  /** Shuffled and kept rows when the batch was done; the last two count since the start of the run. */
  readonly blocks?: {
    readonly memoryBytes: number;
    readonly fileBytes: number;
    /** Written to files because memory was short. */
    readonly spilledBytes: number;
    /** Blocks in files that could not be read back and were computed again. */
    readonly recomputedBlocks: number;
  };
}

export interface RunSummary {
  readonly batches: number;
  readonly records: number;
  readonly bytes: number;
  readonly badRecords: number;
  readonly outputRows: number;
  readonly stateRows: number;
  /** Batches that failed and were left out, under onBatchFailure: continue; the next run begins with them. */
  readonly failedBatches: number;
  readonly elapsedMs: number;
  /** Only where blocks went to files; as in `BatchInfo`. */
  readonly blocks?: { readonly spilledBytes: number; readonly recomputedBlocks: number };
  readonly reason: 'finished' | 'stopped' | 'failed';
}

export type RunListener = (event: RunEvent) => void;
