/**
 * The write-ahead log: records go in with `append`, and `sync` tells when everything appended before it is durable.
 * Whatever waits goes down together, as one frame: one write, one fdatasync. Only one is under way at a time, so the
 * order of appending is the order in the file, and a torn frame can only be the last.
 *
 *   append a, b   sync -> write {a b}, fdatasync -> resolved
 *   append c            sync, sync (shared) ......-> write {c d}, fdatasync -> both resolved
 *   append d
 *
 * Segments are filled with zeros ahead, so that fdatasync has no new file size to record: a quarter to a third less for
 * 8 KiB records (benchmarks/log-sync.bench.ts: median 0.20 against 0.29 ms). An O_DSYNC write alone would save a round
 * trip to the thread pool (0.17 ms), but the owner's lock must be looked up after the write; that runs beside the
 * fdatasync at no cost and behind an O_DSYNC write for a round trip of its own, so both come to the same.
 *
 * After an error nothing more is written: what a failed fdatasync left behind is unknown.
 */
import { randomBytes } from 'node:crypto';
import { EngineError } from '../core/errors.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import { segmentPath } from './checkpoint-files.js';
import { PREALLOCATED_BYTES, SEGMENT_HEADER_BYTES, type RecordKind, type SegmentHeader } from './log-format.js';
import { encodeFrame, waitingRecord, type WaitingRecord } from './log-frame.js';
import { preallocate, publishSegment, refused } from './segment-file.js';

/** Records that would make a frame larger than this wait for the next one, unless a single record is larger. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const MAX_RECORD_BYTES = 2 ** 32 - 1 - 4096;

/** Where a log goes on. */
export interface LogStart {
  readonly checkpointId: string;
  readonly epoch: number;
  /** The last segment there is and its last whole frame's end; 0, 0 for a new log. */
  readonly previous: number;
  readonly previousEnd: number;
  readonly firstSequence: number;
  /** The first number that no segment in the directory has. */
  readonly segment: number;
}

interface Waiter {
  /** Resolved when this many records are durable. */
  readonly numRecords: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class WriteAheadLog {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #afterWrite: () => Promise<void>;
  #file: FileHandle;
  #header: SegmentHeader;
  #end = SEGMENT_HEADER_BYTES;
  #allocated = PREALLOCATED_BYTES;
  #sequence: number;
  #waiting: WaitingRecord[] = [];
  #waiters: Waiter[] = [];
  #numAppended = 0;
  #numDurable = 0;
  #rollTo:
    | {
        readonly temporary: string;
        readonly resolve: (segment: number) => void;
        readonly reject: (reason: unknown) => void;
      }
    | undefined;
  #pumping: Promise<void> | undefined;
  #failure: unknown;

  private constructor(
    fs: FileSystem,
    directory: string,
    afterWrite: () => Promise<void>,
    file: FileHandle,
    header: SegmentHeader,
  ) {
    this.#fs = fs;
    this.#directory = directory;
    this.#afterWrite = afterWrite;
    this.#file = file;
    this.#header = header;
    this.#sequence = header.firstSequence;
  }

  /**
   * Begins a new segment in `directory`/log.
   * @param afterWrite runs beside every fdatasync; when it fails, what was written is not reported as durable
   */
  static async start(
    fs: FileSystem,
    directory: string,
    start: LogStart,
    afterWrite: () => Promise<void>,
  ): Promise<WriteAheadLog> {
    const temporary = await preallocate(fs, segmentPath(directory, start.segment));
    const header = { ...start, salt: randomBytes(4).readUInt32LE(0) };
    const file = await publishSegment(fs, directory, temporary, header);
    return new WriteAheadLog(fs, directory, afterWrite, file, header);
  }

  /** Number of the segment that is written to. */
  get segment(): number {
    return this.#header.segment;
  }

  /** Bytes of whole frames and the header in the segment that is written to. */
  get segmentBytes(): number {
    return this.#end;
  }

  /** Records appended and not yet durable. */
  get numWaiting(): number {
    return this.#numAppended - this.#numDurable;
  }

  /**
   * Queues a record. Nothing is written before `sync` (or `roll`) is called. The parts must not change until it is durable.
   * Throws what an earlier write failed with.
   */
  append(kind: RecordKind, time: number, payload: readonly Uint8Array[]): void {
    if (this.#failure !== undefined) throw this.#failure;
    const record = waitingRecord(kind, time, payload);
    if (record.byteLength > MAX_RECORD_BYTES) {
      throw new EngineError(
        'checkpointUnwritable',
        `batch ${time} changed ${record.byteLength} bytes of state, more than the ${MAX_RECORD_BYTES} of one log record: lower maxBatchBytes`,
      );
    }
    this.#waiting.push(record);
    this.#numAppended++;
  }

  /** Resolves when every record appended so far is durable; rejects with `checkpointUnwritable` or `checkpointFenced`. */
  sync(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#numDurable === this.#numAppended) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ numRecords: this.#numAppended, resolve, reject });
      this.#pump();
    });
  }

