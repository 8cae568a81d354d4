/**
 * What is made of a run's JSON lines: a table on standard error; with `--check` a comparison with the committed ratios, by
 * which a run fails; with `--write` the tables of README.md and the ratios of baseline.json, for what was run.
 *
 *   summary.ts RESULTS_FILE [--check] [--write] [--small]
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarksFolder, root } from './folders.js';
import { ratiosOf, regressions, type Ratios } from './ratios.js';
import { withSections } from './readme.js';
import { figure, sections, type ResultLine } from './table.js';

const BASELINE = join(benchmarksFolder, 'baseline.json');
const PAGE = join(benchmarksFolder, 'README.md');

const [file = '', ...flags] = process.argv.slice(2);
const lines = readFileSync(file, 'utf8')
  .split('\n')
  .filter(line => line !== '')
  .map(line => JSON.parse(line) as ResultLine);
const tables = sections(lines);
const ratios = ratiosOf(lines);
for (const [name, table] of tables) console.error(`\n${name}\n\n${table}`);
if (Object.keys(ratios).length > 0) console.error('');
for (const [name, ratio] of Object.entries(ratios)) console.error(`${name}: ${figure(ratio)}`);

const baseline = JSON.parse(readFileSync(BASELINE, 'utf8')) as { readonly ratios: Ratios };
if (flags.includes('--small') && flags.length > 1) {
  throw new Error('a small run says only whether answers are right: --check and --write want --size full');
}
if (flags.includes('--check')) check();
if (flags.includes('--write')) write();

function check(): void {
  const unknown = Object.keys(ratios).filter(name => baseline.ratios[name] === undefined);
  if (unknown.length > 0) console.error(`not in baseline.json, and so not compared: ${unknown.join('; ')}`);
  const worse = regressions(ratios, baseline.ratios);
  for (const sentence of worse) console.error(`worse: ${sentence}`);
  if (worse.length > 0) process.exitCode = 1;
  else console.error(`no ratio is worse than it was (${Object.keys(ratios).length - unknown.length} compared)`);
}

function write(): void {
  const caption = captionOf(lines);
  const written = new Map([...tables].map(([name, table]) => [name, `${caption}\n\n${table}`]));
  writeFileSync(PAGE, withSections(readFileSync(PAGE, 'utf8'), written));
  const rounded = Object.entries(ratios).map(([name, ratio]) => [name, Number(ratio.toPrecision(3))] as const);
  const merged = { ratios: { ...baseline.ratios, ...Object.fromEntries(rounded) } };
  writeFileSync(BASELINE, `${JSON.stringify(merged, null, 2)}\n`);
  console.error(`written: ${PAGE}, ${BASELINE}`);
}

/** Machine, commit and day. */
function captionOf([line]: readonly ResultLine[]): string {
  if (line === undefined) return '';
  const { cores, cpu, node } = line.machine;
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  return `${cores} cores (${cpu}), Node ${node.slice(1)}, commit ${commit}, ${new Date().toISOString().slice(0, 10)}.`;
}
