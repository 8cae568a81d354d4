/**
 * Everything that passes between the driver and the thread that runs a job's receivers, as plain data. Received items
 * do not: they go to the source's log, and the driver is told where they lie.
 */
import type { ErrorCode } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import type { ReceiverInfo } from '../../core/receiver-info.js';

/** Some records of a source in its log, in the order in which they were stored. */
export interface StoredBlock {
  /** Counts from 0 for each source, without gaps. */
  readonly block: number;
  /** Name of the segment in the source's folder. */
  readonly file: string;
  /** Of the records' bytes: one encoded value after another. */
  readonly offset: number;
  readonly byteLength: number;
  readonly crc32: number;
  readonly numRecords: number;
}

/** Where a source's log goes on. */
export interface LogPosition {
  /** Absolute path of the source's folder. */
  readonly folder: string;
  /** Whether blocks are synced before they are acknowledged. */
  readonly durable: boolean;
  /** Number of the segment to begin. */
  readonly segment: number;
  /** How many bytes of the segment before count; 0 where there is none. */
  readonly previousBytes: number;
  /** Number of the first block. */
  readonly firstBlock: number;
  /** Absolute path of the checkpoint's lock file; undefined without a checkpoint. */
  readonly lockFile?: string;
}

/** What the thread is born with. */
export interface ReceiverInit {
  readonly jobModule: string;
  readonly jobArgs: { readonly [name: string]: Json };
  readonly fingerprint: string;
  /** Ids of operators that are not those of their derivation, by those. */
  readonly operatorIds?: { readonly [derived: string]: string };
  readonly numPartitions: number;
  /** After how long items that were stored one by one become a block. */
  readonly blockIntervalMs: number;
  /** Bytes of one source that are stored and not yet planned at the most. */
  readonly queueBytes: number;
}

export type ReceiverCommand =
  /** Run the receiver of a source. `queuedBytes` are in its log already and not planned yet. */
  | { readonly kind: 'start'; readonly source: string; readonly log: LogPosition; readonly queuedBytes: number }
  /** Records a second that may be stored; null = as many as come. */
  | { readonly kind: 'rateLimit'; readonly source: string; readonly recordsPerSecond: number | null }
  /** So many bytes of stored blocks have become part of a batch. */
  | { readonly kind: 'taken'; readonly source: string; readonly bytes: number }
  /** Stop the receiver, store what it still hands over, answer `ended`. */
  | { readonly kind: 'stop'; readonly source: string };

export type ReceiverEvent =
  | { readonly kind: 'stored'; readonly source: string; readonly blocks: readonly StoredBlock[] }
  | { readonly kind: 'started' | 'error' | 'stopped'; readonly source: string; readonly info: ReceiverInfo }
  /** The source cannot go on: the run must end. */
  | { readonly kind: 'failed'; readonly source: string; readonly code: ErrorCode; readonly message: string }
  /** After a `stop`: every stored block has been told. */
  | { readonly kind: 'ended'; readonly source: string };

/** The driver's end of the way to the receivers. */
export interface ReceiverPort {
  send(command: ReceiverCommand): void;
  /** Ends the receivers' thread, whatever it does; resolves when nothing of it runs any more. */
  close(): Promise<void>;
}

/** What the receivers' thread tells. */
export interface ReceiverPortListener {
  event(event: ReceiverEvent): void;
  /** Nothing of it runs any more, and nobody ended it. Called once. */
  lost(reason: string): void;
}

/** Starts the receivers' thread; resolves when it can take commands, rejects where the job does not load there. */
export type StartReceivers = (init: ReceiverInit, listener: ReceiverPortListener) => Promise<ReceiverPort>;