  /** Goes on in a new segment. What waits is written there. Resolves with the segment's number when its name is durable. */
  async roll(): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#rollTo !== undefined)
      throw new EngineError('internal', `${this.#directory}: the log is already being rolled`);
    const temporary = await this.#guard(() => preallocate(this.#fs, segmentPath(this.#directory, this.segment + 1)));
    if (this.#failure !== undefined) throw this.#failure;
    return new Promise((resolve, reject) => {
      this.#rollTo = { temporary, resolve, reject };
      this.#pump();
    });
  }

  /** Writes what waits and closes the file. The log cannot be used any more. */
  async close(): Promise<void> {
    try {
      if (this.#failure === undefined) await this.sync();
      await this.#pumping;
    } finally {
      this.#failure ??= new EngineError('contextState', `${this.#directory}: the checkpoint is closed`);
      await this.#file.close();
    }
  }

  #pump(): void {
    this.#pumping ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      // Records appended in the same turn of the event loop share the frame.
      await Promise.resolve();
      while (this.#waiters.length > 0 || this.#rollTo !== undefined) {
        if (this.#rollTo !== undefined) await this.#switch(this.#rollTo.temporary);
        else await this.#flush();
      }
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      // In the same turn as the loop's last look: a sync after this starts another run.
      this.#pumping = undefined;
    }
  }

  async #flush(): Promise<void> {
    const records = this.#takeFrame();
    const position = this.#end;
    const { epoch, salt } = this.#header;
    const parts = encodeFrame(records, { epoch, salt, sequence: this.#sequence });
    const byteLength = parts.reduce((sum, part) => sum + part.byteLength, 0);
    this.#end += byteLength;
    if (this.#end > this.#allocated) {
      const allocated = Math.ceil(this.#end / PREALLOCATED_BYTES) * PREALLOCATED_BYTES;
      parts.push(new Uint8Array(allocated - this.#end));
      this.#allocated = allocated;
    }
    await this.#guard(() => this.#file.write(parts, position));
    await both(
      this.#guard(() => this.#file.sync()),
      this.#guard(this.#afterWrite),
    );
    this.#sequence++;
    this.#numDurable += records.length;
    const done = this.#waiters.filter(waiter => waiter.numRecords <= this.#numDurable);
    this.#waiters = this.#waiters.slice(done.length);
    for (const waiter of done) waiter.resolve();
  }

  #takeFrame(): WaitingRecord[] {
    let numRecords = 0;
    for (let bytes = 0; numRecords < this.#waiting.length; numRecords++) {
      bytes += (this.#waiting[numRecords] as WaitingRecord).byteLength;
      if (bytes > MAX_FRAME_BYTES && numRecords > 0) break;
    }
    return this.#waiting.splice(0, numRecords);
  }

  async #switch(temporary: string): Promise<void> {
    const { segment, epoch, checkpointId } = this.#header;
    const salt = randomBytes(4).readUInt32LE(0);
    const next: SegmentHeader = {
      segment: segment + 1,
      epoch,
      checkpointId,
      salt,
      previous: segment,
      previousEnd: this.#end,
      firstSequence: this.#sequence,
    };
    const file = await this.#guard(() => publishSegment(this.#fs, this.#directory, temporary, next)).catch(
      async thrown => {
        // The name is taken when another owner is at work: then that is the error to report.
        await this.#afterWrite();
        throw thrown;
      },
    );
    const old = this.#file;
    this.#file = file;
    this.#header = next;
    this.#end = SEGMENT_HEADER_BYTES;
    this.#allocated = PREALLOCATED_BYTES;
    const roll = this.#rollTo;
    this.#rollTo = undefined;
    await this.#guard(() => old.close());
    roll?.resolve(next.segment);
  }

  #fail(thrown: unknown): void {
    this.#failure ??= thrown;
    const waiters = this.#waiters;
    const roll = this.#rollTo;
    this.#waiters = [];
    this.#waiting = [];
    this.#rollTo = undefined;
    for (const waiter of waiters) waiter.reject(this.#failure);
    roll?.reject(this.#failure);
  }

  #guard<T>(work: () => Promise<T>): Promise<T> {
    return refused(segmentPath(this.#directory, this.segment), work);
  }
}

/** Waits until both have ended, so that nothing is left on its way when one of them fails. */
async function both(first: Promise<void>, second: Promise<void>): Promise<void> {
  for (const result of await Promise.allSettled([first, second])) if (result.status === 'rejected') throw result.reason;
}
