/**
 * A run of a job as an object: what programs that embed Sluice hold in their hands. Its states are those of Spark's
 * StreamingContext, and so are the rules:
 *
 *   initialized --start()--> active --stop(), end of a bounded run, first failed batch--> stopped
 *        \------------------------------stop()-----------------------------------------/
 *
 * What is stopped stays stopped; to go on, create another one on the same checkpoint. One may be active in a process.
 * A failed batch ends the run: `awaitTermination` rejects with its error, everything before the batch is committed.
 */
import { SystemClock, type Clock } from '../core/clock.js';
import { EngineError } from '../core/errors.js';
import { givenOptions, resolveOptions } from '../core/options.js';
import type { StreamingListener } from '../core/streaming-listener.js';
import { insideUserCall } from '../core/user-call.js';
import type { Job } from '../api/job.js';
import { ListenerBus } from '../metrics/listener-bus.js';
import type { RunListener } from '../metrics/run-events.js';
import { activeContext, claimActive, releaseActive } from './active-context.js';
import { consoleListener } from './console-listener.js';
import { guarded } from './guarded-listener.js';
import {
  CREATE_OPTIONS,
  GET_OR_CREATE_OPTIONS,
  STOP_OPTIONS,
  checkpointPath,
  refuseUnknownNames,
  type GetOrCreateOptions,
  type JobContextOptions,
  type StopOptions,
} from './job-context-options.js';
import type { LoadedJob, RunningJob, RunSettings } from './run-job.js';
import { settlesWithin } from './settles-within.js';

/** What starts a job; the real one is loaded by whoever calls it, because job files import this module in every worker. */
type StartJob = (loaded: LoadedJob, settings: RunSettings, listener: RunListener) => Promise<RunningJob>;

export type JobContextState = 'initialized' | 'active' | 'stopped';

/** How long an end at once is waited for after a graceful one had its time. */
const LAST_WAIT_MS = 2000;

