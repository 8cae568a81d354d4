/**
 * The main job on 10 M events of up to 1 M users, state, checkpoint and exactly-once output on, against a plain script
 * that writes the same sentences at the same moments. Records per CPU-second of the whole process, start-up included.
 *
 *   node benchmarks/clicks.bench.ts [--events=10000000] [--runs=3] [--workers=2]
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeClicks } from '../jobs/generate-clicks.js';
import { check, report, round, runNode, spread, workFolder } from './harness.js';

const option = (name: string, value: number): number =>
  Number(process.argv.find(argument => argument.startsWith(`--${name}=`))?.split('=')[1] ?? value);
const events = option('events', 10_000_000);
const runs = option('runs', 3);
const workers = option('workers', 2);
const USERS = 1_000_000;

const folder = workFolder('clicks');
const input = join(folder, `input-${events}`);
if (!existsSync(`${input}.done`)) {
  rmSync(input, { recursive: true, force: true });
  await writeClicks({ dir: input, events, users: USERS, files: 40, seed: 1, startMs: 1_700_000_000_000 });
  writeFileSync(`${input}.done`, '');
}
const inputBytes = readdirSync(input).reduce((sum, name) => sum + statSync(join(input, name)).size, 0);

interface Digest {
  readonly lines: number;
  readonly sum: number;
}

/** Equal for equal multisets of lines: order does not count, repeats do. */
function digest(file: string): Digest {
  let lines = 0;
  let sum = 0;
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    if (line === '') continue;
    let hash = 2166136261;
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 16777619);
    lines++;
    sum = (sum + (hash >>> 0)) % 4294967296;
  }
  return { lines, sum };
}

interface Engine {
  readonly perCpuSecond: number;
  readonly rssMb: number;
  readonly batches: readonly number[];
  readonly wallMs: number;
}

async function runSluice(): Promise<Engine> {
  const output = join(folder, 'sluice.csv');
  const checkpoint = join(folder, 'checkpoint');
  for (const path of [output, checkpoint, join(folder, 'deadletter')]) rmSync(path, { recursive: true, force: true });
  const { cpuMs, maxRssMb, stdout, wallMs } = await runNode([
    ...['dist/cli/main.js', 'run', 'jobs/click-view-counts.ts', '--once', '--json', '--workers', String(workers)],
    ...['--checkpoint', checkpoint, '--arg', `input=${input}`, '--arg', `output=${output}`],
  ]);
  const lines = stdout.split('\n').filter(line => line !== '');
  const batches = lines.flatMap(line => {
    const event = JSON.parse(line) as { kind: string; batch?: { records: number } };
    return event.kind === 'batchCompleted' && event.batch !== undefined ? [event.batch.records] : [];
  });
  check(
    batches.reduce((sum, n) => sum + n, 0) === events,
    `${events} events wanted, the batches hold ${batches.join(', ')}`,
  );
  return { perCpuSecond: events / (cpuMs / 1000), rssMb: maxRssMb, batches, wallMs };
}

async function runPlain(batches: readonly number[]): Promise<{ perCpuSecond: number; rssMb: number; wallMs: number }> {
  const output = join(folder, 'plain.csv');
  const { cpuMs, maxRssMb, wallMs } = await runNode(['benchmarks/plain-clicks.mjs', input, output, batches.join(',')]);
  return { perCpuSecond: events / (cpuMs / 1000), rssMb: maxRssMb, wallMs };
}

const sluice: Engine[] = [];
const plain: Awaited<ReturnType<typeof runPlain>>[] = [];
for (let run = 0; run < runs; run++) {
  const ours = await runSluice();
  const theirs = await runPlain(ours.batches);
  const [a, b] = [digest(join(folder, 'sluice.csv')), digest(join(folder, 'plain.csv'))];
  check(
    a.lines === b.lines && a.sum === b.sum,
    `Sluice wrote ${JSON.stringify(a)}, the plain script ${JSON.stringify(b)}`,
  );
  sluice.push(ours);
  plain.push(theirs);
}
report('clicks', {
  ...{ events, users: USERS, inputBytes, workers, batches: sluice[0]?.batches.length },
  sluice: {
    perCpuSecond: spread(sluice.map(run => run.perCpuSecond)),
    wallMs: spread(sluice.map(run => run.wallMs)),
    rssMb: spread(sluice.map(run => run.rssMb)),
  },
  plain: {
    perCpuSecond: spread(plain.map(run => run.perCpuSecond)),
    wallMs: spread(plain.map(run => run.wallMs)),
    rssMb: spread(plain.map(run => run.rssMb)),
  },
  ratio: spread(sluice.map((run, i) => round(run.perCpuSecond / (plain[i]?.perCpuSecond ?? Number.NaN)))),
});
