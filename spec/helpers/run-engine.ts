/**
 * Runs the whole engine in one thread for specs: virtual clock, in-process runner, and a file system that is passed in.
 * Time moves only when the spec moves it, and `next()` waits for the batch's own event, so nothing depends on speed.
 */
import type { VirtualClock } from '../../lib/core/clock.js';
import type { FileSystem } from '../../lib/core/file-system.js';
import type { Json } from '../../lib/core/json.js';
import { resolveOptions, type DeclaredOptions } from '../../lib/core/options.js';
import type { Job } from '../../lib/api/job.js';
import type { OpenSpillFile } from '../../lib/core/spill-file.js';
import type { EngineWorld } from '../../lib/driver/engine-settings.js';
import { Engine } from '../../lib/driver/engine.js';
import { PiscinaRunner } from '../../lib/driver/piscina-runner.js';
import { InProcessRunner, type InProcessRunnerOptions } from '../../lib/driver/in-process-runner.js';
import { openBlockFiles } from './open-block-files.js';
import { makeWorkerHandler } from '../../lib/executor/worker-handler.js';
import type { BatchInfo, RunEvent } from '../../lib/metrics/run-events.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';

export interface RunEngineOptions {
  readonly clock: VirtualClock;
  readonly fs: FileSystem;
  readonly checkpoint?: string;
  readonly deadLetters?: string;
  readonly once?: boolean;
  readonly options?: DeclaredOptions;
  readonly faults?: InProcessRunnerOptions['faults'];
  /** Comes between the scheduler and the runner. */
  readonly wrapRunner?: (runner: TaskRunner) => TaskRunner;
  /** Runs on worker threads: the compiled job module, and the entry of a worker. Without it all runs in this thread. */
  readonly threads?: {
    readonly module: string;
    readonly workerFile: string;
    /** Of each thread's JavaScript; default Node's own limit. */
    readonly heapMb?: number;
    /** Started as soon as a slot has worked; default none. */
    readonly numSpares?: number;
    /** Node options of each thread; default this process's. Without the loader of TypeScript classes of the package are there once. */
    readonly execArgv?: readonly string[];
    readonly onRunner?: (runner: PiscinaRunner) => void;
  };
  readonly args?: { readonly [name: string]: Json };
  /** Hears each event as it comes, those of the start too. */
  readonly onEvent?: (event: RunEvent) => void;
  /** What state may have, smaller than options allow, and the model of the files that it goes to beyond. */
  readonly room?: Pick<EngineWorld, 'stateMemory'> & { readonly openSpill?: OpenSpillFile };
}

/** Real time after which a batch counts as stuck: a bound for a spec that fails, never waited for by one that passes. */
const STUCK_MS = 10_000;

/** An engine under a spec's control. */
export class TestRun {
  readonly engine: Engine;
  readonly events: RunEvent[];
  readonly runner: InProcessRunner;
  readonly #clock: VirtualClock;
  readonly #intervalMs: number;

  constructor(engine: Engine, events: RunEvent[], runner: InProcessRunner, clock: VirtualClock, intervalMs: number) {
    this.engine = engine;
    this.events = events;
    this.runner = runner;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  get batches(): readonly BatchInfo[] {
    return this.events.flatMap(event => (event.kind === 'batchCompleted' ? [event.batch] : []));
  }

  /** Waits until `count` batches of this run are committed, or the run has ended. */
  async batchesDone(count: number): Promise<void> {
    let ended = false;
    const end = (): void => {
      ended = true;
    };
    this.engine.done.then(end, end);
    const giveUpMs = performance.now() + STUCK_MS;
    while (this.batches.length < count && !ended) {
      if (performance.now() > giveUpMs) throw new Error(`batch ${count} did not end; ${this.batches.length} did`);
      await turn();
    }
  }

  /** Moves the clock to the next batch time and waits for that batch. */
  async next(): Promise<void> {
    const before = this.batches.length;
    this.#clock.advanceTo((Math.floor(this.#clock.now() / this.#intervalMs) + 1) * this.#intervalMs);
    await this.batchesDone(before + 1);
  }
}

/** One turn of the event loop: lets promises and file callbacks through. */
export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** Starts an engine; its first batch is at the clock's own time. */
export async function runEngine(job: Job, settings: RunEngineOptions): Promise<TestRun> {
  const events: RunEvent[] = [];
  const { values } = resolveOptions({
    cli: { interval: '1s', workers: '2', ...textOf(settings.options) },
    env: {},
    job: {},
  });
  let runner: InProcessRunner | undefined;
  const engine = await Engine.start(
    {
      job,
      module: settings.threads?.module ?? '',
      args: settings.args ?? {},
      options: values,
      checkpoint: settings.checkpoint,
      deadLetters: settings.deadLetters,
      once: settings.once ?? false,
    },
    {
      clock: settings.clock,
      fs: settings.fs,
      isAlive: () => false,
      ...(settings.room?.stateMemory === undefined ? {} : { stateMemory: settings.room.stateMemory }),
      makeRunner: (makeInit, warn) => {
        if (settings.threads !== undefined) {
          const { workerFile, heapMb, numSpares = 0, execArgv, onRunner } = settings.threads;
          const threads = new PiscinaRunner({
            ...(execArgv === undefined ? {} : { execArgv }),
            ...{ warn, numSpares, spareDelayMs: 0 },
            ...(heapMb === undefined ? {} : { maxHeapMb: heapMb }),
            numSlots: values.workers,
            limitBytes: values.slotMemoryBytes,
            makeInit,
            workerFile,
          });
          onRunner?.(threads);
          return settings.wrapRunner === undefined ? threads : settings.wrapRunner(threads);
        }
        runner = new InProcessRunner({
          numSlots: values.workers,
          limitBytes: values.slotMemoryBytes,
          makeInit,
          makeHandler: init =>
            makeWorkerHandler(job, init, settings.fs, 'shared', {
              openSpill: openBlockFiles(settings.fs, settings.room?.openSpill),
            }),
          ...(settings.faults === undefined ? {} : { faults: settings.faults }),
        });
        return settings.wrapRunner === undefined ? runner : settings.wrapRunner(runner);
      },
    },
    event => {
      events.push(event);
      settings.onEvent?.(event);
    },
  );
  engine.done.catch(() => undefined);
  return new TestRun(engine, events, runner as InProcessRunner, settings.clock, values.intervalMs);
}

const textOf = (options: DeclaredOptions = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]));
