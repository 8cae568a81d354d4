// Builds dist/: the kernels, the bundle, the types. Each part is made again only when its inputs have changed, so that
// a build with nothing to do costs some milliseconds. `node .build/build.mjs --force` makes all of it again.
//
//   dist/kernels.wasm        lib/kernels, AssemblyScript
//   dist/index.js            the public API                    dist/driver/index.js   `sluice run` without the word
//   dist/cli/main.js         the sluice command                dist/executor/worker.js  a worker thread's entry
//   dist/executor/receiver-worker.js  the entry of the receivers' thread
//   dist/chunks/*.js         what they share                   dist/types/            declarations of lib/
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stampFile = join(dist, '.build.json');

const ENTRIES = [
  { in: 'lib/index.ts', out: 'index' },
  { in: 'lib/cli/bin.ts', out: 'cli/main' },
  { in: 'lib/cli/sample-run.ts', out: 'cli/sample-run' },
  { in: 'lib/cli/driver-entry.ts', out: 'driver/index' },
  { in: 'lib/executor/worker.ts', out: 'executor/worker' },
  { in: 'lib/executor/receiver-worker.ts', out: 'executor/receiver-worker' },
];

const PARTS = [
  { name: 'kernels', inputs: isKernel, outputs: ['kernels.wasm'], make: makeKernels },
  { name: 'bundle', inputs: isEngine, outputs: ENTRIES.map(entry => `${entry.out}.js`), make: makeBundle },
  { name: 'types', inputs: isEngine, outputs: ['types/index.d.ts'], make: makeTypes },
];

/** CommonJS packages in the bundle call `require` for Node's own modules. */
const REQUIRE_BANNER =
  "import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);";

/** Builds what is out of date; says what it made unless `quiet`. */
export async function build({ force = false, quiet = false } = {}) {
  const files = await readInputs();
  const before = force ? {} : await readStamps();
  const stale = PARTS.map(part => ({ ...part, stamp: stampOf(part, files) })).filter(
    part => before[part.name] !== part.stamp || part.outputs.some(file => !existsSync(join(dist, file))),
  );
  if (stale.length === 0) return;
  await mkdir(dist, { recursive: true });
  const startMs = performance.now();
  const results = await Promise.allSettled(stale.map(part => part.make()));
  const stamps = { ...before };
  stale.forEach((part, i) => {
    if (results[i].status === 'fulfilled') stamps[part.name] = part.stamp;
    else delete stamps[part.name];
  });
  await writeFile(stampFile, JSON.stringify(stamps, null, 2));
  const failed = results.find(result => result.status === 'rejected');
  if (failed) throw failed.reason;
  if (!quiet) {
    const tookMs = Math.round(performance.now() - startMs);
    console.log(`built ${stale.map(part => part.name).join(', ')} in ${tookMs} ms`);
  }
}

function isKernel(path) {
  return path.startsWith('lib/kernels/') || path === '.build/kernels.mjs';
}

function isEngine(path) {
  return !isKernel(path) || path === 'package.json';
}

/** Contents of everything that a part may be made of, by path, in order. */
async function readInputs() {
  const lib = await readdir(join(root, 'lib'), { recursive: true });
  const paths = [
    ...lib.filter(path => /\.(ts|json)$/.test(path)).map(path => join('lib', path)),
    '.build/build.mjs',
    '.build/kernels.mjs',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    '.build/tsconfig.json',
  ];
  return await Promise.all(paths.sort().map(async path => ({ path, bytes: await readFile(join(root, path)) })));
}

function stampOf(part, files) {
  const hash = createHash('sha256');
  for (const { path, bytes } of files.filter(file => part.inputs(file.path))) {
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

async function readStamps() {
  try {
    return JSON.parse(await readFile(stampFile, 'utf8'));
  } catch (error) {
    // Missing or torn: everything is made again.
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return {};
    throw error;
  }
}

async function makeKernels() {
  const { buildKernels } = await import('./kernels.mjs');
  await buildKernels(join(dist, 'kernels.wasm.new'));
  await rename(join(dist, 'kernels.wasm.new'), join(dist, 'kernels.wasm'));
}

async function makeBundle() {
  const { build: bundle } = await import('esbuild');
  const bundled = bundle({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir: dist,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    external: ['piscina', 'esbuild', 'parquet-wasm'],
    banner: { js: REQUIRE_BANNER },
    logLevel: 'warning',
    write: false,
  });
  // What esbuild has to say, it has printed.
  const { outputFiles } = await bundled.catch(() => Promise.reject(new Error('the sources do not bundle')));
  // Written only when all of it compiled, and the old chunks go last: a process that is starting just now finds its files.
  const old = await readdir(join(dist, 'chunks')).catch(() => []);
  for (const { path, contents } of outputFiles) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
  }
  const current = new Set(outputFiles.map(file => file.path));
  const gone = old.map(name => join(dist, 'chunks', name)).filter(path => !current.has(path));
  await Promise.all(gone.map(path => rm(path)));
  await Promise.all(['cli/main.js', 'driver/index.js'].map(path => chmod(join(dist, path), 0o755)));
}

async function makeTypes() {
  await rm(join(dist, 'types'), { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', join(root, '.build', 'tsconfig.json')], { cwd: root });
  } catch (error) {
    throw new Error(`the types of lib do not compile:\n${error.stdout}${error.stderr}`, { cause: error });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await build({ force: process.argv.includes('--force') });
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}
