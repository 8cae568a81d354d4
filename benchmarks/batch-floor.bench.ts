/**
 * What a batch costs when it has nothing, or next to nothing, to do: the engine on real worker threads, batches empty or
 * of 100 rows, through one stage, two, or two with state, with a checkpoint and without; an append + fdatasync on the same
 * disk is measured beside. State always lies behind a shuffle, so there is no stateful job of one stage.
 *
 * At an interval of 10 ms each batch has ended before the next begins: that is the floor. At 1 ms they are cut as fast as
 * they run, one is computed while the one before is committed, and the figure is how many there are in a second.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchInfo } from '../lib/metrics/run-events.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { fdatasyncTimes } from './harness/fdatasync.js';
import { check, report, say } from './harness/report.js';
import { freshFolder, runLive } from './harness/run-sluice.js';
import { percentile } from './harness/stats.js';

interface Case {
  readonly rows: number;
  readonly kind: 'one' | 'two' | 'state';
  readonly checkpoint: boolean;
}

async function run(settings: BenchmarkRun): Promise<void> {
  const all = [false, true].flatMap(checkpoint =>
    (['one', 'two', 'state'] as const).flatMap(kind => [0, 100].map((rows): Case => ({ rows, kind, checkpoint }))),
  );
  // The small run has the two that differ in everything.
  for (const one of bySize(settings, all, [all[0] as Case, all.at(-1) as Case])) {
    await measure(one, 10, settings);
    await measure(one, 1, settings);
  }
}

/** Batches of a live run, after some to warm up. */
async function measure(one: Case, intervalMs: number, settings: BenchmarkRun): Promise<void> {
  const { rows, kind, checkpoint } = one;
  const batches = bySize(settings, 300, 10);
  const warmUp = bySize(settings, 100, 5);
  const syncs = bySize(settings, 200, 5);
  say(`batch-floor: ${rows} rows, ${kind}, checkpoint ${checkpoint ? 'on' : 'off'}, ${intervalMs} ms`);
  const folder = freshFolder('batch-floor', 'run');
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const syncBefore = checkpoint ? fdatasyncTimes(folder, syncs) : [];
  const infos: BatchInfo[] = [];
  await runLive(
    {
      ...{
        job: 'benchmarks/jobs/floor.ts',
        args: { rows, kind, empty },
        workers: settings.workers,
        interval: `${intervalMs}ms`,
      },
      options: { maxBatchRecords: Math.max(1, rows), backpressure: 'false' },
      checkpoint: checkpoint ? join(folder, 'checkpoint') : 'none',
    },
    (event, live) => {
      if (event.kind !== 'batchCompleted') return;
      infos.push(event.batch);
      if (infos.length === warmUp + batches) live.stop();
    },
  );
  // The first batch has no rows: none were due before it.
  check(infos.length >= warmUp + batches, `${infos.length} batches`);
  const records = infos.reduce((sum, info) => sum + info.records, 0);
  check(records <= rows * infos.length && records >= rows * (infos.length - 2), `${records} records`);
  const sync = [...syncBefore, ...(checkpoint ? fdatasyncTimes(folder, syncs) : [])];
  const measured = infos.slice(warmUp, warmUp + batches);
  const times = measured.map(info => info.processingDelayMs);
  const tookMs = (measured.at(-1)?.completedMs ?? 0) - (measured[0]?.completedMs ?? 0);
  report('batch-floor', {
    ...{ rows, stages: kind === 'one' ? 1 : 2, state: kind === 'state', checkpoint, intervalMs, batches },
    processingMs: { p50: percentile(times, 0.5), p99: percentile(times, 0.99) },
    batchesPerSecond: Math.round(((batches - 1) * 1000) / tookMs),
    ...(checkpoint ? { fdatasyncMs: { p50: percentile(sync, 0.5), p99: percentile(sync, 0.99) } } : {}),
  });
}

export default benchmark('batch-floor', run);
