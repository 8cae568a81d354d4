/**
 * The requests of one slot, in order, one running at a time; both task runners keep their promises through it:
 * a request is answered exactly once, and after the slot's worker was lost everything is answered `workerLost` until
 * `attach` is sent.
 *
 *   submit --> waiting ... --(worker is up)--> running --> answer
 *                 |                               |
 *                 +---- lose: workerLost ---------+---- lose: the given reply
 *                 +---- close: cancelled ---------+
 */
import type { WorkerReply, WorkerRequest } from '../protocol/messages.js';

export interface PendingRequest {
  readonly request: WorkerRequest;
  /** How long it may run; 0 = no limit. */
  readonly timeoutMs: number;
  readonly answer: (reply: WorkerReply) => void;
}

const CANCELLED: WorkerReply = { ok: false, failure: { kind: 'cancelled' } };

export const workerLost = (message: string): WorkerReply => ({ ok: false, failure: { kind: 'workerLost', message } });

const lostBefore = (message: string): WorkerReply => ({
  ok: false,
  failure: { kind: 'workerLost', message, wasBefore: true },
});

export class SlotQueue {
  readonly #run: (pending: PendingRequest) => void;
  #waiting: PendingRequest[] = [];
  #running: PendingRequest | undefined;
  #isUp: boolean;
  #lostBecause: string | undefined;
  #closed = false;

  /**
   * @param run starts a request; it ends by `answer`, `lose` or `close`
   * @param isUp whether requests may run at once, or only after `up()`
   */
  constructor(run: (pending: PendingRequest) => void, isUp: boolean) {
    this.#run = run;
    this.#isUp = isUp;
  }

  get running(): PendingRequest | undefined {
    return this.#running;
  }

  submit(request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    return new Promise(answer => {
      if (this.#closed) return answer(CANCELLED);
      if (this.#lostBecause !== undefined) {
        // Who sent this had not yet read that the worker is gone: a new one would work without what it must adopt.
        if (request.kind !== 'attach') return answer(lostBefore(this.#lostBecause));
        this.#lostBecause = undefined;
      }
      this.#waiting.push({ request, timeoutMs, answer });
      this.#next();
    });
  }

  /** The worker is there: waiting requests run. */
  up(): void {
    this.#isUp = true;
    this.#next();
  }

  /** Answers `pending` and runs the next. A late answer, to a request that was given up, is dropped: false. */
  answer(pending: PendingRequest, reply: WorkerReply): boolean {
    if (this.#running !== pending) return false;
    this.#running = undefined;
    pending.answer(reply);
    this.#next();
    return true;
  }

  /**
   * The worker is gone. The running request gets `reply`, the waiting ones `workerLost`.
   * @param isUp whether another worker is there at once
   */
  lose(because: string, isUp: boolean, reply: WorkerReply = workerLost(because)): void {
    const running = this.#running;
    const waiting = this.#waiting;
    this.#running = undefined;
    this.#waiting = [];
    this.#isUp = isUp;
    this.#lostBecause = because;
    running?.answer(reply);
    for (const pending of waiting) pending.answer(lostBefore(because));
  }

  /** Answers everything `cancelled`, now and from now on. */
  close(): void {
    this.#closed = true;
    const left = this.#running === undefined ? this.#waiting : [this.#running, ...this.#waiting];
    this.#running = undefined;
    this.#waiting = [];
    for (const pending of left) pending.answer(CANCELLED);
  }

  #next(): void {
    if (this.#running !== undefined || !this.#isUp || this.#closed) return;
    this.#running = this.#waiting.shift();
    if (this.#running !== undefined) this.#run(this.#running);
  }
}
