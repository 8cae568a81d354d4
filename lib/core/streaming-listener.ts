/**
 * What a program may hear of its running streams: the events and field names of Spark's StreamingListener. All instants
 * are epoch milliseconds, all delays milliseconds. A field that is not known yet is undefined.
 */
import type { ReceiverInfo } from './receiver-info.js';

export type { ReceiverInfo };

/** What a batch reads of one source. */
export interface StreamInputInfo {
  /** The source's id. */
  readonly inputStreamId: string;
  /** Records read, malformed ones included; 0 until the batch is completed, because workers count while they read. */
  readonly numRecords: number;
  readonly metadata: {
    /** Which files, rows or blocks, one a line. */
    readonly description: string;
  };
}

/** One output operation of one batch. */
export interface OutputOperationInfo {
  readonly batchTime: number;
  /** What checkpoints call it, such as `saveAsCsv`. */
  readonly id: string;
  /** The operation and its place in the job file. */
  readonly name: string;
  /** What it is and where it leads, such as a path. */
  readonly description: string;
  readonly startTime: number | undefined;
  readonly endTime: number | undefined;
  readonly duration: number | undefined;
  readonly failureReason: string | undefined;
}

/** A batch, with what is known of it at the time of the event. */
export interface BatchInfo {
  readonly batchTime: number;
  readonly streamIdToInputInfo: ReadonlyMap<string, StreamInputInfo>;
  /** When its input was fixed. */
  readonly submissionTime: number;
  readonly processingStartTime: number | undefined;
  /** When it was committed, or had failed. */
  readonly processingEndTime: number | undefined;
  /** processingStartTime - submissionTime. */
  readonly schedulingDelay: number | undefined;
  /** processingEndTime - processingStartTime. */
  readonly processingDelay: number | undefined;
  /** The sum of both. */
  readonly totalDelay: number | undefined;
  readonly numRecords: number;
  /** By output id: those that had anything to do so far. */
  readonly outputOperationInfos: ReadonlyMap<string, OutputOperationInfo>;
}

/**
 * Hears of a run; each method is optional. A listener gets its events one at a time, in the order in which things
 * happened, after they happened: it never holds a batch up. One that returns a promise gets the next event when that has
 * settled. What it throws becomes a warning. One that falls far behind loses the oldest events, which a warning says.
 */
export interface StreamingListener {
  onStreamingStarted?(event: { readonly time: number }): void | Promise<void>;
  onReceiverStarted?(event: { readonly receiverInfo: ReceiverInfo }): void | Promise<void>;
  onReceiverError?(event: { readonly receiverInfo: ReceiverInfo }): void | Promise<void>;
  onReceiverStopped?(event: { readonly receiverInfo: ReceiverInfo }): void | Promise<void>;
  onBatchSubmitted?(event: { readonly batchInfo: BatchInfo }): void | Promise<void>;
  onBatchStarted?(event: { readonly batchInfo: BatchInfo }): void | Promise<void>;
  /** The batch is committed; or it failed, then an output operation has a `failureReason`. */
  onBatchCompleted?(event: { readonly batchInfo: BatchInfo }): void | Promise<void>;
  onOutputOperationStarted?(event: { readonly outputOperationInfo: OutputOperationInfo }): void | Promise<void>;
  onOutputOperationCompleted?(event: { readonly outputOperationInfo: OutputOperationInfo }): void | Promise<void>;
}
