// `npm start`: makes sample input, file after file, while the sample job runs on it; shows some of the output; says
// where everything is. Needs and changes nothing outside the folders named below.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tsImport } from 'tsx/esm/api';
import { build } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const JOB = 'jobs/click-view-counts.ts';
const INPUT = 'out/clicks';
const OUTPUT = 'out/click-view-counts.csv';
const STATE = '.sluice/click-view-counts';
const CHECKPOINT = `${STATE}/checkpoint`;
const EVENTS = 20_000;
const FILES = 10;
const DELAY_MS = 400;
const LIMIT_MS = 25_000;

const NEXT = [
  [`npx sluice run ${JOB} --help`, 'what the job takes'],
  [`npx sluice run ${JOB}`, `goes on, live, with what arrives in ${INPUT}`],
  [`npx sluice checkpoint show ${CHECKPOINT}`, 'what the checkpoint holds'],
  ['README.md', 'a job in 20 lines, tuning, guarantees'],
];

process.chdir(root);
await build();

const old = [INPUT, OUTPUT, STATE].filter(path => existsSync(path));
if (old.length > 0) console.log(`starting over: ${old.join(', ')} of an earlier start removed`);
for (const path of old) rmSync(path, { recursive: true });
mkdirSync(INPUT, { recursive: true });

const { runSample } = await import('../dist/cli/sample-run.js');
const { writeClicks } = await tsImport('../jobs/generate-clicks.ts', import.meta.url);

console.log(`${EVENTS.toLocaleString('en')} sample events arrive in ${INPUT}, in ${FILES} files one after another\n`);
const exitCode = await runSample(
  {
    job: JOB,
    checkpoint: CHECKPOINT,
    interval: '500ms',
    args: [`input=${INPUT}`, `output=${OUTPUT}`],
    records: EVENTS,
    limitMs: LIMIT_MS,
  },
  () =>
    writeClicks({
      dir: INPUT,
      events: EVENTS,
      users: 1000,
      files: FILES,
      seed: 1,
      startMs: Date.now(),
      delayMs: DELAY_MS,
    }),
);
if (exitCode === 0) showWhatCame();
process.exit(exitCode);

function showWhatCame() {
  const lines = readFileSync(OUTPUT, 'utf8').split('\n').slice(0, -1);
  console.log(`
${lines.length.toLocaleString('en')} lines of output in ${OUTPUT}, the first and the last:
${[...lines.slice(0, 3), '...', ...lines.slice(-3)].map(line => `  ${line}`).join('\n')}

Next
${NEXT.map(([command, what]) => `  ${command.padEnd(66)}${what}`).join('\n')}`);
}
