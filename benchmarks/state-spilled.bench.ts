/**
 * What it costs that state does not fit into the memory it may have: batches that touch 10,000 random keys of it, once with
 * all of it in memory and once with a quarter, the rest on the disk. Keys have 16 bytes, and two int64 counters each. The
 * files are as a rule in the system's page cache; a machine that lacks the memory for that reads from the disk itself.
 */
import { join } from 'node:path';
import { keysData, LINE_BYTES, touchesOf, type KeysData } from './data/keys.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { linesOf } from './harness/output.js';
import { check, report, say } from './harness/report.js';
import { freshFolder, runOnce, type JobRun, type SluiceRun } from './harness/run-sluice.js';
import { percentile, round } from './harness/stats.js';

/** A key with its entry, and its part of the index: spec/state/state-table.spec.ts. */
const BYTES_PER_KEY = 47;
/** How many times the state is larger than the memory it may have. */
const TIMES = 4;
const TOUCHED = 10_000;

async function run(settings: BenchmarkRun): Promise<void> {
  for (const keys of bySize(settings, [1_000_000], [40_000])) await measure(keys, settings);
}

async function measure(keys: number, settings: BenchmarkRun): Promise<void> {
  const touched = bySize(settings, TOUCHED, 1000);
  const warmUp = bySize(settings, 10, 1);
  const data = await keysData(keys, warmUp + bySize(settings, 60, 5), touched);
  const limit = Math.max(65_536, Math.floor((keys * BYTES_PER_KEY) / TIMES));
  const medians: number[] = [];
  for (const [system, options] of [
    ['in memory', {}],
    ['on disk', { maxStateBytes: limit, stateSpill: 'disk' }],
  ] as const) {
    say(`state-spilled: ${keys} keys ${system}`);
    const { fill, touch } = await runBoth(system, options, keys, touched, data, settings);
    const times = touch.batches.slice(warmUp).map(batch => batch.processingDelayMs);
    medians.push(percentile(times, 0.5));
    report('state-spilled', {
      ...{ system: `sluice, ${system}`, keys, touchedPerBatch: touched, batches: times.length },
      ...(system === 'in memory' ? {} : { maxStateMb: round(limit / 1e6), times: round(medians[1] / medians[0]) }),
      batchMs: { p50: percentile(times, 0.5), p99: percentile(times, 0.99) },
      ...{ fillRssMb: round(fill.rssMb), rssMb: round(touch.rssMb), fillCpuS: round(fill.cpuMs / 1000) },
    });
  }
}

async function runBoth(
  name: string,
  options: NonNullable<JobRun['options']>,
  keys: number,
  touched: number,
  data: KeysData,
  { workers }: BenchmarkRun,
): Promise<{ readonly fill: SluiceRun; readonly touch: SluiceRun }> {
  const folder = freshFolder('state-spilled', `${keys}-${name.replace(' ', '-')}`);
  const output = join(folder, 'touched.csv');
  const job: JobRun = {
    ...{ job: 'benchmarks/jobs/state.ts', checkpoint: join(folder, 'checkpoint'), workers },
    args: { input: join(data.folder, 'input'), output },
    options: { slotMemory: '3GiB', ...options },
  };
  const fill = await runOnce(job);
  check(fill.summary.stateRows === keys, `${fill.summary.stateRows} keys in state`);
  const touch = await runOnce({
    ...job,
    args: { input: join(data.folder, 'touch'), output },
    options: { ...job.options, maxBatchBytes: touched * LINE_BYTES, checkpointInterval: '1h' },
  });
  check(touch.batches.length === data.batches, `${touch.batches.length} batches`);
  check(touch.summary.stateRows === keys, `${touch.summary.stateRows} keys in state after`);
  const last = new Map<string, string>();
  for (const line of linesOf(output)) last.set(line.slice(0, line.indexOf(',')), line);
  const touches = touchesOf(data);
  check(last.size === touches.size, `${last.size} keys were touched, not ${touches.size}`);
  for (const [key, n] of touches) check(last.get(key) === `${key},1,${n}`, `${last.get(key)} is not ${key},1,${n}`);
  return { fill, touch };
}

export default benchmark('state-spilled', run);
