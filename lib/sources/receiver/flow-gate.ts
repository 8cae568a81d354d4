/**
 * Decides when a receiver may store more: not while its queue (stored and not yet planned) is full, and not faster than
 * the rate limit. Who has to wait is let through in the order in which they came.
 *
 * The rate is a token bucket that holds a tenth of a second: tokens may go below zero, so that many records at once pass
 * as one, and the ones behind them wait for longer.
 */
import type { Clock } from '../../core/clock.js';

interface Waiting {
  readonly numRecords: number;
  readonly byteLength: number;
  readonly pass: () => void;
  readonly refuse: (reason: Error) => void;
}

const BURST_SECONDS = 0.1;
/** What a full queue makes others wait, about: until the next batch. */
const FULL_WAIT_MS = 1000;

export class FlowGate {
  readonly #clock: Clock;
  readonly #queueBytes: number;
  readonly #maxRate: number;
  #queuedBytes = 0;
  #rate: number;
  #tokens: number;
  #refilledMs: number;
  #waiting: Waiting[] = [];
  #cancelTimer: (() => void) | undefined;
  #closed: Error | undefined;

  /** @param maxRate records a second, whatever the limit says; Infinity = none */
  constructor(clock: Clock, queueBytes: number, maxRate: number) {
    this.#clock = clock;
    this.#queueBytes = queueBytes;
    this.#maxRate = maxRate;
    this.#rate = maxRate;
    this.#tokens = capacityOf(maxRate);
    this.#refilledMs = clock.now();
  }

  /** Records a second; undefined = only the receiver's own maximum. */
  limitRate(recordsPerSecond: number | undefined): void {
    this.#refill();
    this.#rate = Math.min(this.#maxRate, recordsPerSecond ?? Infinity);
    this.#tokens = Math.min(this.#tokens, capacityOf(this.#rate));
    if (this.#rate === Infinity) this.#tokens = Infinity;
    this.#pump();
  }

  /** So many bytes are in the queue already. */
  add(byteLength: number): void {
    this.#queuedBytes += byteLength;
  }

  /** So many bytes have left the queue. */
  take(byteLength: number): void {
    this.#queuedBytes = Math.max(0, this.#queuedBytes - byteLength);
    this.#pump();
  }

  /** Undefined where the records pass at once; else resolves when they do, rejects when the gate is closed before. */
  admit(numRecords: number, byteLength: number): Promise<void> | undefined {
    if (this.waitMs() === 0) {
      this.#pass(numRecords, byteLength);
      return undefined;
    }
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return new Promise((pass, refuse) => {
      this.#waiting.push({ numRecords, byteLength, pass, refuse });
      this.#pump();
    });
  }

  /** 0 when records would pass now; else about how long they would wait. */
  waitMs(): number {
    if (this.#waiting.length > 0) return Math.max(1, this.#blockedMs());
    return this.#blockedMs();
  }

  /** Refuses all who wait or would have to; what passes at once still does. */
  close(reason: Error): void {
    this.#closed = reason;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const { refuse } of this.#waiting.splice(0)) refuse(reason);
  }

  #blockedMs(): number {
    if (this.#queuedBytes >= this.#queueBytes) return FULL_WAIT_MS;
    this.#refill();
    if (this.#tokens > 0) return 0;
    return Math.max(1, Math.ceil(((1 - this.#tokens) / this.#rate) * 1000));
  }

  #pass(numRecords: number, byteLength: number): void {
    this.#queuedBytes += byteLength;
    this.#tokens -= numRecords;
  }

  #pump(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    while (this.#waiting.length > 0 && this.#blockedMs() === 0) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#pass(next.numRecords, next.byteLength);
      next.pass();
    }
    // A full queue opens when the driver takes from it; the rate, with time.
    if (this.#waiting.length === 0 || this.#queuedBytes >= this.#queueBytes) return;
    this.#cancelTimer = this.#clock.setTimer(this.#clock.now() + this.#blockedMs(), () => this.#pump());
  }

  #refill(): void {
    const now = this.#clock.now();
    if (this.#rate !== Infinity) {
      const more = ((now - this.#refilledMs) / 1000) * this.#rate;
      this.#tokens = Math.min(capacityOf(this.#rate), this.#tokens + more);
    }
    this.#refilledMs = now;
  }
}

const capacityOf = (rate: number): number => (rate === Infinity ? Infinity : Math.max(1, rate * BURST_SECONDS));
