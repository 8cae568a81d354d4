/** Runs a job file on this machine: what the command line and programs that embed Sluice call. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { EngineError } from '../core/errors.js';
import { argInfos, parseArgs, type JobArgInfo } from '../core/job-args.js';
import type { Json } from '../core/json.js';
import type { DeclaredOptions, EngineOptions, OptionText } from '../core/options.js';
import { isJob, type Job } from '../api/job.js';
import type { RunListener, RunSummary } from '../metrics/run-events.js';
import { deadLetterFolder } from './dead-letter-folder.js';
import { Engine } from './engine.js';
import type { EngineWorld } from './engine-settings.js';
import { loadJobModule } from './job-module.js';
import { machineWorld, sluiceEntry } from './machine-world.js';

export interface LoadedJob {
  readonly name: string;
  /** What the job takes as `--arg`. */
  readonly args: readonly JobArgInfo[];
  /** Engine options as the job declares them. */
  readonly options: DeclaredOptions;
  /** Absolute path of the job file; undefined for a job that was made in the program. */
  readonly file: string | undefined;
  /** Absolute path of the compiled module; empty where there is no file: such a job runs in this thread. */
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
  /** Those of the options that were given to this run, by name, for whoever goes on from its checkpoint. */
  readonly given: { readonly [name: string]: OptionText };
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

/** Loads a job file. Throws `jobNotFound` or `jobInvalid` with the cure. */
export async function openJob(path: string): Promise<LoadedJob> {
  const { module, exports } = await loadJobModule(path, { sluiceEntry: sluiceEntry() });
  const job = exports['default'];
  if (!isJob(job)) {
    const found = Object.keys(exports).join(', ') || 'nothing';
    throw new EngineError(
      'jobInvalid',
      `${path} wants a default export made by job(name, options, build); it exports ${found}`,
    );
  }
  return { ...jobInProgram(job), file: resolve(path), module };
}

/** A job by its file's path or URL, or the job itself. */
export async function loadJob(job: string | URL | Job): Promise<LoadedJob> {
  if (job instanceof URL) return openJob(fileURLToPath(job));
  if (typeof job === 'string') return openJob(job.startsWith('file:') ? fileURLToPath(job) : job);
  if (isJob(job)) return jobInProgram(job);
  throw new EngineError(
    'jobInvalid',
    `a job is wanted: the path or URL of its file, or what job(...) gives; got ${inspect(job, { depth: 0 })}`,
  );
}

/** A job that has no file: it runs in this process without threads, and its functions may use what is around them. */
function jobInProgram(job: Job): LoadedJob {
  return { name: job.name, args: argInfos(job.args), options: job.options, file: undefined, module: '', job };
}

/**
 * Starts a loaded job, on worker threads if it has a file. Resolves when it runs; wrong arguments, files and checkpoints
 * are refused before.
 */
export async function startJob(
  loaded: LoadedJob,
  settings: RunSettings,
  listener: RunListener,
  world: EngineWorld = machineWorld(loaded, settings.options, settings.once),
): Promise<RunningJob> {
  const { job, module, file } = loaded;
  const { options, checkpoint } = settings;
  const args = parseArgs(job.args, settings.args) as { readonly [name: string]: Json };
  const deadLetters = checkpoint === undefined ? undefined : deadLetterFolder(checkpoint);
  const run = { jobFile: file ?? null, cwd: process.cwd(), args: settings.args, options: settings.given };
  const engine = await Engine.start(
    { job, module, args, options, checkpoint, deadLetters, once: settings.once, run },
    world,
    listener,
  );
  // A run that fails before anyone looks at `done` must not count as unhandled.
  engine.done.catch(() => undefined);
  const graceful = { timeoutMs: options.gracefulStopTimeoutMs };
  return { done: engine.done, stop: mode => (mode === 'graceful' ? engine.stop(graceful) : engine.abort()) };
}
