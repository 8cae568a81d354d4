import type { Json } from '../core/json.js';
import { newerFormat } from '../core/format-version.js';
import type { OptionText } from '../core/options.js';
import { corrupt } from './checkpoint-files.js';

/**
 * How the run that owns a checkpoint was started, so that a program can start it again from the checkpoint alone. Data
 * like everything here: the name of a job file, not the job. Values that the job file itself declares are not in it.
 */
export interface RunRecord {
  /** Absolute path; null when the job was made in the program. */
  readonly jobFile: string | null;
  /** Working directory: relative paths of the job were seen from there. */
  readonly cwd: string;
  /** The job's arguments that were given, as text. */
  readonly args: { readonly [name: string]: string };
  /** Engine options that were given; durations in milliseconds, sizes in bytes. */
  readonly options: { readonly [name: string]: OptionText };
}

/** Of what is under `run` in a manifest; without one it is 1. */
const VERSION = 1;

/** As a manifest has it. */
export const encodeRunRecord = (run: RunRecord): Json => ({ version: VERSION, ...run });

/** Reads what a manifest has of it; undefined in one of a version before there was any. Throws `checkpointCorrupt`, `checkpointForeign` for a newer one. */
export function runRecordOf(value: Json | undefined, path: string): RunRecord | undefined {
  if (value === undefined) return undefined;
  const { version = VERSION, jobFile, cwd, args, options } = isObject(value) ? value : {};
  if (typeof version === 'number' && version > VERSION) throw newerFormat(`${path} ("run")`, version, VERSION);
  if (
    (typeof jobFile !== 'string' && jobFile !== null) ||
    typeof cwd !== 'string' ||
    !isObject(args) ||
    !Object.values(args).every(text => typeof text === 'string') ||
    !isObject(options) ||
    !Object.values(options).every(value => ['string', 'number', 'boolean'].includes(typeof value))
  ) {
    throw corrupt(path, undefined, `its "run" is not how a run is started: ${JSON.stringify(value).slice(0, 200)}`);
  }
  return { jobFile, cwd, args, options } as RunRecord;
}

const isObject = (value: Json | undefined): value is { readonly [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
