import type { Clock } from '../core/clock.js';

/**
 * Waits for a promise, for `timeoutMs` at the most, without limit when that is undefined. Rejects as the promise does.
 * @returns false when the time was over first
 */
export async function settlesWithin(
  promise: Promise<unknown>,
  timeoutMs: number | undefined,
  clock: Clock,
): Promise<boolean> {
  const settled = promise.then(() => true);
  if (timeoutMs === undefined) return settled;
  let cancel: () => void = () => undefined;
  const timeout = new Promise<boolean>(timedOut => {
    cancel = clock.setTimer(clock.now() + timeoutMs, () => timedOut(false));
  });
  return Promise.race([settled, timeout]).finally(() => cancel());
}
