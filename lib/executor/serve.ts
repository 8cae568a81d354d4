import { parentPort } from 'node:worker_threads';
import type { WorkerReply, WorkerRequest } from '../protocol/messages.js';
import { describeThrown, failureOf, firstUserFrame, formatFrame, stackOf } from './failure-of.js';
import { muteReplays } from './replay-console.js';

/** Answers one request. Requests come one at a time, each after the answer to the one before. Whatever it throws becomes a failure. */
export type WorkerHandler = (request: WorkerRequest) => Promise<WorkerReply> | WorkerReply;

/** What the driver asks of a thread before its first request: the answer says that the thread is up. */
export const HELLO = null;

/** Load what does not depend on the slot: the thread waits for one. The answer is `done`, also when it cannot be loaded. */
export interface WarmUp {
  readonly kind: 'sluice.warmUp';
}

/** The thread that waited has its slot; requests follow. */
export interface TakeSlot {
  readonly kind: 'sluice.takeSlot';
  readonly slot: number;
}

/** What a thread posts when an error that nobody caught, or a call of process.exit, is about to end it: Node's own report loses class, text and lines of many. */
export interface LastWords {
  readonly kind: 'sluice.lastWords';
  readonly message: string;
  /** `file:line:column` in user code, or nothing. */
  readonly place: string;
  readonly isCloneError: boolean;
  /** It called process.exit. */
  readonly isExit: boolean;
}

export function isLastWords(value: unknown): value is LastWords {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'sluice.lastWords';
}

/**
 * The function a worker thread's entry exports for the pool. The handler is made at the first request, so that a job
 * that does not load is an answer and not a dead thread; when making it fails, the next request tries again.
 * From now on the thread maps stacks of modules it loads to their sources, and its console leaves out what the driver says.
 *
 * @param makeHandler is given the slot of a thread that waited for one; undefined: the one it was born with
 * @param warmUp loads for a thread that waits what its handler will need; what it throws is met again by `makeHandler`
 */
export function serve(
  makeHandler: (slot: number | undefined) => Promise<WorkerHandler> | WorkerHandler,
  warmUp: () => Promise<void> = async () => undefined,
): (request: WorkerRequest | WarmUp | TakeSlot | typeof HELLO) => Promise<WorkerReply> {
  process.setSourceMapsEnabled(true);
  process.on('uncaughtExceptionMonitor', reportUncaught);
  reportExits();
  muteReplays(console);
  let handler: WorkerHandler | undefined;
  let slot: number | undefined;
  return async request => {
    if (request === HELLO) return DONE;
    if (request.kind === 'sluice.warmUp')
      return warmUp().then(
        () => DONE,
        () => DONE,
      );
    if (request.kind === 'sluice.takeSlot') {
      ({ slot } = request);
      return DONE;
    }
    try {
      handler ??= await makeHandler(slot);
      return await handler(request);
    } catch (error) {
      return { ok: false, failure: failureOf(error) };
    }
  };
}

const DONE: WorkerReply = { ok: true, kind: 'done' };

function reportUncaught(error: unknown): void {
  const stack = stackOf(error);
  report({
    kind: 'sluice.lastWords',
    message: describeThrown(error),
    place: formatFrame(firstUserFrame(stack)),
    // The pool posts answers; a copy that fails there is of an answer.
    isCloneError: error instanceof DOMException && error.name === 'DataCloneError' && /[\\/]piscina[\\/]/.test(stack),
    isExit: false,
  });
}

/** A function of the job that ends its thread is told with its line: the exit code alone says little. */
function reportExits(): void {
  const exit = process.exit.bind(process);
  process.exit = code => {
    const here = new Error();
    Error.captureStackTrace(here, process.exit);
    const place = formatFrame(firstUserFrame(stackOf(here)));
    report({ kind: 'sluice.lastWords', message: 'process.exit was called', place, isCloneError: false, isExit: true });
    return exit(code);
  };
}

const report = (lastWords: LastWords): void => parentPort?.postMessage(lastWords, []);
