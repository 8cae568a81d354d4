/** What a running job tells its listeners (console, UI, specs): plain data, in order. */
export type RunEvent =
  | { readonly kind: 'started'; readonly info: RunInfo }
  /** State and offsets are restored; `rerun` batches were planned and not committed and are run again first. */
  | {
      readonly kind: 'restored';
      readonly lastBatchTime: number;
      readonly stateRows: number;
      readonly rerun: number;
      readonly tookMs: number;
    }
  | { readonly kind: 'batchCompleted'; readonly batch: BatchInfo }
  | { readonly kind: 'batchFailed'; readonly time: number; readonly message: string; readonly location: string }
  | { readonly kind: 'taskRetried'; readonly task: string; readonly attempt: number; readonly reason: string }
  | { readonly kind: 'checkpointWritten'; readonly time: number; readonly bytes: number; readonly tookMs: number }
  /** Lines of an output operation that prints, ready to be shown. */
  | { readonly kind: 'printed'; readonly time: number; readonly lines: readonly string[] }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'stopped'; readonly summary: RunSummary };

export interface RunInfo {
  readonly job: string;
  readonly intervalMs: number;
  readonly workers: number;
  /** Absolute path, or undefined when checkpointing is off. */
  readonly checkpoint: string | undefined;
  readonly deadLetters: string | undefined;
  /** Id and description (path) of each source and output. */
  readonly sources: readonly { readonly id: string; readonly description: string }[];
  readonly outputs: readonly { readonly id: string; readonly description: string; readonly path: string | undefined }[];
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
  readonly reason: 'finished' | 'stopped' | 'failed';
}

export type RunListener = (event: RunEvent) => void;
