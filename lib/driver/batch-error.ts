import { ERROR_CODES, EngineError, type ErrorCode } from '../core/errors.js';
import { formatBatchTime } from '../core/time.js';
import { firstUserFrame, formatFrame } from '../executor/failure-of.js';
import { formatFailure, type TaskFailure } from '../protocol/task-failure.js';
import type { BatchFailure } from '../scheduler/batch.js';
import { describeRange } from './describe-inputs.js';

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
  const detail = {
    ...{ batch: time, stage, partition, attempts, stream: node },
    ...(place === '' ? {} : { place }),
    ...(batchFailure.history === undefined ? {} : { history: batchFailure.history }),
    ...(batchFailure.input === undefined ? {} : { input: inputOf(batchFailure.input) }),
  };
  return new EngineError(
    codeOf(failure),
    `batch ${formatBatchTime(time)} (${time}) failed in ${node} (${where}): ${formatFailure(failure)}${place === '' ? '' : ` at ${place}`}. ` +
      contextOf(batchFailure) +
      (goesOn
        ? 'With a checkpoint, the next run begins with it'
        : 'Everything before this batch is committed; with a checkpoint, the next run begins with it'),
    { detail },
  );
}

/** What the task read, where a thread that died without a word was, and how its attempts differed. */
function contextOf({ failure, input, operations = [], history = [], note }: BatchFailure): string {
  const sentences: string[] = [];
  if (input !== undefined) sentences.push(`It read ${inputOf(input)}`);
  if (isMute(failure) && operations.length > 0)
    sentences.push(`Its operations were ${listed(operations.map(label => cut(label)))}`);
  const reasons = new Set(history.map(entry => entry.replace(/^[^:]*: /, '')));
  if (reasons.size > 1) sentences.push(`Before: ${listed(history.slice(0, -1).map(cut))}`);
  if (note !== undefined) sentences.push(note);
  return sentences.map(sentence => `${sentence}. `).join('');
}

function inputOf({ source, kind, range }: NonNullable<BatchFailure['input']>): string {
  const described = describeRange(kind, range);
  return `source ${source}${described === undefined ? '' : `: ${described}`}`;
}

/** A thread that was ended, or ran out of memory, does not say where it was. */
const isMute = (failure: TaskFailure): boolean =>
  failure.kind === 'timeout' || (failure.kind === 'workerLost' && !/ at \S+:\d+:\d+$/.test(failure.message));

const MAX_LISTED = 8;
const MAX_ENTRY = 300;

/** The last of them, of more than are shown. */
function listed(entries: readonly string[]): string {
  const left = entries.length - MAX_LISTED;
  return `${left > 0 ? `... ${left} more; ` : ''}${entries.slice(-MAX_LISTED).join('; ')}`;
}

const cut = (text: string): string => (text.length <= MAX_ENTRY ? text : `${text.slice(0, MAX_ENTRY)}...`);

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
