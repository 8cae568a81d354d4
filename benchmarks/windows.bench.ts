/**
 * A batch of a windowed count against the length of the window: with the inverse function it costs what enters and
 * leaves, so it is as long for a window of 500 batches as for one of 10; without, it goes over the window. 1,000 keys, all
 * of which come in every batch.
 */
import { join } from 'node:path';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { linesOf } from './harness/output.js';
import { check, report, say } from './harness/report.js';
import { freshFolder, runOnce } from './harness/run-sluice.js';
import { percentile } from './harness/stats.js';

const ROWS_PER_BATCH = 5000;
const KEYS = 1000;

async function run(settings: BenchmarkRun): Promise<void> {
  const all = [
    ...[10, 100, 500].map(length => ({ length, totals: true })),
    ...[10, 100].map(length => ({ length, totals: false })),
  ];
  for (const one of bySize(settings, all, [{ length: 3, totals: true }])) {
    await measure(one.length, one.totals, settings);
  }
}

async function measure(length: number, totals: boolean, settings: BenchmarkRun): Promise<void> {
  say(`windows: ${length} batches, ${totals ? 'totals kept' : 'gone over each time'}`);
  const measured = bySize(settings, 100, 4);
  const batches = length + measured;
  const folder = freshFolder('windows', `${length}-${totals}`);
  const output = join(folder, 'sums.csv');
  const { batches: done } = await runOnce({
    job: 'benchmarks/jobs/windows.ts',
    args: { rows: batches * ROWS_PER_BATCH, keys: KEYS, window: `${length}m`, totals: String(totals), output },
    // Batches follow each other at once; their times lie a minute apart.
    interval: '1m',
    options: { maxBatchRecords: ROWS_PER_BATCH },
    workers: settings.workers,
    checkpoint: join(folder, 'checkpoint'),
  });
  const sums = [...linesOf(output)];
  check(done.length === batches && sums.length === batches, `${done.length} batches, ${sums.length} sums`);
  sums.forEach((sum, i) => {
    const expected = Math.min(i + 1, length) * ROWS_PER_BATCH;
    check(Number(sum) === expected, `${sum} rows in the window of batch ${i}, not ${expected}`);
  });
  const times = done.slice(-measured).map(batch => batch.processingDelayMs);
  report('windows', {
    ...{ system: 'sluice', windowBatches: length, totals, rowsPerBatch: ROWS_PER_BATCH, keys: KEYS, batches: measured },
    batchMs: { p50: percentile(times, 0.5), p99: percentile(times, 0.99) },
  });
}

export default benchmark('windows', run);
