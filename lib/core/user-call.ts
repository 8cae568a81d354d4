/**
 * Marks the calls of the program's own functions in the driver (outputs, listeners), asynchronous parts included, so
 * that a call which would wait for itself can be told: a function of a batch that waits for the end of the run.
 *
 * What follows the calls makes every promise of the thread cost several times as much, so it is on only while one runs.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

const calls = new AsyncLocalStorage<{ running: boolean }>();
let numRunning = 0;

/** Calls `f` marked as the program's own code until it returns or, where it gives a promise, until that has settled. */
export function userCall<T>(f: () => T): T {
  const call = { running: true };
  numRunning++;
  const end = (): void => {
    call.running = false;
    if (--numRunning === 0) calls.disable();
  };
  let result: T | undefined;
  try {
    result = calls.run(call, f);
    return result;
  } finally {
    if (isThenable(result)) Promise.resolve(result).then(end, end);
    else end();
  }
}

/** Whether the caller runs within a `userCall` that has not ended. */
export const insideUserCall = (): boolean => calls.getStore()?.running === true;

/** Whether a value is a promise, of whatever kind. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
