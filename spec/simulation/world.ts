/**
 * One thread in which everything that takes time is a timer of one virtual clock: disk, workers, senders, crashes. Between
 * two timers the microtasks run dry, and which timer comes next is drawn from the seed; so a seed is one run, exactly.
 *
 *   timer fires ──► promises run until none is left ──► next timer ...      (`Simulation.step`)
 *
 * A process is what dies at once: after `end` its timers never fire and what it waits for never comes, so nothing of it
 * goes on. A driver is one, each of its workers another inside it.
 */
import { VirtualClock, type Clock } from '../../lib/core/clock.js';
import { randomOf, type Random } from '../helpers/random-values.js';
import { turn } from '../helpers/run-engine.js';

/** Everything is later than the epoch, so that no time is 0 by accident. */
export const START_MS = 100_000;

export class Simulation {
  readonly clock = new VirtualClock(START_MS);
  /** Draws how long things take. */
  readonly random: Random;
  readonly trace: string[] = [];
  readonly counts = new Map<string, number>();

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  /** Adds a line to the trace. Names with random parts, which nothing depends on, are made alike. */
  note(who: string, what: string): void {
    const line = `${this.clock.now().toFixed(3)} ${who} ${what}`;
    this.trace.push(line.replaceAll(/\.tmp-[0-9a-f]{12}/g, '.tmp-*'));
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** A time between `fastMs` and some ten times that; rarely a hundred times. */
  latency(fastMs: number): number {
    const draw = this.random();
    return fastMs * (draw < 0.97 ? 0.2 + draw * 4 + 8 * draw ** 8 : 100 * this.random());
  }

  /** Fires the next timer and lets all that follows from it run. @returns false when there is no timer */
  async step(): Promise<boolean> {
    const nextMs = this.clock.nextTimerMs();
    if (nextMs !== undefined) this.clock.advanceTo(nextMs);
    await turn();
    return nextMs !== undefined;
  }
}

const NEVER = new Promise<never>(() => undefined);

export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #simulation: Simulation;
  readonly #timers = new Set<() => void>();
  readonly #children: SimProcess[] = [];
  #isAlive = true;

  constructor(simulation: Simulation, name: string) {
    this.name = name;
    this.#simulation = simulation;
    this.clock = { now: () => simulation.clock.now(), setTimer: (atMs, callback) => this.#setTimer(atMs, callback) };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Timers that wait, of this process alone. */
  get numTimers(): number {
    return this.#timers.size;
  }

  /** A process that dies with this one. */
  spawn(name: string): SimProcess {
    const child = new SimProcess(this.#simulation, name);
    if (!this.#isAlive) child.end();
    this.#children.push(child);
    return child;
  }

  /** Never resolves once the process has ended. */
  async sleep(ms: number): Promise<void> {
    await new Promise<void>(resolve => this.#setTimer(this.clock.now() + ms, resolve));
    if (!this.#isAlive) await NEVER;
  }

  /** Nothing happens in it any more. */
  end(): void {
    this.#isAlive = false;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    for (const child of this.#children.splice(0)) child.end();
  }

  #setTimer(atMs: number, callback: () => void): () => void {
    if (!this.#isAlive) return () => undefined;
    const cancel = this.#simulation.clock.setTimer(atMs, () => {
      this.#timers.delete(forget);
      callback();
    });
    const forget = (): void => {
      this.#timers.delete(forget);
      cancel();
    };
    this.#timers.add(forget);
    return forget;
  }
}
