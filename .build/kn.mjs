// Compiles lib/kernels (AssemblyScript) to dist/kernels.wasm: one small module on an imported shared memory.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main as compile } from 'assemblyscript/asc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export async function buildKernels(outFile = join(root, 'dist', 'kernels.wasm')) {
  await mkdir(dirname(outFile), { recursive: true });
  const { error, stderr } = await compile([
    'lib/kernels/index.ts',
    '--baseDir',
    root,
    '--outFile',
    outFile,
    '-O3',
    '--noAssert', '--debug',
    '--runtime',
    'stub',
    '--enable',
    'simd',
    '--enable',
    'threads',
    '--enable',
    'bulk-memory',
    '--importMemory',
    '--sharedMemory',
    '--initialMemory',
    '16',
    '--maximumMemory',
    '65536',
    // Static data stays in the reserved first 64 KiB of each slot's memory, and so does the (unused) heap base.
    '--memoryBase',
    '1024',
    '--use',
    'abort=',
  ]);
  if (error) {
    process.stderr.write(stderr.toString());
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildKernels();
