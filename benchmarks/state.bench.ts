/**
 * What a batch costs that touches 10,000 keys of 1, 5 and 10 million in state: its time, the bytes it adds to the
 * checkpoint, and the memory of it all. The state is filled by one run; another restores it, which is timed too, and
 * goes on in batches of 10,000 records. Keys have 16 bytes, and two int64 counters each.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keysData, LINE_BYTES, touchesOf, type KeysData } from './data/keys.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { linesOf } from './harness/output.js';
import { check, report, say } from './harness/report.js';
import { freshFolder, runOnce, type JobRun } from './harness/run-sluice.js';
import { percentile, round } from './harness/stats.js';

const TOUCHED = 10_000;
const KEY_BYTES = 16;

async function run(settings: BenchmarkRun): Promise<void> {
  for (const keys of bySize(settings, [1_000_000, 5_000_000, 10_000_000], [20_000])) await measure(keys, settings);
}

async function measure(keys: number, settings: BenchmarkRun): Promise<void> {
  say(`state: ${keys} keys`);
  const touched = bySize(settings, TOUCHED, 1000);
  const warmUp = bySize(settings, 10, 1);
  const data = await keysData(keys, warmUp + bySize(settings, 60, 5), touched);
  const folder = freshFolder('state', String(keys));
  const output = join(folder, 'touched.csv');
  const checkpoint = join(folder, 'checkpoint');
  const job: JobRun = {
    ...{ job: 'benchmarks/jobs/state.ts', checkpoint, workers: settings.workers },
    args: { input: join(data.folder, 'input'), output },
    options: { slotMemory: '3GiB' },
  };
  const fill = await runOnce(job);
  check(fill.summary.stateRows === keys, `${fill.summary.stateRows} keys in state`);
  const segmentsBefore = new Set(segmentsIn(checkpoint));
  const touch = await runOnce({
    ...job,
    args: { input: join(data.folder, 'touch'), output },
    // No snapshot before the end, so the log has all that the batches added to the checkpoint.
    options: { ...job.options, maxBatchBytes: touched * LINE_BYTES, checkpointInterval: '1h' },
  });
  check(touch.batches.length === data.batches, `${touch.batches.length} batches`);
  check(touch.summary.stateRows === keys, `${touch.summary.stateRows} keys in state after`);
  checkOutput(output, data);
  const segments = segmentsIn(checkpoint).filter(segment => !segmentsBefore.has(segment));
  const logBytes = segments.reduce((sum, segment) => sum + usedBytes(checkpoint, segment), 0);
  const times = touch.batches.slice(warmUp).map(batch => batch.processingDelayMs);
  const restored = touch.events.find(event => event.kind === 'restored');
  report('state', {
    ...{ system: 'sluice', keys, touchedPerBatch: touched, batches: times.length },
    batchMs: { p50: percentile(times, 0.5), p99: percentile(times, 0.99) },
    checkpointBytesPerBatch: Math.round(logBytes / data.batches),
    // By what the changed keys and values have themselves: 16 bytes and two counters.
    logPerChangedByte: round(logBytes / data.batches / (touched * (KEY_BYTES + 2 * 8))),
    ...{ fillRssMb: round(fill.rssMb), rssMb: round(touch.rssMb), restoreMs: round(restored?.tookMs ?? Number.NaN) },
    fill: {
      keysPerCpuSecond: round(keys / (fill.cpuMs / 1000)),
      slowestBatchMs: round(Math.max(...fill.batches.map(batch => batch.processingDelayMs))),
    },
  });
}

/** The last line of each key that was touched says how often, and that it came once before. */
function checkOutput(output: string, data: KeysData): void {
  const last = new Map<string, string>();
  for (const line of linesOf(output)) last.set(line.slice(0, line.indexOf(',')), line);
  const touches = touchesOf(data);
  check(last.size === touches.size, `${last.size} keys were touched, not ${touches.size}`);
  for (const [key, n] of touches) check(last.get(key) === `${key},1,${n}`, `${last.get(key)} is not ${key},1,${n}`);
}

const segmentsIn = (checkpoint: string): string[] =>
  readdirSync(join(checkpoint, 'log')).filter(name => name.endsWith('.wal'));

/** What is written of a segment of the log: behind it are the zeros it was made with. */
function usedBytes(checkpoint: string, segment: string): number {
  const bytes = readFileSync(join(checkpoint, 'log', segment));
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

export default benchmark('state', run);
