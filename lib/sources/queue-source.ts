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
  /** The next batch; null for a batch without any partition; undefined when there is none yet. */
  shift(): readonly unknown[] | null | undefined;
  readonly length: number;
}

type QueueRange = { readonly numRows: number; readonly rows: string };

/** The driver half: each plan takes one batch of the queue and cuts it into `parallelism` partitions, some maybe empty. */
export class QueueSourceDriver implements SourceDriver {
  readonly #feed: BatchFeed;

  constructor(feed: BatchFeed) {
    this.#feed = feed;
  }

  async start(): Promise<void> {}

  replay(): void {}

  /** Partition i of n holds rows `i * numRows / n` up to `(i + 1) * numRows / n`. Limits in bytes and records don't apply. */
  async plan(limit: PlanLimit): Promise<SourcePlan> {
    const rows = this.#feed.shift() ?? [];
    const numRanges = rows.length === 0 ? 0 : Math.max(1, limit.parallelism);
    const ranges: QueueRange[] = [];
    let bytes = 0;
    for (let i = 0; i < numRanges; i++) {
      const start = Math.floor((i * rows.length) / numRanges);
      const end = Math.floor(((i + 1) * rows.length) / numRanges);
      const encoded = encodeValue(rows.slice(start, end));
      bytes += encoded.length;
      ranges.push({
        numRows: end - start,
        rows: Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).toString('base64'),
      });
    }
    return { ranges, bytes, records: rows.length, caughtUp: this.#feed.length === 0 };
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
