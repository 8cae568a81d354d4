import { ERROR_CODES, EngineError, type ErrorCode } from '../core/errors.js';
import { formatBatchTime } from '../core/time.js';
import { firstUserFrame, formatFrame } from '../executor/failure-of.js';
import { formatFailure, type TaskFailure } from '../protocol/task-failure.js';
import type { BatchFailure } from '../scheduler/batch.js';

/** Codes that say more than that a batch failed: the input, the plan or the memory is to be mended. */
const OWN_CODES: readonly ErrorCode[] = [
  'badRecord',
  'inputChanged',
  'inputMissing',
  'planMismatch',
  'jobInvalid',
  'memoryLimit',
  'stateLimit',
  'stateSpill',
  'typeMismatch',
];

/**
 * What a user is told of a batch that failed: stream, batch, stage, partition, and the line of their own code.
 * @param goesOn whether later batches are committed without it
 */
export function batchError(batchFailure: BatchFailure, goesOn = false): EngineError {
  const { time, stage, partition, attempts, label, failure } = batchFailure;
  const ran = failure.kind === 'userError' || failure.kind === 'engineError' ? failure.node : undefined;
  const node = ran === undefined || ran === '' ? label : ran;
  const place = placeOf(failure);
  const where = `stage ${stage}, partition ${partition}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  const detail = { batch: time, stage, partition, attempts, stream: node, ...(place === '' ? {} : { place }) };
  return new EngineError(
    codeOf(failure),
    `batch ${formatBatchTime(time)} (${time}) failed in ${node} (${where}): ${formatFailure(failure)}${place === '' ? '' : ` at ${place}`}. ` +
      (goesOn
        ? 'With a checkpoint, the next run begins with it'
        : 'Everything before this batch is committed; with a checkpoint, the next run begins with it'),
    { detail },
  );
}

/** A request beside the batches that failed: `what` says which. What the engine itself refused keeps its code. */
export function failureError(failure: TaskFailure, otherwise: ErrorCode, what: string): EngineError {
  const code = failure.kind === 'engineError' && isErrorCode(failure.code) ? failure.code : otherwise;
  const place = placeOf(failure);
  return new EngineError(code, `${what}: ${formatFailure(failure)}${place === '' ? '' : ` at ${place}`}`);
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code);

function codeOf(failure: TaskFailure): ErrorCode {
  if (failure.kind !== 'engineError') return 'batchFailed';
  const code = isErrorCode(failure.code) ? failure.code : 'internal';
  return OWN_CODES.includes(code) ? code : 'batchFailed';
}

function placeOf(failure: TaskFailure): string {
  return failure.kind === 'userError' ? formatFrame(firstUserFrame(failure.stack)) : '';
}
