import type { Json } from './json.js';

/**
 * Every way in which Sluice refuses or fails, with the process exit code it leads to and what it means.
 * Exit code 2: the caller can cure it (options, files, checkpoint); 1: the running job failed.
 */
export const ERROR_CODES = {
  optionUnknown: { exitCode: 2, meaning: 'an option, argument or setting that does not exist' },
  optionInvalid: { exitCode: 2, meaning: 'an option whose value does not fit its type or range' },
  jobNotFound: { exitCode: 2, meaning: 'the job file is missing or is not a .ts, .mts, .cts, .js, .mjs, .cjs file' },
  jobInvalid: {
    exitCode: 2,
    meaning: 'the job file does not compile, or does not export a job, or its graph is wrong',
  },
  inputMissing: { exitCode: 2, meaning: 'an input folder or file does not exist or cannot be read' },
  portTaken: { exitCode: 2, meaning: 'a source cannot listen on its port' },
  inputChanged: { exitCode: 2, meaning: 'input that was planned is gone, shorter or replaced' },
  outputUnwritable: { exitCode: 2, meaning: 'an output path cannot be created or written' },
  outputChanged: { exitCode: 2, meaning: 'an output file is shorter than what was committed to it' },
  checkpointCorrupt: { exitCode: 2, meaning: 'a checkpoint file is torn, truncated, flipped or missing' },
  checkpointForeign: { exitCode: 2, meaning: 'the checkpoint belongs to another job or to a plan that does not fit' },
  checkpointLocked: { exitCode: 2, meaning: 'another driver is using the checkpoint' },
  checkpointFenced: { exitCode: 2, meaning: 'another driver took the checkpoint over from this one' },
  checkpointUnwritable: { exitCode: 2, meaning: 'the checkpoint directory cannot be written or read' },
  memoryLimit: { exitCode: 1, meaning: 'a slot needs more memory than its limit' },
  typeMismatch: { exitCode: 1, meaning: 'a value does not fit the type of its stream, state or output' },
  badRecord: { exitCode: 1, meaning: 'a malformed input record under onBadRecord: fail' },
  batchFailed: { exitCode: 1, meaning: 'a task of the batch failed on its last attempt' },
  sinkFailed: { exitCode: 1, meaning: 'a sink could not commit a batch' },
  sourceFailed: { exitCode: 1, meaning: 'a source could not say what is available' },
  emptyRdd: { exitCode: 1, meaning: 'an action that needs a row was called on an RDD without any' },
  stopTimeout: { exitCode: 1, meaning: 'a stop gave the batches under way its time, and they did not end' },
  planMismatch: { exitCode: 1, meaning: 'a worker built another plan than the driver from the same job' },
  contextState: { exitCode: 1, meaning: 'a call that the life cycle does not allow now' },
  internal: { exitCode: 1, meaning: 'a broken promise inside Sluice' },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * The one error class. Branch on `code`, never on text. The message says what was wanted, what came, where, and the cure.
 * `detail` carries the location as data (stream, batch, stage, partition, file, line ...).
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly detail: { readonly [name: string]: Json };

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; detail?: { readonly [name: string]: Json } } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail ?? {};
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exitCode;
  }
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