export class JobContext {
  readonly #loaded: LoadedJob;
  readonly #settings: RunSettings;
  readonly #clock: Clock;
  readonly #startJob: StartJob;
  readonly #tell: RunListener;
  readonly #bus = new ListenerBus(message => this.#warn(message));
  #state: JobContextState = 'initialized';
  #starting: Promise<void> | undefined;
  #running: RunningJob | undefined;
  /** An end at once was asked for: what it cancels has not failed. */
  #aborting = false;
  readonly #terminated: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  /** Programs call `create` or `getOrCreate`. @param clock of `stop` and `awaitTerminationOrTimeout` */
  constructor(
    loaded: LoadedJob,
    settings: RunSettings,
    start: StartJob,
    onEvent: RunListener = consoleListener,
    clock: Clock = new SystemClock(),
  ) {
    this.#loaded = loaded;
    this.#settings = settings;
    this.#startJob = start;
    const tellProgram = guarded(onEvent);
    this.#tell = event => {
      tellProgram(event);
      this.#bus.post(event);
    };
    this.#clock = clock;
    this.#terminated = new Promise((done, failed) => {
      this.#resolve = done;
      this.#reject = failed;
    });
    // An error that nobody waits for must not end the process.
    this.#terminated.catch(() => undefined);
  }

  /**
   * A context for a job, which goes on where the job's checkpoint says it was.
   *
   * @param job path or file URL of a job file: it runs on worker threads. Or a job made by `job(...)`: it runs in this
   *   thread, which is meant for specs and small tools; a function of it that never returns then stops everything
   *
   * Throws `jobNotFound` or `jobInvalid` with the place, `optionUnknown`, `optionInvalid`; the job's arguments are
   * looked at when it starts.
   */
  static async create(job: string | URL | Job, options: JobContextOptions = {}): Promise<JobContext> {
    const { checkpoint, args = {}, once = false, onEvent } = options;
    refuseUnknownNames(options, CREATE_OPTIONS, 'JobContext.create');
    const { loadJob, startJob } = await import('./run-job.js');
    const loaded = await loadJob(job);
    const resolved = resolveOptions({ program: options.options ?? {}, env: process.env, job: loaded.options });
    const settings = {
      checkpoint: checkpoint === undefined ? undefined : checkpointPath(checkpoint),
      args: Object.fromEntries(Object.entries(args).map(([name, value]) => [name, String(value)])),
      once,
      options: resolved.values,
      given: givenOptions(resolved),
    };
    return new JobContext(loaded, settings, startJob, onEvent);
  }

  /**
   * Goes on from a checkpoint, or makes a new context where there is none: with a checkpoint, `create` is not called; the
   * job file, its arguments and the options come from what the checkpoint says of its last run. Options that belong to
   * the machine (`workers`, `slotMemory`, `maxBlockBytes`, `maxStateBytes`, `stateSpill`, `workerHeap`) are taken from `options` or the
   * environment where those have them.
   *
   * The job file that a checkpoint names is loaded as code: checkpoints are as trusted as job files. One whose manifest
   * others may write is refused.
   *
   * @param checkpoint directory; `create` must make a context with the same one
   *
   * Throws `checkpointCorrupt` or `checkpointForeign` for one that cannot be read, unless `createOnError` is set: then it
   * is moved aside, which a warning tells, and `create` is called. Throws `contextState` where the last run's job was
   * not a file.
   */
  static async getOrCreate(
    checkpoint: string,
    create: () => JobContext | Promise<JobContext>,
    options: GetOrCreateOptions = {},
  ): Promise<JobContext> {
    const directory = checkpointPath(checkpoint);
    refuseUnknownNames(options, GET_OR_CREATE_OPTIONS, 'JobContext.getOrCreate');
    const { once = false, onEvent } = options;
    const [{ restartFrom }, { startJob }] = await Promise.all([import('./restart-from.js'), import('./run-job.js')]);
    const { restart, warnings } = await restartFrom(directory, options);
    let context: JobContext;
    if (restart === undefined) {
      context = await create();
      if (context.checkpoint !== directory) {
        throw new EngineError(
          'contextState',
          `getOrCreate wants a new context with the checkpoint ${directory}, got one with ${context.checkpoint ?? 'none'}: ` +
            'it would not be found at the next start; give both the same directory',
        );
      }
    } else {
      context = new JobContext(restart.loaded, { ...restart.settings, once }, startJob, onEvent);
    }
    for (const message of warnings) context.#warn(message);
    return context;
  }

  /** The context that is active in this process, if any. */
  static getActive(): JobContext | undefined {
    const context = activeContext();
    return context instanceof JobContext && context.state === 'active' ? context : undefined;
  }

  /** Name of the job. */
  get job(): string {
    return this.#loaded.name;
  }

  /** Absolute path of the checkpoint directory, if there is one. */
  get checkpoint(): string | undefined {
    return this.#settings.checkpoint;
  }

  get state(): JobContextState {
    return this.#state;
  }

  /** Tells the listener what happens from now on; see StreamingListener. */
  addStreamingListener(listener: StreamingListener): void {
    this.#bus.add(listener);
  }

  removeStreamingListener(listener: StreamingListener): void {
    this.#bus.remove(listener);
  }

  /**
   * Restores the checkpoint and starts to cut batches; resolves when the first may come. Called again it waits for the
   * same start, with a warning. Rejects with `contextState` after the end and while another context is active, and with
   * whatever start is refused with; the context is stopped then.
   */
  start(): Promise<void> {
    if (this.#state === 'stopped') return Promise.reject(this.#stoppedError());
    if (this.#starting !== undefined) {
      this.#warn(`the context of job ${this.job} was started before: this start() does nothing`);
      return this.#starting;
    }
    try {
      claimActive(this, this.job);
    } catch (error) {
      return Promise.reject(error as EngineError);
    }
    this.#starting = this.#start();
    return this.#starting;
  }

  /** Resolves when the run has ended; rejects with the error of the first batch that failed, or of the start. */
  async awaitTermination(): Promise<void> {
    refuseInside('awaitTermination');
    await this.#terminated;
  }

  /** The same, for `timeoutMs` at the most. @returns whether the run has ended */
  async awaitTerminationOrTimeout(timeoutMs: number): Promise<boolean> {
    if (!(timeoutMs >= 0)) {
      throw new EngineError(
        'optionInvalid',
        `awaitTerminationOrTimeout wants milliseconds of at least 0, got ${timeoutMs}`,
      );
    }
    refuseInside('awaitTerminationOrTimeout');
    return settlesWithin(this.#terminated, timeoutMs, this.#clock);
  }

  /**
   * Ends the run; resolves when it has ended and threads and files are closed. May be called at any time, any number of
   * times: a later call that is not graceful ends a graceful one at once. Never rejects because of a failed batch.
   *
   * Called from a function of foreachRDD or from a listener it only asks for the end and resolves at once: the run could
   * not end before that function does.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    refuseUnknownNames(options, STOP_OPTIONS, 'stop');
    const { graceful = false, timeoutMs } = options;
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
      throw new EngineError('optionInvalid', `stop wants timeoutMs of at least 0, got ${timeoutMs}`);
    }
    const stopping = this.#stop(graceful, timeoutMs);
    if (!insideUserCall()) await stopping;
  }

  async #start(): Promise<void> {
    try {
      this.#running = await this.#startJob(this.#loaded, this.#settings, this.#tell);
    } catch (error) {
      this.#end(error);
      throw error;
    }
    this.#state = 'active';
    this.#running.done.then(
      () => this.#end(),
      (error: unknown) => this.#end(this.#aborting ? undefined : error),
    );
  }

  async #stop(graceful: boolean, timeoutMs: number | undefined): Promise<void> {
    // A start that fails has ended the context; whoever started it is told.
    await this.#starting?.catch(() => undefined);
    const running = this.#running;
    if (this.#state === 'stopped' || running === undefined) return this.#end();
    // A stop that fails makes the run fail too, and that is where it is told.
    const ask = (mode: 'graceful' | 'now'): void => void running.stop(mode).catch(() => undefined);
    const ended = this.#terminated.catch(() => undefined);
    if (graceful) {
      ask('graceful');
      if (await settlesWithin(ended, timeoutMs, this.#clock)) return;
      this.#warn(`not everything was finished after ${timeoutMs} ms: what is under way is done again by the next run`);
    }
    this.#aborting = true;
    ask('now');
    if (await settlesWithin(ended, graceful ? LAST_WAIT_MS : timeoutMs, this.#clock)) return;
    this.#warn(
      'a function of foreachRDD has not returned: it is not waited for any longer. The checkpoint is given back when it returns',
    );
    this.#end();
  }

  /** Idempotent: the first end counts. */
  #end(error?: unknown): void {
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    releaseActive(this);
    this.#bus.flush();
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }

  #warn(message: string): void {
    this.#tell({ kind: 'warning', message });
  }

  #stoppedError(): EngineError {
    return new EngineError(
      'contextState',
      `the context of job ${this.job} was stopped and cannot be started again: create another one; with the same ` +
        'checkpoint it goes on where this one ended',
    );
  }
}

function refuseInside(call: string): void {
  if (!insideUserCall()) return;
  throw new EngineError(
    'contextState',
    `${call} was called from a function of foreachRDD or from a listener, which would wait for itself: call it beside start()`,
  );
}
