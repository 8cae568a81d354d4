/**
 * What a lost worker costs: a function of the job ends its thread in the middle of a batch, once a second, and the time
 * of that batch is compared with the batches around it that lost nothing. Every event is counted and written out once all
 * the same. With a spare worker, as by default, and without one.
 */
import { join } from 'node:path';
import type { BatchInfo } from '../lib/metrics/run-events.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { linesOf } from './harness/output.js';
import { check, report, say } from './harness/report.js';
import { freshFolder, runLive } from './harness/run-sluice.js';
import { percentile } from './harness/stats.js';

const RATE = 20_000;
const INTERVAL_MS = 50;
/** Batches on either side that one which lost a thread is compared with. */
const NEIGHBOURS = 4;

async function run(settings: BenchmarkRun): Promise<void> {
  for (const spares of bySize(settings, [1, 0], [1])) await measure(spares, settings);
}

async function measure(spares: number, settings: BenchmarkRun): Promise<void> {
  const losses = bySize(settings, 30, 1);
  const everyMs = bySize(settings, 1000, 600);
  say(`worker-loss: ${losses} threads, ${spares} spare`);
  const folder = freshFolder('worker-loss', `${spares}-spare`);
  const output = join(folder, 'counts.csv');
  const batches: BatchInfo[] = [];
  let lost = 0;
  let after = 0;
  await runLive(
    {
      job: 'benchmarks/jobs/worker-loss.ts',
      args: { rate: RATE, every: everyMs, marks: join(folder, 'marks'), output },
      ...{ workers: settings.workers, interval: `${INTERVAL_MS}ms`, checkpoint: join(folder, 'checkpoint') },
      options: { spareWorkers: spares },
    },
    (event, live) => {
      if (event.kind !== 'batchCompleted') return;
      batches.push(event.batch);
      if (event.batch.failedTasks > 0) lost++;
      if (lost >= losses && ++after > NEIGHBOURS) live.stop();
    },
  );
  checkCounts(output);
  const delays = batches.flatMap((batch, i) => (batch.failedTasks > 0 ? [delayOf(batches, i)] : []));
  check(delays.length >= losses, `${delays.length} batches lost a thread, ${losses} were wanted`);
  report('worker-loss', {
    ...{ system: 'sluice', form: `${spares} spare`, eventsPerSecond: RATE, intervalMs: INTERVAL_MS },
    losses: delays.length,
    delayMs: { p50: percentile(delays, 0.5), max: percentile(delays, 1) },
    batchMs: { p50: percentile(quietOf(batches), 0.5), p99: percentile(quietOf(batches), 0.99) },
  });
}

const quietOf = (batches: readonly BatchInfo[]): number[] =>
  batches.filter(({ failedTasks }) => failedTasks === 0).map(({ processingDelayMs }) => processingDelayMs);

/** How much longer a batch took than the median of those around it. */
function delayOf(batches: readonly BatchInfo[], at: number): number {
  const around = quietOf(batches.slice(Math.max(0, at - NEIGHBOURS), at + NEIGHBOURS + 1));
  return (batches[at]?.processingDelayMs ?? Number.NaN) - percentile(around, 0.5);
}

/** The counts of each key are 1, 2, 3 ...: no event is lost and none is there twice. */
function checkCounts(output: string): void {
  const counts = new Map<string, number>();
  for (const line of linesOf(output)) {
    const [key = '', count] = line.split(',');
    const next = (counts.get(key) ?? 0) + 1;
    check(Number(count) === next, `key ${key}: count ${count} where ${next} comes next`);
    counts.set(key, next);
  }
  check(counts.size > 0, 'there are counts');
}

export default benchmark('worker-loss', run);
