/** Which context of this process is running: there is one at a time. */
import { EngineError } from '../core/errors.js';
import { firstUserFrame, formatFrame, stackOf } from '../executor/failure-of.js';

let active: { readonly context: object; readonly startedAt: string } | undefined;

/** The context that runs, or is being started. */
export const activeContext = (): object | undefined => active?.context;

/** Makes a context the one that runs. Throws `contextState` when there is another, naming where that was started. */
export function claimActive(context: object, job: string): void {
  if (active !== undefined && active.context !== context) {
    throw new EngineError(
      'contextState',
      `job ${job} cannot be started: one context at a time may run in a process, and the one started at ` +
        `${active.startedAt} still does. Stop that one first, or run this job in a process of its own`,
    );
  }
  active = {
    context,
    startedAt: formatFrame(firstUserFrame(stackOf(new Error('started here')))) || 'an unknown place',
  };
}

/** Does nothing when it is not the one that runs. */
export function releaseActive(context: object): void {
  if (active?.context === context) active = undefined;
}
