/**
 * What functions of a task have begun and not ended: a task that ran one which gave a promise (`foreachPartition` with an
 * async function) is over when that has settled, and fails with what it was rejected with.
 */
import { isThenable } from '../core/user-call.js';

export class TaskWaits {
  #begun: Promise<unknown>[] = [];

  /** Takes what a function returned; what is no promise is of no interest. */
  add(returned: unknown): void {
    if (!isThenable(returned)) return;
    const waiting = Promise.resolve(returned);
    // Whoever settles hears of it; until then it must not count as an error that nobody caught.
    waiting.catch(() => undefined);
    this.#begun.push(waiting);
  }

  /** Waits for all of them, and only then throws the first error, so that the next attempt does not run beside this one. */
  async settle(): Promise<void> {
    const begun = this.#begun;
    this.#begun = [];
    for (const outcome of await Promise.allSettled(begun)) if (outcome.status === 'rejected') throw outcome.reason;
  }

  get isEmpty(): boolean {
    return this.#begun.length === 0;
  }
}

/** Calls `f` with each row, one after another: where it gives a promise, the next row waits for it. */
export function eachInTurn<T>(rows: Iterator<T>, f: (row: T) => unknown): void | Promise<void> {
  for (let next = rows.next(); next.done !== true; next = rows.next()) {
    const returned = f(next.value);
    if (isThenable(returned)) return restInTurn(returned, rows, f);
  }
}

async function restInTurn<T>(first: PromiseLike<unknown>, rows: Iterator<T>, f: (row: T) => unknown): Promise<void> {
  await first;
  for (let next = rows.next(); next.done !== true; next = rows.next()) await f(next.value);
}
