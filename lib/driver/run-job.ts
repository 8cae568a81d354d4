/** Runs a job file on this machine: what the command line and programs that embed Sluice call. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../core/clock.js';
import { EngineError } from '../core/errors.js';
import { argInfos, parseArgs, type JobArgInfo } from '../core/job-args.js';
import type { Json } from '../core/json.js';
import { NodeFileSystem } from '../core/node-file-system.js';
import type { DeclaredOptions, EngineOptions } from '../core/options.js';
import { isJob, type Job } from '../api/job.js';
import type { RunListener, RunSummary } from '../metrics/run-events.js';
import { Engine } from './engine.js';
import { loadJobModule } from './job-module.js';
import { PiscinaRunner } from './piscina-runner.js';

export interface LoadedJob {
  readonly name: string;
  /** What the job takes as `--arg`. */
  readonly args: readonly JobArgInfo[];
  /** Engine options as the job declares them. */
  readonly options: DeclaredOptions;
  /** Absolute path of the compiled module. */
  readonly module: string;
  readonly job: Job;
}

export interface RunSettings {
  /** Absolute path; undefined = nothing survives the process. */
  readonly checkpoint: string | undefined;
  readonly args: { readonly [name: string]: string };
  /** Process what is there now, then stop. */
  readonly once: boolean;
  readonly options: EngineOptions;
}

export interface RunningJob {
  /** Settles when the run has ended; rejects with an EngineError. */
  readonly done: Promise<RunSummary>;
  /**
   * 'graceful': what is under way is finished and committed, unless that takes longer than `gracefulStopTimeout`.
   * 'now': it is done again by the next run.
   */
  stop(mode: 'graceful' | 'now'): Promise<void>;
}

/** This package's own index and worker, beside this file in the sources or in dist/. */
const ENTRY_CANDIDATES = ['../index.js', '../index.ts'];
const WORKER_CANDIDATES = ['../executor/worker.js', '../executor/worker.ts'];

/** Loads a job file. Throws `jobNotFound` or `jobInvalid` with the cure. */
export async function openJob(path: string): Promise<LoadedJob> {
  const { module, exports } = await loadJobModule(path, { sluiceEntry: beside(ENTRY_CANDIDATES) });
  const job = exports['default'];
  if (!isJob(job)) {
    const found = Object.keys(exports).join(', ') || 'nothing';
    throw new EngineError(
      'jobInvalid',
      `${path} wants a default export made by job(name, options, build); it exports ${found}`,
    );
  }
  return { name: job.name, args: argInfos(job.args), options: job.options, module, job };
}

/** Starts a loaded job on worker threads. Resolves when it runs; wrong arguments, files and checkpoints are refused before. */
export async function startJob(loaded: LoadedJob, settings: RunSettings, listener: RunListener): Promise<RunningJob> {
  const { job, module } = loaded;
  const { options, checkpoint } = settings;
  const args = parseArgs(job.args, settings.args) as { readonly [name: string]: Json };
  const deadLetters = checkpoint === undefined ? undefined : deadLetterFolder(checkpoint);
  const engine = await Engine.start(
    { job, module, args, options, checkpoint, deadLetters, once: settings.once },
    {
      clock: new SystemClock(),
      fs: new NodeFileSystem(),
      makeRunner: makeInit =>
        new PiscinaRunner({
          numSlots: options.workers,
          limitBytes: options.slotMemoryBytes,
          maxHeapMb: Math.ceil(options.workerHeapBytes / 1024 ** 2),
          workerFile: beside(WORKER_CANDIDATES),
          makeInit,
        }),
    },
    listener,
  );
  // A run that fails before anyone looks at `done` must not count as unhandled.
  engine.done.catch(() => undefined);
  const graceful = { timeoutMs: options.gracefulStopTimeoutMs };
  return { done: engine.done, stop: mode => (mode === 'graceful' ? engine.stop(graceful) : engine.abort()) };
}

/** `deadletter/` beside the checkpoint; checkpoints in one folder do not share files. */
function deadLetterFolder(checkpoint: string): string {
  return join(dirname(checkpoint), 'deadletter', basename(checkpoint));
}

function beside(candidates: readonly string[]): string {
  const paths = candidates.map(name => fileURLToPath(new URL(name, import.meta.url)));
  const found = paths.find(existsSync);
  if (found === undefined) throw new EngineError('internal', `none of ${paths.join(', ')} exists: run 'npm run build'`);
  return found;
}
