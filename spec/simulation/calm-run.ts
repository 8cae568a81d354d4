/**
 * The run that never failed: the same job on one worker, given exactly the batches that the simulated run had, at their
 * times, on a disk and with workers that take no time.
 */
import type { Clock } from '../../lib/core/clock.js';
import { resolveOptions } from '../../lib/core/options.js';
import { Engine } from '../../lib/driver/engine.js';
import { InProcessRunner } from '../../lib/driver/in-process-runner.js';
import { makeWorkerHandler } from '../../lib/executor/worker-handler.js';
import type { RunEvent } from '../../lib/metrics/run-events.js';
import { openBlockFiles } from '../helpers/open-block-files.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { turn } from '../helpers/run-engine.js';
import { Observed } from './observed.js';
import { INTERVAL_MS, type Scenario } from './scenario.js';
import { newWorld, simJob } from './sim-job.js';

/** Time jumps from batch to batch: what would have been due in between is due at its end. */
class JumpingClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimer(atMs: number, callback: () => void): () => void {
    const timer = { atMs, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  jumpTo(ms: number): void {
    this.#nowMs = ms;
    for (const timer of [...this.#timers]) if (timer.atMs <= ms && this.#timers.delete(timer)) timer.callback();
  }
}

const MAX_TURNS = 20_000;

/** @param batches records by batch time */
export async function runCalmly(
  scenario: Scenario,
  batches: ReadonlyMap<number, readonly string[]>,
): Promise<{ readonly observed: Observed; readonly files: ModelFileSystem }> {
  const observed = new Observed();
  const world = newWorld(observed, new Map());
  const job = simJob(scenario, undefined, world);
  const files = new ModelFileSystem();
  const times = [...batches.keys()].toSorted((a, b) => a - b);
  const clock = new JumpingClock(times[0] ?? 0);
  world.queue.push(batches.get(times[0] ?? 0) ?? []);
  const events: RunEvent[] = [];
  const { rollBytes, keyGroups } = scenario.fixed;
  const texts = {
    interval: String(INTERVAL_MS),
    workers: '1',
    rollBytes: String(rollBytes),
    keyGroups: String(keyGroups),
  };
  const { values: options } = resolveOptions({ cli: texts, env: {}, job: {} });
  const engine = await Engine.start(
    { job, module: '', args: {}, options, checkpoint: '/checkpoint', deadLetters: undefined, once: false },
    {
      ...{ clock, fs: files, isAlive: () => false },
      makeRunner: makeInit =>
        new InProcessRunner({
          ...{ numSlots: 1, limitBytes: options.slotMemoryBytes, makeInit },
          makeHandler: init =>
            makeWorkerHandler(job, init, files, 'shared', { now: () => 0, openSpill: openBlockFiles(files) }),
        }),
    },
    event => void events.push(event),
  );
  let ended = false;
  const end = (): void => void (ended = true);
  engine.done.then(end, end);
  for (const time of times) {
    if (time !== times[0]) {
      world.queue.push(batches.get(time) ?? []);
      clock.jumpTo(time);
    }
    const isDone = (): boolean => events.some(event => event.kind === 'batchCompleted' && event.batch.time === time);
    for (let turns = 0; !isDone(); turns++) {
      if (ended || turns > MAX_TURNS)
        throw new Error(`the calm run has no batch ${time}: ${JSON.stringify(events.slice(-5))}`);
      await turn();
    }
  }
  await engine.stop();
  await engine.done;
  return { observed, files };
}
