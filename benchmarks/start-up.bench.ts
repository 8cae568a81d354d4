/**
 * From process start to the first committed batch, and the memory of the sample run (20,000 events): the built command
 * line on files, with checkpoint and exactly-once output, as `npm start` runs it.
 *
 *   npx tsx benchmarks/start-up.bench.ts [--runs=10]
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { writeClicks } from '../jobs/generate-clicks.js';
import { check, report, root, runNode, spread, workFolder } from './harness.js';

const runs = Number(process.argv.find(argument => argument.startsWith('--runs='))?.split('=')[1] ?? 10);
const EVENTS = 20_000;
const folder = workFolder('start-up');
const input = join(folder, 'input');
rmSync(folder, { recursive: true, force: true });
await writeClicks({ dir: input, events: EVENTS, users: 1000, files: 10, seed: 1, startMs: 1_700_000_000_000 });

const argsOf = (run: string): string[] => [
  ...['dist/cli/main.js', 'run', 'jobs/click-view-counts.ts', '--once', '--json', '--workers', '2'],
  ...['--checkpoint', join(folder, run, 'checkpoint'), '--arg', `input=${input}`],
  ...['--arg', `output=${join(folder, run, 'out.csv')}`],
];

/** Milliseconds until the process tells of its first committed batch. */
async function firstBatchMs(run: string): Promise<number> {
  const startMs = performance.now();
  const child = spawn(process.execPath, argsOf(run), { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let firstMs = Number.NaN;
  let records = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { kind: string; batch?: { records: number } };
    if (event.batch === undefined) continue;
    if (records === 0) firstMs = performance.now() - startMs;
    records += event.batch.records;
  }
  check(records === EVENTS, `${records} of ${EVENTS} records`);
  return firstMs;
}

// The first run compiles the job; users pay for that once.
await firstBatchMs('warm-up');
const firstMs: number[] = [];
const rssMb: number[] = [];
for (let run = 0; run < runs; run++) {
  firstMs.push(await firstBatchMs(`first-${run}`));
  rssMb.push((await runNode(argsOf(`rss-${run}`))).maxRssMb);
}
report('start-up', { events: EVENTS, runs, firstBatchMs: spread(firstMs), sampleRssMb: spread(rssMb) });
