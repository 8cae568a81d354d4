import type { ArgValue } from '../core/job-args.js';
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
  /** Takes every event of the run; default: what the job prints goes to standard output, warnings to standard error. */
  readonly onEvent?: RunListener;
}

export interface GetOrCreateOptions extends RestartOptions, Pick<JobContextOptions, 'once' | 'onEvent'> {}

export interface StopOptions {
  /** Finish and commit what is under way first. Default false: it is done again by the next run. */
  readonly graceful?: boolean;
  /** How long to wait in milliseconds: a graceful stop then ends at once, any other is not waited for any longer. Default: as long as it takes. */
  readonly timeoutMs?: number;
}
