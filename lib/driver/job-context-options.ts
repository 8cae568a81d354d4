import { resolve } from 'node:path';
import { EngineError } from '../core/errors.js';
import type { ArgValue } from '../core/job-args.js';
import { didYouMean } from '../core/nearest.js';
import type { DeclaredOptions } from '../core/options.js';
import type { RunListener } from '../metrics/run-events.js';
import type { RestartOptions } from './restart-from.js';

export interface JobContextOptions {
  /** Checkpoint directory; without it nothing survives the process. */
  readonly checkpoint?: string;
  /** The job's own arguments, as `--arg` gives them. */
  readonly args?: { readonly [name: string]: ArgValue };
  /** Engine options; they count before the environment and the job's own. */
  readonly options?: DeclaredOptions;
  /** Process what is there now, commit it, and end. Default false: run until stopped. */
  readonly once?: boolean;
  /** Takes every event of the run; default: what the job prints goes to standard output, problems to standard error. */
  readonly onEvent?: RunListener;
}

export interface GetOrCreateOptions extends RestartOptions, Pick<JobContextOptions, 'once' | 'onEvent'> {}

export interface StopOptions {
  /** Finish and commit what is under way first. Default false: it is done again by the next run. */
  readonly graceful?: boolean;
  /** How long to wait in milliseconds: a graceful stop then ends at once, any other is not waited for any longer. Default: as long as it takes. */
  readonly timeoutMs?: number;
}

/** Names of what a call takes, every one of them. */
type NamesOf<O> = { readonly [N in keyof Required<O>]: true };

export const CREATE_OPTIONS: NamesOf<JobContextOptions> = {
  checkpoint: true,
  args: true,
  options: true,
  once: true,
  onEvent: true,
};

export const GET_OR_CREATE_OPTIONS: NamesOf<GetOrCreateOptions> = {
  createOnError: true,
  options: true,
  once: true,
  onEvent: true,
};

export const STOP_OPTIONS: NamesOf<StopOptions> = { graceful: true, timeoutMs: true };

/** Throws `optionUnknown` for a name that a call does not take: one that is passed over would look as if it did something. */
export function refuseUnknownNames(given: object, known: object, call: string): void {
  const names = Object.keys(known);
  const unknown = Object.keys(given).find(name => !names.includes(name));
  if (unknown === undefined) return;
  throw new EngineError(
    'optionUnknown',
    `${call} takes { ${names.join(', ')} }, and engine options, such as interval, in options; got '${unknown}'${didYouMean(unknown, names)}`,
    { detail: { option: unknown } },
  );
}

/** The absolute path of a checkpoint directory. Throws `optionInvalid` for an empty one, which would be the working directory, and for `none`. */
export function checkpointPath(given: string): string {
  if (typeof given !== 'string') {
    throw new EngineError('optionInvalid', `checkpoint wants the path of a directory, got ${String(given)}`);
  }
  if (given === '') throw new EngineError('optionInvalid', 'checkpoint wants a directory, got an empty string');
  if (given === 'none') {
    throw new EngineError(
      'optionInvalid',
      "checkpoint wants a directory, got 'none', which only the command line takes for no checkpoint: leave it out, or write './none'",
    );
  }
  return resolve(given);
}
