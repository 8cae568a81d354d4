import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../core/errors.js';
import type { ArrowKernels } from './arrow-kernels.js';
import type { GroupKernels } from './group-kernels.js';
import type { JoinKernels } from './join-kernels.js';
import type { ScanKernels } from './scan-kernels.js';
import type { SlotMemory } from './slot-memory.js';
import type { TextKernels } from './text-kernels.js';
import type { WriteKernels } from './write-kernels.js';

/** The exports of the kernel module, instantiated on one slot's memory. All are plain functions on addresses. */
export type Kernels = ArrowKernels & ScanKernels & GroupKernels & JoinKernels & TextKernels & WriteKernels;

/** Beside the bundle in dist/, or in dist/ when the sources run as they are. */
const CANDIDATES = ['./kernels.wasm', '../kernels.wasm', '../../dist/kernels.wasm'];

let compiled: WebAssembly.Module | undefined;
const instances = new WeakMap<SlotMemory, Kernels>();

function kernelModule(): WebAssembly.Module {
  if (compiled) return compiled;
  const path = CANDIDATES.map(name => fileURLToPath(new URL(name, import.meta.url))).find(existsSync);
  if (path === undefined) {
    throw new EngineError(
      'internal',
      `kernels.wasm is missing beside ${fileURLToPath(import.meta.url)}: run 'npm run build'`,
    );
  }
  return (compiled = new WebAssembly.Module(readFileSync(path)));
}

/** The kernels on `memory`; compiled once a thread, instantiated once a memory. */
export function kernels(memory: SlotMemory): Kernels {
  let instance = instances.get(memory);
  if (instance === undefined) {
    const made = new WebAssembly.Instance(kernelModule(), { env: { memory: memory.memory } });
    instance = made.exports as unknown as Kernels;
    instances.set(memory, instance);
  }
  return instance;
}

/** Compiles the kernels for this thread, before it has a memory to run them on. */
export function compileKernels(): void {
  kernelModule();
}
