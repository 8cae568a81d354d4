import type { Json } from '../core/json.js';
import type { TaskFailure } from './task-failure.js';

/**
 * Everything that passes between the driver and a slot's worker, as plain data. Requests to one slot are answered one
 * at a time, in the order they were sent. Memory is shared: a block is named by slot and address and read in place.
 */

/** A region of a slot's memory that the driver keeps alive until it frees it. */
export interface BlockRef {
  readonly slot: number;
  readonly address: number;
  readonly byteLength: number;
  readonly numRows: number;
}

/** What a worker is born with (piscina's workerData). */
export interface WorkerInit {
  readonly slot: number;
  /** All slots' memories, by slot: own to write, others to read. */
  readonly memories: readonly WebAssembly.Memory[];
  readonly limitBytes: number;
  /** Absolute path of the compiled job module, and the values its arguments have. */
  readonly jobModule: string;
  readonly jobArgs: { readonly [name: string]: Json };
  /** Fingerprint of the driver's plan: the worker refuses to work with another. */
  readonly fingerprint: string;
  readonly numPartitions: number;
  readonly numKeyGroups: number;
  /** By source id, where what receivers stored lies. */
  readonly receiverFolders?: { readonly [source: string]: string };
}

/** Where the state table of one operator's partition lives: all a new worker needs to go on with it. */
export interface TableRef {
  readonly operator: string;
  readonly partition: number;
  readonly address: number;
}

export type WorkerRequest =
  /** Build the graph, compare the fingerprint, adopt what the memory already holds. First request to every new thread. */
  | { readonly kind: 'attach'; readonly blocks: readonly BlockRef[]; readonly tables: readonly TableRef[] }
  /** Run one attempt of one stage's partition. */
  | TaskRequest
  /** Make the accepted delta of (operator, partition) part of its table. Idempotent. */
  | { readonly kind: 'applyDelta'; readonly operator: string; readonly partition: number; readonly delta: BlockRef }
  /** Load rows of a checkpoint (Arrow IPC bytes) whose key groups belong to the partition. */
  | { readonly kind: 'restoreState'; readonly operator: string; readonly partition: number; readonly bytes: Uint8Array }
  /** Load the operator's initial state, as the job has it, where its key groups belong to the partition. */
  | { readonly kind: 'seedState'; readonly operator: string; readonly partition: number }
  /** Write the table as one Arrow IPC file, synced. */
  | { readonly kind: 'snapshotState'; readonly operator: string; readonly partition: number; readonly path: string }
  /** Give back blocks that nothing refers to any more. */
  | { readonly kind: 'free'; readonly addresses: readonly number[] };

export interface TaskRequest {
  readonly kind: 'task';
  readonly stage: number;
  readonly partition: number;
  readonly attempt: number;
  /** Batch time, epoch ms. */
  readonly time: number;
  /** Of the batch before. */
  readonly previousTime: number;
  /** What a source stage's task reads; null for other stages. */
  readonly range: Json;
  /** Blocks of this partition, one list for each shuffle the stage reads, in order of map stage and partition. */
  readonly inputs: readonly (readonly BlockRef[])[];
}

export type WorkerReply =
  | { readonly ok: true; readonly kind: 'done' }
  | { readonly ok: true; readonly kind: 'applied'; readonly numRows: number; readonly byteLength: number }
  | { readonly ok: true; readonly kind: 'task'; readonly result: TaskResult }
  | { readonly ok: true; readonly kind: 'restored'; readonly table: TableRef; readonly numRows: number }
  | { readonly ok: true; readonly kind: 'snapshot'; readonly file: SnapshotFileRef }
  | { readonly ok: false; readonly failure: TaskFailure };

export interface SnapshotFileRef {
  readonly operator: string;
  readonly partition: number;
  readonly path: string;
  readonly byteLength: number;
  readonly crc32: number;
  readonly numRows: number;
}

/**
 * The way of rows through the unions before an output: at each which of its streams they came by, the last union first.
 * Rows are put out in order of branch, then of stage and partition: a union's first stream whole before its second.
 */
export type Branch = readonly number[];

export interface StagedPart {
  readonly branch: Branch;
  readonly numRows: number;
  readonly blocks: readonly BlockRef[];
}

export interface CollectedPart {
  readonly branch: Branch;
  readonly numRows: number;
  readonly bytes: Uint8Array;
}

/** What one accepted attempt leaves behind. Of any other attempt nothing is seen. */
export interface TaskResult {
  readonly inputRecords: number;
  readonly inputBytes: number;
  /** By shuffle id: one block (or null when empty) per reduce partition. */
  readonly shuffles: { readonly [shuffleId: string]: readonly (BlockRef | null)[] };
  /** By output id: staged sink blocks, one part for each branch by which the task's rows come there. */
  readonly staged: { readonly [output: string]: readonly StagedPart[] };
  /** By output id: encoded rows for outputs that run in the driver (print, foreachRDD, queue sinks). */
  readonly collected: { readonly [output: string]: readonly CollectedPart[] };
  /** By operator id: the state's change. `ipc` is the same change as an Arrow IPC stream, for the log. */
  readonly deltas: {
    readonly [operator: string]: {
      /** Null when nothing changed. */
      readonly delta: BlockRef | null;
      readonly ipc: BlockRef | null;
      readonly table: TableRef;
    };
  };
  readonly badRecords: number;
  /** Dead-letter NDJSON lines. */
  readonly deadLetters: { readonly numRows: number; readonly blocks: readonly BlockRef[] };
  /** Milliseconds of work in the worker. */
  readonly runMs: number;
}
