import { formatBytes } from '../core/byte-size.js';
import { formatBatchTime, formatDuration } from '../core/time.js';
import type { BatchInfo } from '../driver/run-events.js';
import { formatCount, formatRate, plural } from './figures.js';

const MAX_LINES_PER_SEC = 20;
const RATE_WINDOW_MS = 5000;

/**
 * Turns completed batches into lines: one each, but never more than 20 a second for long. Beyond that a line stands
 * for several batches and says for how many, and the first such line is preceded by one that says so. Time is taken
 * from the batches, so that equal batches give equal lines.
 *
 *     09:30:00.500  1,250 records  processing 8 ms  total 9 ms  62 % of 480 kB  2,500 records/s
 */
export class BatchLines {
  #tokens = MAX_LINES_PER_SEC;
  #lastMs: number | undefined;
  #waiting: BatchInfo[] = [];
  #saidSampling = false;
  #recordsSoFar = 0;
  /** Batches of the last five seconds, for the rate. */
  readonly #recent: { readonly completedMs: number; readonly records: number }[] = [];
  #rateSinceMs: number | undefined;

  /** The lines to show now; may be none. */
  add(batch: BatchInfo): string[] {
    this.#measure(batch);
    this.#waiting.push(batch);
    const passedMs = batch.completedMs - (this.#lastMs ?? batch.completedMs);
    this.#lastMs = batch.completedMs;
    this.#tokens = Math.min(MAX_LINES_PER_SEC, this.#tokens + (Math.max(0, passedMs) * MAX_LINES_PER_SEC) / 1000);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return this.flush();
    }
    if (this.#saidSampling) return [];
    this.#saidSampling = true;
    return [`more than ${MAX_LINES_PER_SEC} batches a second: from here a line may stand for several`];
  }

  /** What has not been shown yet, as one line; at the end of a run. */
  flush(): string[] {
    const batches = this.#waiting;
    const last = batches.at(-1);
    if (last === undefined) return [];
    this.#waiting = [];
    const records = sum(batches, batch => batch.records);
    const badRecords = sum(batches, batch => batch.badRecords);
    const parts = [
      formatBatchTime(last.time),
      batches.length > 1 ? plural(batches.length, 'batch', 'batches') : undefined,
      plural(records, 'record'),
      `processing ${formatDuration(tenths(last.processingDelayMs))}`,
      `total ${formatDuration(tenths(last.totalDelayMs))}`,
      badRecords > 0 ? `${plural(badRecords, 'bad record')}` : undefined,
      batches.some(batch => batch.rerun) ? 'run again' : undefined,
      this.#progressOf(last),
      records > 0 ? this.#rate(last) : undefined,
    ];
    return [parts.filter(part => part !== undefined).join('  ')];
  }

  #measure(batch: BatchInfo): void {
    this.#recordsSoFar += batch.records;
    this.#rateSinceMs ??= batch.startedMs;
    this.#recent.push({ completedMs: batch.completedMs, records: batch.records });
    for (let first = this.#recent[0]; first !== undefined && this.#recent.length > 1; first = this.#recent[0]) {
      if (first.completedMs >= batch.completedMs - RATE_WINDOW_MS) break;
      this.#rateSinceMs = first.completedMs;
      this.#recent.shift();
    }
  }

  #progressOf(batch: BatchInfo): string {
    if (batch.progress === undefined) return `${formatCount(this.#recordsSoFar)} so far`;
    const { done, total, unit } = batch.progress;
    const percent = total > 0 ? Math.floor((100 * Math.min(done, total)) / total) : 100;
    return `${percent} % of ${unit === 'bytes' ? formatBytes(total) : plural(total, 'record')}`;
  }

  #rate(batch: BatchInfo): string {
    return formatRate(
      sum(this.#recent, entry => entry.records),
      batch.completedMs - (this.#rateSinceMs ?? batch.completedMs),
    );
  }
}

/** Delays are shown to a tenth of a millisecond. */
const tenths = (ms: number): number => Math.round(ms * 10) / 10;

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
