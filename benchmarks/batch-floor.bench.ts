/**
 * What a batch costs when it has nothing, or next to nothing, to do: the engine on real worker threads, batches cut as
 * fast as they run, with and without a checkpoint; the time of an append + fdatasync on the same disk is measured beside.
 *
 *   npx tsx benchmarks/batch-floor.bench.ts [--batches=300]
 */
import { spawn } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { check, percentile, report, root, workFolder } from './harness.js';

const batches = Number(process.argv.find(argument => argument.startsWith('--batches='))?.split('=')[1] ?? 300);
const folder = workFolder('batch-floor');
const WARM_UP = 50;

/** Milliseconds of one append of 4 KiB and fdatasync, many times. */
function fdatasyncTimes(): number[] {
  const path = join(folder, 'fdatasync');
  const fd = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    const startMs = performance.now();
    writeSync(fd, block, 0, block.length, (i % 64) * 4096);
    fdatasyncSync(fd);
    times.push(performance.now() - startMs);
  }
  closeSync(fd);
  rmSync(path);
  return times;
}

/** Processing times of batches that the built command line runs live, at an interval of 1 ms, after some to warm up. */
async function measure(rows: number, stages: number, checkpoint: boolean): Promise<number[]> {
  rmSync(join(folder, 'checkpoint'), { recursive: true, force: true });
  mkdirSync(join(folder, 'empty'), { recursive: true });
  const child = spawn(
    process.execPath,
    [
      ...['dist/cli/main.js', 'run', 'benchmarks/floor-job.ts', '--json', '--interval', '1ms', '--workers', '2'],
      ...['--checkpoint', checkpoint ? join(folder, 'checkpoint') : 'none', '--arg', `rows=${rows}`],
      ...['--arg', `stages=${stages}`, '--arg', `empty=${join(folder, 'empty')}`],
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const times: number[] = [];
  let records = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as Event;
    if (event.batch === undefined) continue;
    times.push(event.batch.processingDelayMs);
    records += event.batch.records;
    if (times.length === WARM_UP + batches) child.kill('SIGTERM');
  }
  check(rows === 0 ? records === 0 : records > batches, `${records} records in ${times.length} batches`);
  check(times.length >= WARM_UP + batches, `${times.length} batches`);
  return times.slice(WARM_UP, WARM_UP + batches);
}

interface Event {
  readonly batch?: { readonly records: number; readonly processingDelayMs: number };
}

for (const checkpoint of [false, true]) {
  for (const stages of [1, 2]) {
    for (const rows of [0, 100]) {
      const syncBefore = checkpoint ? fdatasyncTimes() : [];
      const times = await measure(rows, stages, checkpoint);
      const sync = [...syncBefore, ...(checkpoint ? fdatasyncTimes() : [])];
      report('batch-floor', {
        ...{ rowsPerMs: rows, stages, checkpoint, batches },
        processingMs: { p50: percentile(times, 0.5), p99: percentile(times, 0.99) },
        ...(checkpoint ? { fdatasyncMs: { p50: percentile(sync, 0.5), p99: percentile(sync, 0.99) } } : {}),
      });
    }
  }
}
