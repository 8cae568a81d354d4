import { parentPort } from 'node:worker_threads';
import type { WorkerReply, WorkerRequest } from '../protocol/messages.js';
import { describeThrown, failureOf, firstUserFrame, formatFrame, stackOf } from './failure-of.js';
import { muteReplays } from './replay-console.js';

/** Answers one request. Requests come one at a time, each after the answer to the one before. Whatever it throws becomes a failure. */
export type WorkerHandler = (request: WorkerRequest) => Promise<WorkerReply> | WorkerReply;

/** What the driver asks of a thread before its first request: the answer says that the thread is up. */
export const HELLO = null;

/** What a thread posts when an error that nobody caught is about to end it: Node's own report loses class, text and lines of many. */
export interface LastWords {
  readonly kind: 'sluice.lastWords';
  readonly message: string;
  /** `file:line:column` in user code, or nothing. */
  readonly place: string;
  readonly isCloneError: boolean;
}

export function isLastWords(value: unknown): value is LastWords {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'sluice.lastWords';
}

/**
 * The function a worker thread's entry exports for the pool. The handler is made at the first request, so that a job
 * that does not load is an answer and not a dead thread; when making it fails, the next request tries again.
 * From now on the thread maps stacks of modules it loads to their sources, and its console leaves out what the driver says.
 */
export function serve(
  makeHandler: () => Promise<WorkerHandler> | WorkerHandler,
): (request: WorkerRequest | typeof HELLO) => Promise<WorkerReply> {
  process.setSourceMapsEnabled(true);
  process.on('uncaughtExceptionMonitor', reportLastWords);
  muteReplays(console);
  let handler: WorkerHandler | undefined;
  return async request => {
    if (request === HELLO) return { ok: true, kind: 'done' };
    try {
      handler ??= await makeHandler();
      return await handler(request);
    } catch (error) {
      return { ok: false, failure: failureOf(error) };
    }
  };
}

function reportLastWords(error: unknown): void {
  const stack = stackOf(error);
  const lastWords: LastWords = {
    kind: 'sluice.lastWords',
    message: describeThrown(error),
    place: formatFrame(firstUserFrame(stack)),
    // The pool posts answers; a copy that fails there is of an answer.
    isCloneError: error instanceof DOMException && error.name === 'DataCloneError' && /[\\/]piscina[\\/]/.test(stack),
  };
  parentPort?.postMessage(lastWords, []);
}
