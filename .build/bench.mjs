// `npm run bench` runs every benchmarks/*.bench.ts, `npm run bench -- NAME ...` those whose file name holds a NAME. Each
// runs in a process of its own, one after another, and prints JSON lines on standard output; a table of them follows on
// standard error. benchmarks/README.md tells what each flag does.
//
//   --size small|full  --runs N  --workers N  --peers   are for the benchmarks
//   --check   compares ratios with benchmarks/baseline.json     --write   puts table and ratios into benchmarks/
//   --install NAME|all   installs peers and ends                 -- ARG ...   arguments of a benchmark that is a program
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

const VALUE_FLAGS = ['--size', '--runs', '--workers', '--install'];
const OWN_FLAGS = ['--check', '--write'];
/** These are programs with arguments of their own. */
const PROGRAMS = /^(kernels-|log-sync)/;

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function parse(args) {
  const parsed = { names: [], passed: [], own: [], program: [], install: undefined };
  const rest = args.flatMap(arg =>
    /^--[a-z]+=/.test(arg) ? [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)] : [arg],
  );
  while (rest.length > 0) {
    const arg = rest.shift();
    if (arg === '--') parsed.program = rest.splice(0);
    else if (arg === '--install') parsed.install = rest.shift() ?? 'all';
    else if (VALUE_FLAGS.includes(arg)) parsed.passed.push(arg, rest.shift() ?? '');
    else if (OWN_FLAGS.includes(arg)) parsed.own.push(arg);
    else if (arg.startsWith('--')) parsed.passed.push(arg);
    else parsed.names.push(arg);
  }
  return parsed;
}

let current;

/** Runs a TypeScript file; gives its exit code and what it printed, which is shown as it comes. */
async function runTypeScript(file, args) {
  const child = spawn(process.execPath, ['--import', 'tsx', join('benchmarks', file), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  current = child;
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text;
    process.stdout.write(text);
  });
  const code = await new Promise((resolve, reject) =>
    child.once('error', reject).once('close', exit => resolve(exit ?? 1)),
  );
  return { code, stdout };
}

/** Two that run at once measure each other. */
function lock() {
  const path = join(tmpdir(), 'sluice-bench.lock');
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const owner = Number(readFileSync(path, 'utf8'));
    if (isAlive(owner)) fail(`another benchmark is running, as process ${owner}: wait for its end`);
    writeFileSync(path, String(process.pid));
  }
  process.on('exit', () => rmSync(path, { force: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      current?.kill(signal);
      process.exit(1);
    });
  }
}

function isAlive(pid) {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(2);
}

const { names, passed, own, program, install } = parse(process.argv.slice(2));
if (install !== undefined) process.exit((await runTypeScript('peers/install.ts', [install])).code);

const all = readdirSync(join(root, 'benchmarks')).filter(file => file.endsWith('.bench.ts'));
// A name that is a benchmark's own means that one, not those whose names begin with it too.
const isNamed = (file, name) => (all.includes(`${name}.bench.ts`) ? file === `${name}.bench.ts` : file.includes(name));
const chosen = names.length === 0 ? all : all.filter(file => names.some(name => isNamed(file, name)));
if (chosen.length === 0) {
  fail(`no benchmark is named like ${names.join(', ')}; there are ${all.map(file => file.slice(0, -9)).join(', ')}`);
}

lock();
await build({ quiet: true });
const failed = [];
let results = '';
for (const file of chosen.sort()) {
  const name = file.slice(0, -'.bench.ts'.length);
  console.error(`${name}:`);
  const args = PROGRAMS.test(file) ? program : passed;
  const { code, stdout } = await runTypeScript('harness/main.ts', [join('benchmarks', file), ...args]);
  if (code !== 0) failed.push(name);
  // Each line was checked before it was printed, whatever failed later.
  if (!PROGRAMS.test(file)) results += stdout;
}
mkdirSync(join(root, 'out', 'bench'), { recursive: true });
const resultsFile = join(root, 'out', 'bench', 'results.jsonl');
writeFileSync(resultsFile, results);
if (failed.length > 0) {
  console.error(`error: ${failed.length} of ${chosen.length} benchmarks failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
const size = passed.includes('small') ? ['--small'] : [];
const { code } = await runTypeScript('harness/summary.ts', [resultsFile, ...own, ...size]);
if (code !== 0) process.exitCode = code;
