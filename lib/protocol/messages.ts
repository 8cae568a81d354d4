import type { FilePlace } from '../core/file-place.js';
import type { KeyGroupRange } from '../core/hash.js';
import type { Json } from '../core/json.js';
import type { StateChange } from '../core/state-change.js';
import type { TaskFailure } from './task-failure.js';

/**
 * Everything that passes between the driver and a slot's worker, as plain data. Requests to one slot are answered one
 * at a time, in the order they were sent. Memory is shared: a block is named by slot and address and read in place.
 */

/**
 * A region of a slot's memory that the driver keeps alive until it frees it. The driver may move a block to a file: then
 * its reference is changed in place, and its address is beyond every memory and names it alone.
 */
export interface BlockRef {
  readonly slot: number;
  readonly address: number;
  readonly byteLength: number;
  readonly numRows: number;
  /** Where it lies when that is not the slot's memory. */
  readonly file?: FilePlace;
}

/** What a worker is born with (piscina's workerData). */
export interface WorkerInit {
  readonly slot: number;
  /** All slots' memories, by slot: own to write, others to read. */
  readonly memories: readonly WebAssembly.Memory[];
  readonly limitBytes: number;
  /** Absolute path of the compiled job module, and the values its arguments have. */
  readonly jobModule: string;
  /** Ids of operators that are not those of their derivation, by those. */
  readonly operatorIds?: { readonly [derived: string]: string };
  readonly jobArgs: { readonly [name: string]: Json };
  /** Fingerprint of the driver's plan: the worker refuses to work with another. */
  readonly fingerprint: string;
  readonly numPartitions: number;
  readonly numKeyGroups: number;
  /** What the closures of the job's own plan hold. */
  readonly captured: readonly CapturedRef[];
  /** False: there is no log, and changes of state need no form for it. */
  readonly logsState?: boolean;
  /** Room for the slot's state beyond its memory, where the job keeps state. */
  readonly state?: StateRoom;
  /** By source id, where what receivers stored lies. */
  readonly receiverFolders?: { readonly [source: string]: string };
}

/** What the state of one slot may have. */
export interface StateRoom {
  /** Further memories, the slot's own, for what has no room in the one that its tasks work in. */
  readonly memories: readonly WebAssembly.Memory[];
  /** That each of them may have. */
  readonly memoryBytes: number;
  /** f64 for each slot: bytes of its state. All slots share it. */
  readonly slotBytes: SharedArrayBuffer;
  /** That the state of all slots may have in memory. */
  readonly maxBytes: number;
  /** That the slot's state may have in the memory that its tasks work in. */
  readonly homeBytes: number;
  /** Absolute path of the file for what is beyond; null: it is refused. */
  readonly spillFile: string | null;
}

/** Where the state table of one operator's partition lives: all a new worker needs to go on with it. */
export interface TableRef {
  readonly operator: string;
  readonly partition: number;
  readonly address: number;
}

/** The accepted change of one partition's state, wherever it lies. */
export interface DeltaRef {
  readonly operator: string;
  readonly partition: number;
  readonly delta: BlockRef;
}

/** `freed`: blocks of the slot that nothing refers to any more; they are given back before anything else is done. */
export type WorkerRequest = Request & { readonly freed?: readonly number[] };

type Request =
  /** Build the graph, compare the fingerprint, adopt what the memory already holds. First request to every new thread. */
  | { readonly kind: 'attach'; readonly blocks: readonly BlockRef[]; readonly tables: readonly TableRef[] }
  /** Run one attempt of one stage's partition. */
  | TaskRequest
  | TaskGroupRequest
  /** Make accepted deltas part of their tables, which are the slot's, one after another. Idempotent. */
  | { readonly kind: 'applyDeltas'; readonly deltas: readonly DeltaRef[] }
  /**
   * Load snapshot files, or changes out of the log, in order: rows whose key groups belong to the partition. The worker reads
   * them itself.
   */
  | {
      readonly kind: 'restoreSnapshot' | 'restoreDeltas';
      readonly operator: string;
      readonly partition: number;
      readonly pieces: readonly StatePieceRef[];
    }
  /** Load the operator's initial state, as the job has it, where its key groups belong to the partition. */
  | { readonly kind: 'seedState'; readonly operator: string; readonly partition: number }
  /**
   * Write the next piece of some of the table's key groups to their Arrow IPC file, not synced; piece 0 begins it. The
   * table may change between pieces. While `lockFile` is there, and no longer.
   */
  | {
      readonly kind: 'snapshotState';
      readonly operator: string;
      readonly partition: number;
      readonly path: string;
      readonly piece: number;
      /** Default: all that the partition owns. */
      readonly groups?: KeyGroupRange;
      readonly lockFile?: string;
    };

