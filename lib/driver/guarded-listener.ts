import { messageOf } from '../core/errors.js';
import { isThenable } from '../core/user-call.js';
import type { RunListener } from '../metrics/run-events.js';

/** A program's own `onEvent`, whose errors do the run no harm: the first is told on the console. */
export function guarded(onEvent: RunListener): RunListener {
  let hasFailed = false;
  // Told where somebody may see it: who should have taken the warning is what failed.
  const failed = (error: unknown): void => {
    if (!hasFailed) console.warn(`warning: onEvent failed: ${messageOf(error)}; the run goes on`);
    hasFailed = true;
  };
  return event => {
    try {
      const told: unknown = onEvent(event);
      // Nothing waits for it; but an error that nobody catches would end the process.
      if (isThenable(told)) Promise.resolve(told).catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}
