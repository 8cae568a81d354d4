// `npm run bench` runs every benchmarks/*.bench.ts, `npm run bench -- NAME ...` those whose file name holds a NAME.
// Each runs in a process of its own, one after another, and prints JSON lines; arguments after `--` go to it.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);
const cut = args.indexOf('--');
const wanted = cut < 0 ? args : args.slice(0, cut);
const passed = cut < 0 ? [] : args.slice(cut + 1);

const all = readdirSync(join(root, 'benchmarks')).filter(file => file.endsWith('.bench.ts'));
const chosen = wanted.length === 0 ? all : all.filter(file => wanted.some(name => file.includes(name)));
if (chosen.length === 0) {
  console.error(
    `error: no benchmark is named like ${wanted.join(', ')}; there are ${all.map(file => file.slice(0, -9)).join(', ')}`,
  );
  process.exit(2);
}

await build({ quiet: true });
let failed = 0;
for (const file of chosen.sort()) {
  console.error(`${file.slice(0, -'.bench.ts'.length)}:`);
  const child = spawn(process.execPath, ['--import', 'tsx', join('benchmarks', file), ...passed], {
    cwd: root,
    stdio: 'inherit',
  });
  const code = await new Promise((resolve, reject) =>
    child.once('error', reject).once('exit', exit => resolve(exit ?? 1)),
  );
  if (code !== 0) failed++;
}
if (failed > 0) {
  console.error(`error: ${failed} of ${chosen.length} benchmarks failed`);
  process.exitCode = 1;
}
