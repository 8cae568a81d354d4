/** What a run on this machine has around it: system clock, file system, and worker threads beside this process's own. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../core/clock.js';
import { EngineError } from '../core/errors.js';
import { NodeFileSystem } from '../core/node-file-system.js';
import type { EngineOptions } from '../core/options.js';
import type { Job } from '../api/job.js';
import type { EngineWorld } from './engine-settings.js';
import { InProcessRunner } from './in-process-runner.js';
import { PiscinaRunner } from './piscina-runner.js';
import { startReceiverThread } from './receiver-thread.js';

/** This package's own index and worker, beside this file in the sources or in dist/. */
const ENTRY_CANDIDATES = ['../index.js', '../index.ts'];
const WORKER_CANDIDATES = ['../executor/worker.js', '../executor/worker.ts'];

/** What `sluice` means in a job file. */
export const sluiceEntry = (): string => beside(ENTRY_CANDIDATES);

/**
 * Worker threads for a job that has a compiled module; this thread for one that has none.
 * @param once nobody waits for its single batches: a lost thread may take the time of a start, and none is kept ready
 */
export function machineWorld(
  { job, module }: { readonly job: Job; readonly module: string },
  options: EngineOptions,
  once = false,
): EngineWorld {
  const fs = new NodeFileSystem();
  const slots = { numSlots: options.workers, limitBytes: options.slotMemoryBytes };
  return {
    clock: new SystemClock(),
    fs,
    ...(module === '' ? {} : { startReceivers: startReceiverThread }),
    makeRunner: (makeInit, warn) =>
      module === ''
        ? new InProcessRunner({
            ...slots,
            makeInit,
            // Loaded when it is needed: with threads, only they need it.
            makeHandler: async init => (await import('../executor/worker-handler.js')).makeWorkerHandler(job, init, fs),
            // Timers and files of the program get their turn between two tasks.
            schedule: step => void setImmediate(step),
          })
        : new PiscinaRunner({
            ...slots,
            warn,
            numSpares: once ? 0 : options.spareWorkers,
            maxHeapMb: Math.ceil(options.workerHeapBytes / 1024 ** 2),
            workerFile: beside(WORKER_CANDIDATES),
            makeInit,
          }),
  };
}

function beside(candidates: readonly string[]): string {
  const paths = candidates.map(name => fileURLToPath(new URL(name, import.meta.url)));
  const found = paths.find(existsSync);
  if (found === undefined) throw new EngineError('internal', `none of ${paths.join(', ')} exists: run 'npm run build'`);
  return found;
}