export interface TaskRequest {
  readonly kind: 'task';
  readonly stage: number;
  readonly partition: number;
  readonly attempt: number;
  /** Batch time, epoch ms. */
  readonly time: number;
  /** Of the batch before. */
  readonly previousTime: number;
  /** Whose stage it is: null for the job's own plan, which is the same in every batch. */
  readonly plan: PlanRef | null;
  /** What broadcast variables hold for the batch, and static tables. */
  readonly broadcasts: readonly BroadcastRef[];
  /** What a task of a source or of a collection reads; null for other stages. */
  readonly range: Json;
  /** Blocks of this partition, one list for each shuffle the stage reads, in order of map stage and partition. */
  readonly inputs: readonly (readonly BlockRef[])[];
  /** Of a source's range; without it all rows. */
  readonly rows?: RowSelection;
}

/** Which rows of its range a task of a source takes: by number, from 0, of the range's good records, whatever filters the plan has. */
export interface RowSelection {
  /** From this one on, up to the one before `to`; `to` 0: the range is not even read. */
  readonly from: number;
  readonly to: number;
  /** Those of them that are not taken but go to the dead letters, in order. */
  readonly leftOut: readonly LeftOutRow[];
}

export interface LeftOutRow {
  readonly row: number;
  readonly reason: string;
}

/** Tasks of one batch that run one after another, on one slot: each may read what those before it in the list wrote. */
export interface TaskGroupRequest {
  readonly kind: 'tasks';
  readonly time: number;
  readonly previousTime: number;
  readonly plan: PlanRef | null;
  readonly broadcasts: readonly BroadcastRef[];
  readonly tasks: readonly GroupedTask[];
}

export interface GroupedTask {
  readonly stage: number;
  readonly partition: number;
  readonly attempt: number;
  readonly range: Json;
  /** As those of a task, where a number stands for what the task at that place in the list writes for the partition. */
  readonly inputs: readonly (readonly (BlockRef | number)[])[];
  /** All that read its shuffles are in the list: when it is through, nobody needs them any more. */
  readonly isInner: boolean;
  readonly rows?: RowSelection;
}

