/** A JobContext on a virtual clock and a file system that is passed in: its job runs in this thread. */
import { argInfos } from '../../lib/core/job-args.js';
import type { Clock } from '../../lib/core/clock.js';
import type { FileSystem } from '../../lib/core/file-system.js';
import { resolveOptions } from '../../lib/core/options.js';
import type { Job } from '../../lib/api/job.js';
import type { EngineWorld } from '../../lib/driver/engine-settings.js';
import { InProcessRunner, type InProcessRunnerOptions } from '../../lib/driver/in-process-runner.js';
import { JobContext } from '../../lib/driver/job-context.js';
import { startJob } from '../../lib/driver/run-job.js';
import { makeWorkerHandler } from '../../lib/executor/worker-handler.js';
import type { RunEvent, RunListener } from '../../lib/metrics/run-events.js';
import { turn } from './run-engine.js';

export interface TestContextOptions {
  readonly clock: Clock;
  readonly fs: FileSystem;
  readonly checkpoint?: string;
  readonly once?: boolean;
  readonly events?: RunEvent[];
  /** In the place of `events`. */
  readonly onEvent?: RunListener;
  readonly faults?: InProcessRunnerOptions['faults'];
  /** In the place of an engine. */
  readonly start?: ConstructorParameters<typeof JobContext>[2];
}

/** Batches of one second, two workers. */
export function contextOf(
  job: Job,
  { clock, fs, checkpoint, once = false, events = [], onEvent, faults, start }: TestContextOptions,
): JobContext {
  const { values } = resolveOptions({ program: { interval: '1s', workers: 2, slotMemory: '16MiB' }, job: job.options });
  const world: EngineWorld = {
    clock,
    fs,
    isAlive: () => false,
    makeRunner: makeInit =>
      new InProcessRunner({
        numSlots: values.workers,
        limitBytes: values.slotMemoryBytes,
        makeInit,
        makeHandler: init => makeWorkerHandler(job, init, fs),
        clock,
        ...(faults === undefined ? {} : { faults }),
      }),
  };
  return new JobContext(
    { name: job.name, args: argInfos(job.args), options: job.options, file: undefined, module: '', job },
    { checkpoint, args: {}, once, options: values, given: {} },
    start ?? ((loaded, settings, listener) => startJob(loaded, settings, listener, world)),
    onEvent ?? (event => void events.push(event)),
    clock,
  );
}

/** Real time after which something counts as stuck: a bound for a spec that fails, never waited for by one that passes. */
const STUCK_MS = 10_000;

/** Lets things happen until `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpMs = performance.now() + STUCK_MS;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`this did not come: ${what}`);
    await turn();
  }
}
