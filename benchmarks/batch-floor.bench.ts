/**
 * What a batch costs when it has nothing, or next to nothing, to do: the engine on real worker threads, batches cut as
 * fast as they run, empty or of 100 rows, through one stage, two, or two with state, with a checkpoint and without; an
 * append + fdatasync on the same disk is measured beside. State always lies behind a shuffle, so there is no stateful job
 * of one stage.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
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
  for (const one of bySize(settings, all, [all[0] as Case, all.at(-1) as Case])) await measure(one, settings);
}

/** Processing times of batches of a live run at an interval of 1 ms, after some to warm up. */
async function measure({ rows, kind, checkpoint }: Case, settings: BenchmarkRun): Promise<void> {
  const batches = bySize(settings, 300, 10);
  const warmUp = bySize(settings, 100, 5);
  const syncs = bySize(settings, 200, 5);
  say(`batch-floor: ${rows} rows, ${kind}, checkpoint ${checkpoint ? 'on' : 'off'}`);
  const folder = freshFolder('batch-floor', 'run');
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  const syncBefore = checkpoint ? fdatasyncTimes(folder, syncs) : [];
  const times: number[] = [];
  let records = 0;
  await runLive(
    {
      ...{ job: 'benchmarks/jobs/floor.ts', args: { rows, kind, empty }, workers: settings.workers, interval: '1ms' },
      options: { maxBatchRecords: Math.max(1, rows), backpressure: 'false' },
      checkpoint: checkpoint ? join(folder, 'checkpoint') : 'none',
    },
    (event, live) => {
      if (event.kind !== 'batchCompleted') return;
      times.push(event.batch.processingDelayMs);
      records += event.batch.records;
      if (times.length === warmUp + batches) live.stop();
    },
  );
  // The first batch has no rows: none were due before it.
  check(times.length >= warmUp + batches, `${times.length} batches`);
  check(records <= rows * times.length && records >= rows * (times.length - 2), `${records} records`);
  const sync = [...syncBefore, ...(checkpoint ? fdatasyncTimes(folder, syncs) : [])];
  const measured = times.slice(warmUp, warmUp + batches);
  report('batch-floor', {
    ...{ rows, stages: kind === 'one' ? 1 : 2, state: kind === 'state', checkpoint, batches },
    processingMs: { p50: percentile(measured, 0.5), p99: percentile(measured, 0.99) },
    ...(checkpoint ? { fdatasyncMs: { p50: percentile(sync, 0.5), p99: percentile(sync, 0.99) } } : {}),
  });
}

export default benchmark('batch-floor', run);
