/** One start of the engine in a simulation: a driver process with its workers, on the simulation's disk. */
import { resolveOptions } from '../../lib/core/options.js';
import { loadArrow } from '../../lib/columnar/arrow.js';
import type { Job } from '../../lib/api/job.js';
import { Engine } from '../../lib/driver/engine.js';
import { makeWorkerHandler } from '../../lib/executor/worker-handler.js';
import type { RunEvent } from '../../lib/metrics/run-events.js';
import { openBlockFiles } from '../helpers/open-block-files.js';
import type { Disk } from './disk.js';
import { SimFileSystem } from './disk.js';
import type { InputFolder } from './input-folder.js';
import type { SimOptions } from './scenario.js';
import { SimProcess, type Simulation } from './world.js';
import { Workers, type WorkersOptions } from './workers.js';

export interface DriverSettings {
  readonly simulation: Simulation;
  readonly name: string;
  readonly job: Job;
  readonly options: SimOptions;
  readonly disk: Disk;
  readonly input: InputFolder;
  readonly taskMs: number;
  readonly faultOf: WorkersOptions['faultOf'];
}

/** A driver that runs, or is dead, or has ended. */
export class Driver {
  readonly process: SimProcess;
  readonly events: RunEvent[] = [];
  engine: Engine | undefined;
  workers: Workers | undefined;
  /** How it ended: `error` undefined for a graceful end. */
  ended: { readonly error: unknown } | undefined;
  /** When it last told anything. */
  lastEventMs: number;
  stopping = false;

  constructor(process: SimProcess) {
    this.process = process;
    this.lastEventMs = process.clock.now();
  }
}

/** Loads what is loaded on first use: a module comes whenever the disk has it. */
export const warmUp = loadArrow;

export function startDriver(settings: DriverSettings): Driver {
  const { simulation, name, job, disk, input, taskMs } = settings;
  const process = new SimProcess(simulation, name);
  const driver = new Driver(process);
  const texts = Object.fromEntries(Object.entries(settings.options).map(([option, value]) => [option, String(value)]));
  const { values: options } = resolveOptions({ cli: texts, env: {}, job: {} });
  const fileSystemOf = (of: SimProcess): SimFileSystem => new SimFileSystem(simulation, of, disk);
  // What a task takes, some of them more than is thought quick.
  let taskClockMs = 0;
  const now = (): number => (taskClockMs += simulation.random() < 0.2 ? 6 : 0.1);
  const onEvent = (event: RunEvent): void => {
    driver.events.push(event);
    driver.lastEventMs = simulation.clock.now();
    simulation.note(name, describe(event));
  };
  simulation.note(name, `starts ${JSON.stringify(settings.options)}`);
  const started = Engine.start(
    { job, module: '', args: {}, options, checkpoint: '/checkpoint', deadLetters: undefined, once: false },
    {
      clock: process.clock,
      fs: fileSystemOf(process),
      inputFiles: input,
      isAlive: () => false,
      owner: { pid: 1, host: 'simulation' },
      makeRunner: makeInit => {
        driver.workers = new Workers({
          ...{ simulation, driver: process, makeInit, fileSystemOf },
          numSlots: options.workers,
          limitBytes: options.slotMemoryBytes,
          makeHandler: (init, fs) =>
            makeWorkerHandler(job, init, fs, 'shared', { now, files: input, openSpill: openBlockFiles(disk.files) }),
          fastMs: taskMs,
          faultOf: settings.faultOf,
        });
        return driver.workers;
      },
    },
    onEvent,
  );
  const end = (error: unknown): void => {
    driver.ended ??= { error };
    const message = error instanceof Error ? error.message : String(error);
    simulation.note(name, error === undefined ? 'ended' : `ended with ${message}`);
  };
  started.then(engine => {
    driver.engine = engine;
    engine.done.then(() => end(undefined), end);
  }, end);
  return driver;
}

function describe(event: RunEvent): string {
  return JSON.stringify(event);
}
