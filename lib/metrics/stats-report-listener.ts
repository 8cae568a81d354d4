import { EngineError } from '../core/errors.js';
import type { BatchInfo, StreamingListener } from '../core/streaming-listener.js';
import { formatDuration } from '../core/time.js';

const PERCENTILES = [0, 5, 10, 25, 50, 75, 90, 95, 100];

/**
 * Prints after each batch how total delay and processing time of the last batches are distributed:
 *
 *     Total delay: 10 batches, mean 12 ms, from 9 ms to 31 ms
 *       0%     5%     10%    25%    50%    75%    90%    95%    100%
 *       9 ms   9 ms   9 ms   10 ms  11 ms  12 ms  31 ms  31 ms  31 ms
 */
export class StatsReportListener implements StreamingListener {
  readonly #numBatches: number;
  readonly #print: (line: string) => void;
  readonly #batches: BatchInfo[] = [];

  /** @param print takes the lines one by one; default the console */
  constructor(numBatches = 10, print: (line: string) => void = line => console.log(line)) {
    if (!Number.isInteger(numBatches) || numBatches < 1) {
      throw new EngineError(
        'optionInvalid',
        `StatsReportListener wants a number of batches of at least 1, got ${numBatches}`,
      );
    }
    this.#numBatches = numBatches;
    this.#print = print;
  }

  onBatchCompleted({ batchInfo }: { readonly batchInfo: BatchInfo }): void {
    this.#batches.push(batchInfo);
    if (this.#batches.length > this.#numBatches) this.#batches.shift();
    this.#show('Total delay', ({ totalDelay }) => totalDelay);
    this.#show('Processing time', ({ processingDelay }) => processingDelay);
  }

  /** A batch that failed before it was started has no delays. */
  #show(title: string, delayOf: (batch: BatchInfo) => number | undefined): void {
    const delays = this.#batches.flatMap(batch => delayOf(batch) ?? []).toSorted((a, b) => a - b);
    const [least] = delays;
    const most = delays.at(-1);
    if (least === undefined || most === undefined) return;
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
    const batches = delays.length === 1 ? '1 batch' : `${delays.length} batches`;
    this.#print(
      `${title}: ${batches}, mean ${formatDuration(mean)}, from ${formatDuration(least)} to ${formatDuration(most)}`,
    );
    const columns = PERCENTILES.map(percent => [`${percent}%`, formatDuration(percentile(delays, percent))]);
    const width = Math.max(...columns.flat().map(text => text.length)) + 2;
    for (const row of [0, 1]) {
      this.#print(`  ${columns.map(column => (column[row] ?? '').padEnd(width)).join('')}`.trimEnd());
    }
  }
}

/** The delay at that share of the way through, one that occurred. @param sorted at least one */
function percentile(sorted: readonly number[], percent: number): number {
  const index = Math.min(Math.floor((percent / 100) * sorted.length), sorted.length - 1);
  return sorted[index] ?? Number.NaN;
}