/** The value of a broadcast variable, encoded, or a version of a static table, in memory that all threads share. */
export interface BroadcastRef {
  readonly id: string;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** What a task added to an accumulator, encoded. */
export interface Accumulated {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A plan that belongs to one batch: how a worker comes by it. */
export type PlanRef =
  /** By calling the functions of the job's transforms. */
  | { readonly kind: 'batch'; readonly fingerprint: string; readonly captured: readonly CapturedRef[] }
  /** It is data: no closure is needed. */
  | { readonly kind: 'data'; readonly id: string; readonly plan: Json }
  | ActionRef;

/**
 * The plan of an action in a function of foreachRDD: the worker runs the function up to the action, with the results of
 * the calls before it.
 */
export interface ActionRef {
  readonly kind: 'action';
  readonly output: string;
  /** Partitions of the RDD that the function is given. */
  readonly numPartitions: number;
  /** Which call of the session it is, from 0. */
  readonly index: number;
  /** Encoded result of each call before; null for one that had not ended. */
  readonly results: readonly (Uint8Array | null)[];
  /** Calls in the order in which they ended. */
  readonly ended: readonly number[];
  /** What is kept already of the RDD's lineage. */
  readonly materialized: readonly MaterializedRef[];
  readonly fingerprint: string;
  readonly captured: readonly CapturedRef[];
}

/** A variable that a closure takes from around it, as the driver has it. */
export interface CapturedRef {
  /** Of the node that calls the closure. */
  readonly label: string;
  readonly name: string;
  readonly digest: number;
  /** The value, for messages. */
  readonly shown: string;
}

/** A node of a lineage, by its number in a walk from the result, parents first. */
export interface MaterializedRef {
  readonly node: number;
  readonly name: string;
  readonly numPartitions: number;
}

export type WorkerReply =
  | { readonly ok: true; readonly kind: 'done' }
  /** Rows of each table whose delta was applied, in order; `failure`: why the one after them was not. */
  | {
      readonly ok: true;
      readonly kind: 'applied';
      readonly numRows: readonly number[];
      /** Of each, the key groups that it changed, a bit each; not given: it may be all. */
      readonly changed?: readonly Uint32Array[];
      readonly failure?: TaskFailure;
    }
  | { readonly ok: true; readonly kind: 'task'; readonly result: TaskResult }
  /**
   * Of the tasks of a group, in order; null for one that had nothing to read. `failure`: why the one after them failed;
   * then those after that did not run.
   */
  | {
      readonly ok: true;
      readonly kind: 'tasks';
      readonly results: readonly (TaskResult | null)[];
      readonly failure?: TaskFailure;
    }
  | {
      readonly ok: true;
      readonly kind: 'restored';
      readonly table: TableRef;
      readonly numRows: number;
      /** Key groups of which rows came from the log, a bit each. */
      readonly changed?: Uint32Array;
    }
  /** A piece is written: which one is next; 0 when the thread knows nothing of those before. */
  | { readonly ok: true; readonly kind: 'snapshotPiece'; readonly next: number }
  /** The last one is, and the file is whole. */
  | { readonly ok: true; readonly kind: 'snapshot'; readonly file: SnapshotFileRef }
  | { readonly ok: false; readonly failure: TaskFailure };

/** Rows of state in a file of the checkpoint, as Arrow IPC. */
export interface StatePieceRef {
  readonly path: string;
  /** Undefined: it is the whole file. */
  readonly position?: number;
  readonly byteLength: number;
  readonly crc32: number;
  /** How its rows become state of the present job; not given: they are. */
  readonly change?: StateChange;
}

export interface SnapshotFileRef {
  readonly operator: string;
  readonly partition: number;
  readonly path: string;
  readonly byteLength: number;
  readonly crc32: number;
  readonly numRows: number;
  /** The key groups whose rows it has; not given: those of its partition, of as many as the operator has files. */
  readonly groups?: KeyGroupRange;
  /** What its rows are, as the checkpoint says. */
  readonly definition?: string;
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

/** Rows of one partition kept as a row block; null when there are none. */
export interface KeptPart {
  readonly branch: Branch;
  readonly numRows: number;
  readonly block: BlockRef | null;
}

/** What one accepted attempt leaves behind. Of any other attempt nothing is seen. */
export interface TaskResult {
  readonly inputRecords: number;
  readonly inputBytes: number;
  /** By shuffle id: one block (or null when empty) per reduce partition. */
  readonly shuffles: { readonly [shuffleId: string]: readonly (BlockRef | null)[] };
  /** By output id: staged sink blocks, one part for each branch by which the task's rows come there. */
  readonly staged: { readonly [output: string]: readonly StagedPart[] };
  /** By output id: encoded rows for outputs that run in the driver (print, actions). */
  readonly collected: { readonly [output: string]: readonly CollectedPart[] };
  /** By output id: rows kept as blocks, for the RDD that foreachRDD gives and for persisted streams. */
  readonly kept: { readonly [output: string]: readonly KeptPart[] };
  /** By operator id: the state's change. `ipc` is the same change as an Arrow IPC stream, where there is a log for it. */
  readonly deltas: {
    readonly [operator: string]: {
      /** Null when nothing changed. */
      readonly delta: BlockRef | null;
      readonly ipc: BlockRef | null;
      readonly table: TableRef;
    };
  };
  readonly accumulated: readonly Accumulated[];
  readonly badRecords: number;
  /** Dead-letter NDJSON lines. */
  readonly deadLetters: { readonly numRows: number; readonly blocks: readonly BlockRef[] };
  /** Milliseconds of work in the worker. */
  readonly runMs: number;
}
