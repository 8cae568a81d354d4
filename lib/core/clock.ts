/** Time as a parameter: the driver passes the system's clock, specs and simulations a virtual one. */
export interface Clock {
  /** Epoch milliseconds; may have a fraction. */
  now(): number;
  /** Calls `callback` once at `atMs` or, when that has passed, as soon as it can. Returns what cancels it. */
  setTimer(atMs: number, callback: () => void): () => void;
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's clock: wall time anchored once, advanced by the monotonic clock so that it never steps back. */
export class SystemClock implements Clock {
  readonly #origin = Date.now() - performance.now();

  now(): number {
    return this.#origin + performance.now();
  }

  setTimer(atMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, Math.min(MAX_TIMEOUT_MS, Math.max(0, Math.ceil(atMs - this.now()))));
    return () => clearTimeout(timer);
  }
}

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until `advanceTo` moves it; timers fire in order of time, then of setting. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimer(atMs: number, callback: () => void): () => void {
    const timer: Timer = { atMs, order: this.#order++, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers wait: a spec ends with none. */
  get numTimers(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, or undefined. */
  nextTimerMs(): number | undefined {
    return this.#next()?.atMs;
  }

  /** Moves time to `ms`, firing on the way what falls due, each at its own instant. */
  advanceTo(ms: number): void {
    for (let timer = this.#next(); timer !== undefined && timer.atMs <= ms; timer = this.#next()) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.callback();
    }
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}
