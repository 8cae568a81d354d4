import type { BadRecord, RecordPlace } from '../core/bad-record.js';
import type { BatchTime } from '../core/time.js';
import type { Json } from '../core/json.js';
import type { Chunk } from '../columnar/chunk.js';
import type { Predicate } from '../columnar/predicate-data.js';
import type { SlotMemory } from '../columnar/slot-memory.js';

/**
 * A source has two halves that never meet in one thread. The driver half decides what a batch reads; the worker half
 * reads it. What passes between them is a range: plain data that goes to the offset log and always names the same
 * records, however often and on whichever worker it is read.
 *
 * Order of calls on the driver half, one at a time:
 *   start(state) once; replay(ranges) for each logged batch of this source after that state, in order; then, batch by batch,
 *   plan(limit) -> ranges (logged) ... commit(t) when the batch is committed; state() at any time; stop() once.
 * A crash leaves nothing to clean up: all a source knows is in `state()` and the logged ranges.
 */
export interface SourceDriver {
  /** Checks that the source can be used (throws `inputMissing` with the cure). `state` is what `state()` gave at the last checkpoint, or undefined at the very first start. */
  start(state: Json | undefined): Promise<void>;
  /** Moves past a batch that was planned by an earlier process. Must not read input. */
  replay(ranges: readonly Json[], time: number): void;
  /** After the replays: a batch that an earlier process planned and did not commit is run again, and reads this. */
  hold?(ranges: readonly Json[], time: BatchTime): void;
  /** Fixes what the next batch reads and moves past it. Never waits for input to arrive. */
  plan(limit: PlanLimit): Promise<SourcePlan>;
  /**
   * The batch is committed: a source may tell its system (never needed for correctness). A batch before it may have
   * failed and been left out: what that reads is still needed.
   */
  commit(time: BatchTime): Promise<void>;
  /** A checkpoint that holds all up to the batch of this time is durable: a restart begins there or, if that one is damaged, at the one before. */
  checkpointed?(time: BatchTime): void;
  /** Everything planned so far, as data, for the checkpoint. Its size is bounded by what the source still lists. */
  state(): Json;
  /**
   * For sources that take input in before it is planned: from now on at most so many records per second, undefined = as
   * many as come. Called once after `start` and replays, before the first plan, and after each change, at the most once
   * a batch; returns at once. What is stored beyond it is kept, not dropped. Sources that read what they plan need none:
   * their plans are bounded by `PlanLimit`.
   */
  setRateLimit?(recordsPerSecond: number | undefined): void;
  /** Releases handles; may be called in any state. */
  stop(): Promise<void>;
}

export interface PlanLimit {
  readonly time: BatchTime;
  /** How many ranges the batch's tasks can use at once. More are fine, they queue. */
  readonly parallelism: number;
  /** Upper bounds of one batch, the source's rate limit among them; at least one record is planned if there is one, so that a large record cannot stop the stream. */
  readonly maxBytes: number;
  readonly maxRecords: number;
  /** True under --once and at a graceful end: input that waits for more (a last line without its end) is taken as it is. */
  readonly drain: boolean;
}

export interface SourcePlan {
  /** One entry a task; empty when there is nothing new. */
  readonly ranges: readonly Json[];
  /**
   * There is no batch of this source, not even an empty one: no partition, and a union or a join with it fails.
   * Such a batch has no ranges.
   */
  readonly absent?: boolean;
  /** Bytes planned, and records where they are known before reading (else 0). */
  readonly bytes: number;
  readonly records: number;
  /** Nothing more is available now. */
  readonly caughtUp: boolean;
  /** How far and out of how much, for the progress line, in bytes or records; undefined for endless sources. */
  readonly progress?: { readonly done: number; readonly total: number; readonly unit: 'bytes' | 'records' };
}

/** The worker half. One per source and worker; `read` is called once a task, tasks one at a time. */
export interface SourceReader {
  /**
   * Reads one range into chunks. A chunk's columns and text are valid until the next chunk is asked for: the reader
   * uses their memory again. So is scratch that the consumer takes meanwhile (the reader goes back to its mark): what
   * must outlive a chunk is copied into blocks. The consumer reads to the end or closes the iterator.
   * Throws `inputChanged` when the range cannot be read as it was planned.
   */
  read(range: Json, ctx: ReadContext): Iterable<Chunk> | AsyncIterable<Chunk>;
}

export interface ReadContext {
  readonly memory: SlotMemory;
  readonly time: BatchTime;
  /** Names of the columns the plan uses; undefined = all. Others need not be decoded, but are still checked. */
  readonly columns: readonly string[] | undefined;
  /** What the plan asks of the rows first: a reader may leave out rows of which it is not true, and counts those. */
  readonly where?: Predicate | undefined;
  readonly onDropped?: (records: number) => void;
  /** Takes a record that could not be read; throws `badRecord` under onBadRecord: 'fail'. */
  readonly onBadRecord: (record: BadRecord) => void;
  /** Counts bytes for the batch's numbers. */
  readonly onBytes: (bytes: number) => void;
  /**
   * Good records, by number from 0 in ascending order, whose place is wanted before the chunk with them comes; given
   * without `where`. A reader whose records have no place in bytes leaves it.
   */
  readonly locate?: {
    readonly rows: readonly number[];
    readonly onPlace: (row: number, place: RecordPlace) => void;
  };
}
