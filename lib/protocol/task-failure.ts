import { assertNever } from '../core/assert-never.js';
import type { ErrorCode } from '../core/errors.js';

/** Why a request to a worker did not end well: data, because an error loses its class and fields on the way between threads. */
export type TaskFailure =
  /** User code threw. `frames` are stack lines with the user's own file first. */
  | { readonly kind: 'userError'; readonly message: string; readonly stack: string; readonly node?: string }
  /** The engine itself refused: an EngineError's code and message. */
  | {
      readonly kind: 'engineError';
      readonly code: string;
      readonly message: string;
      readonly detail: string;
      readonly node?: string;
    }
  /** The thread is gone: exit, uncaught error, out of memory. */
  | {
      readonly kind: 'workerLost';
      readonly message: string;
      /** The thread was gone before it was given the request: not the request's doing, and nothing of it was done. */
      readonly wasBefore?: true;
    }
  /** The request took longer than its limit and its thread was ended. */
  | { readonly kind: 'timeout'; readonly timeoutMs: number }
  /** A block it needed is not there any more; the producer runs again. */
  | { readonly kind: 'blockLost'; readonly blockId: string }
  /** The driver ended it: the batch or the engine stopped. */
  | { readonly kind: 'cancelled' };

/** Whether the failure is held against the task (4 and the batch fails) or costs only a retry. */
export function countsAsAttempt(failure: TaskFailure): boolean {
  switch (failure.kind) {
    case 'userError':
    case 'engineError':
    case 'workerLost':
    case 'timeout':
      return true;
    case 'blockLost':
    case 'cancelled':
      return false;
    default:
      return assertNever(failure);
  }
}

/**
 * Refusals that follow from the job, the plan, the input or the state before alone, which are the same for every attempt.
 * Not here: what another thread, slot or moment may cure (`memoryLimit`, `internal`).
 */
const MET_AGAIN: readonly ErrorCode[] = [
  'badRecord',
  'inputChanged',
  'inputMissing',
  'jobInvalid',
  'optionInvalid',
  'planMismatch',
  'stateLimit',
  'typeMismatch',
];

/** Whether every other attempt would meet the same failure: then the first is the last. */
export function isMetAgain(failure: TaskFailure): boolean {
  return failure.kind === 'engineError' && MET_AGAIN.some(code => code === failure.code);
}

/** Whether the slot's thread was replaced, so that what it held in its own heap is gone (its memory is not). */
export function losesWorker(failure: TaskFailure): boolean {
  return failure.kind === 'workerLost' || failure.kind === 'timeout';
}

/** Whether the request never came to its worker: it may be sent again as if it had not been. */
export const wasNotAsked = (failure: TaskFailure): boolean =>
  failure.kind === 'workerLost' && failure.wasBefore === true;

/** One line for logs and messages. */
export function formatFailure(failure: TaskFailure): string {
  switch (failure.kind) {
    case 'userError':
      return failure.message;
    case 'engineError':
      return failure.message;
    case 'workerLost':
      return `the worker thread was lost: ${failure.message}`;
    case 'timeout':
      return `no answer within ${failure.timeoutMs} ms, the worker thread was ended`;
    case 'blockLost':
      return `block ${failure.blockId} is missing`;
    case 'cancelled':
      return 'cancelled';
    default:
      return assertNever(failure);
  }
}
