/**
 * Batches of JavaScript values that the program itself pushes: for specs and experiments. A range carries its rows,
 * encoded, so that they are in the offset log and a batch can run again after a crash; batches still in the queue are
 * in the driver's memory only and are gone with it.
 */
import { EngineError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';
import { rowChunk, type Chunk } from '../columnar/chunk.js';
import type { PlanLimit, SourceDriver, SourcePlan, SourceReader } from './source.js';

/** Where the batches come from: a queue as the API has it. */
export interface BatchFeed {
  /** The next batch; null for no batch, not even an empty one; undefined when there is none yet. */
  shift(): readonly unknown[] | null | undefined;
  readonly length: number;
}

export type QueueRange = { readonly numRows: number; readonly rows: string };

/**
 * Rows as ranges that carry them: partition i of n holds rows `i * numRows / n` up to `(i + 1) * numRows / n`. Throws
 * `typeMismatch` for rows that are not plain data.
 */
export function collectionRanges(rows: readonly unknown[], numPartitions: number): QueueRange[] {
  return Array.from({ length: numPartitions }, (_, i) => {
    const start = Math.floor((i * rows.length) / numPartitions);
    const end = Math.floor(((i + 1) * rows.length) / numPartitions);
    const encoded = encodeValue(rows.slice(start, end));
    const base64 = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).toString('base64');
    return { numRows: end - start, rows: base64 };
  });
}

/**
 * The driver half: each plan takes one batch of the queue, or all that are there, and cuts it into `parallelism`
 * partitions, some or all of them maybe empty. When there is none it is the default batch, or the plan has no partition
 * at all.
 */
export class QueueSourceDriver implements SourceDriver {
  readonly #feed: BatchFeed;

  readonly #oneAtATime: boolean;
  readonly #defaultBatch: readonly unknown[] | undefined;

  /** @param defaultBatch what a plan that doesn't drain takes from an empty queue */
  constructor(feed: BatchFeed, oneAtATime = true, defaultBatch?: readonly unknown[]) {
    this.#feed = feed;
    this.#oneAtATime = oneAtATime;
    this.#defaultBatch = defaultBatch;
  }

  async start(): Promise<void> {}

  replay(): void {}

  /** Limits in bytes and records don't apply. */
  async plan(limit: PlanLimit): Promise<SourcePlan> {
    const queued = this.#take();
    const taken = queued === undefined && !limit.drain ? this.#defaultBatch : queued;
    if (taken === null) return { ranges: [], absent: true, bytes: 0, records: 0, caughtUp: this.#feed.length === 0 };
    const rows = taken ?? [];
    const ranges = taken === undefined ? [] : collectionRanges(rows, Math.max(1, limit.parallelism));
    const bytes = ranges.reduce((sum, range) => sum + Math.floor((range.rows.length * 3) / 4), 0);
    return { ranges, bytes, records: rows.length, caughtUp: this.#feed.length === 0 };
  }

  #take(): readonly unknown[] | null | undefined {
    let taken = this.#feed.shift();
    if (this.#oneAtATime) return taken;
    while (this.#feed.length > 0) {
      const more = this.#feed.shift();
      if (more !== null && more !== undefined) taken = [...(taken ?? []), ...more];
    }
    return taken;
  }

  async commit(): Promise<void> {}

  state(): Json {
    return null;
  }

  async stop(): Promise<void> {}
}

export class QueueSourceReader implements SourceReader {
  read(range: Json): Iterable<Chunk> {
    const { rows, numRows } = range as QueueRange;
    const decoded = decodeValue(Buffer.from(rows, 'base64'));
    if (!Array.isArray(decoded) || decoded.length !== numRows) {
      throw new EngineError('internal', `a queue range of ${numRows} rows was wanted, its bytes hold something else`);
    }
    return numRows === 0 ? [] : [rowChunk(decoded as unknown[])];
  }
}
