/**
 * Rows made at a steady rate, for load and for trying things out: `{ value, timestamp }`, where row n has the value
 * `mix(seed, n)`, an integer below 2^31, and the instant at which it was due. A range is a span of row numbers and the
 * instant of row 0, so reading it again gives the same rows.
 */
import { EngineError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { int64, schema, timestamp } from '../core/schema.js';
import type { ColumnChunk, ColumnVector } from '../columnar/chunk.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import type { PlanLimit, ReadContext, SourceDriver, SourcePlan, SourceReader } from './source.js';

export const rateSchema = schema({ value: int64(), timestamp: timestamp() });

export interface RateSourceOptions {
  readonly rowsPerSecond: number;
  readonly seed: number;
  /** Rows in all; null = without end. */
  readonly total: number | null;
}

type RateRange = { readonly from: number; readonly to: number; readonly startMs: number };
type RateState = { readonly next: number; readonly startMs: number | null };

/** Bytes of one row in memory. */
const ROW_BYTES = 16;
const CHUNK_ROWS = 16_384;

/**
 * The driver half. Row 0 is due at the first plan's time; each plan takes the rows due since. A source with a total is
 * finite input: a plan that drains takes what is left of it at once, and it is caught up only at its end.
 */
export class RateSourceDriver implements SourceDriver {
  readonly #options: RateSourceOptions;
  #next = 0;
  #startMs: number | undefined;

  constructor(options: RateSourceOptions) {
    this.#options = options;
  }

  async start(state: Json | undefined): Promise<void> {
    if (state === undefined) return;
    const { next, startMs } = state as RateState;
    this.#next = next;
    this.#startMs = startMs ?? undefined;
  }

  replay(ranges: readonly Json[]): void {
    for (const range of ranges as readonly RateRange[]) {
      this.#next = Math.max(this.#next, range.to);
      this.#startMs = range.startMs;
    }
  }

  async plan(limit: PlanLimit): Promise<SourcePlan> {
    const { total } = this.#options;
    const startMs = (this.#startMs ??= limit.time);
    const due = this.#dueRows(limit, startMs);
    const bound = Math.max(1, Math.min(limit.maxRecords, Math.floor(limit.maxBytes / ROW_BYTES)));
    const from = this.#next;
    const to = Math.min(due, from + bound);
    const numRanges = Math.min(Math.max(1, limit.parallelism), to - from);
    const ranges: RateRange[] = [];
    for (let i = 0; i < numRanges; i++) {
      const cut = (part: number): number => from + Math.floor((part * (to - from)) / numRanges);
      ranges.push({ from: cut(i), to: cut(i + 1), startMs });
    }
    this.#next = Math.max(from, to);
    const numRows = this.#next - from;
    const plan = { ranges, bytes: numRows * ROW_BYTES, records: numRows, caughtUp: this.#next >= (total ?? due) };
    return total === null ? plan : { ...plan, progress: { done: this.#next, total, unit: 'records' } };
  }

  async commit(): Promise<void> {}

  state(): Json {
    return { next: this.#next, startMs: this.#startMs ?? null };
  }

  async stop(): Promise<void> {}

  #dueRows(limit: PlanLimit, startMs: number): number {
    const { rowsPerSecond, total } = this.#options;
    const byTime = Math.max(0, Math.floor(((limit.time - startMs) * rowsPerSecond) / 1000));
    if (total === null) return byTime;
    return limit.drain ? total : Math.min(total, byTime);
  }
}

export class RateSourceReader implements SourceReader {
  readonly #options: RateSourceOptions;

  constructor(options: RateSourceOptions) {
    this.#options = options;
  }

  *read(range: Json, ctx: ReadContext): Generator<ColumnChunk> {
    const { from, to, startMs } = range as RateRange;
    if (!(from <= to)) throw new EngineError('internal', `a rate range was wanted, got ${JSON.stringify(range)}`);
    const { rowsPerSecond, seed } = this.#options;
    const mark = ctx.memory.scratchMark();
    for (let row = from; row < to; row += CHUNK_ROWS) {
      const numRows = Math.min(CHUNK_ROWS, to - row);
      const values = isUsed(ctx, 'value') ? int64Column(ctx.memory, numRows, i => mix(seed, row + i)) : undefined;
      const times = isUsed(ctx, 'timestamp')
        ? int64Column(ctx.memory, numRows, i => startMs + Math.floor(((row + i) * 1000) / rowsPerSecond))
        : undefined;
      ctx.onBytes(numRows * ROW_BYTES);
      yield {
        kind: 'columns',
        numRows,
        memory: ctx.memory,
        schema: rateSchema.columns,
        columns: [values, times],
        ascii: true,
        textStart: 0,
        textEnd: 0,
        scalar: false,
      };
      ctx.memory.releaseScratch(mark);
    }
  }
}

const isUsed = (ctx: ReadContext, column: string): boolean => ctx.columns?.includes(column) ?? true;

/** A column of safe integers that are not negative, written as halves of 32 bits. */
function int64Column(memory: SlotMemory, numRows: number, valueAt: (i: number) => number): ColumnVector {
  const values = memory.scratch(numRows * 8);
  const words = memory.u32;
  for (let i = 0, word = values >>> 2; i < numRows; i++, word += 2) {
    const value = valueAt(i);
    words[word] = value;
    words[word + 1] = value / 4_294_967_296;
  }
  return { values, lengths: 0, validity: 0 };
}

/** A number in [0, 2^31) that depends on every bit of the seed and of the row number. */
function mix(seed: number, row: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.floor(row / 4_294_967_296);
  hash = Math.imul(hash ^ (hash >>> 15) ^ (row | 0), 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
  return (hash ^ (hash >>> 16)) >>> 1;
}
