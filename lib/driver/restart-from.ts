/** Finds out from a checkpoint how its last run was started, to start it in the same way again. */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EngineError } from '../core/errors.js';
import { NodeFileSystem } from '../core/node-file-system.js';
import { DEPLOYMENT_OPTIONS, envNameOf, givenOptions, resolveOptions, type DeploymentOption } from '../core/options.js';
import { MANIFEST } from '../checkpoint/checkpoint-files.js';
import { refuseIfInUse } from '../checkpoint/lock.js';
import { findCheckpoint, type CheckpointSummary } from '../checkpoint/read-checkpoint.js';
import type { RunRecord } from '../checkpoint/run-record.js';
import { openJob, type LoadedJob, type RunSettings } from './run-job.js';

export interface RestartOptions {
  /** Make a new context where the checkpoint is damaged or not one, after moving it aside. Default false. */
  readonly createOnError?: boolean;
  /** Options that belong to the machine; all others come from the checkpoint. */
  readonly options?: { readonly [N in DeploymentOption]?: string | number };
}

export interface Restart {
  readonly loaded: LoadedJob;
  readonly settings: Omit<RunSettings, 'once'>;
}

/**
 * @param directory absolute
 * @returns `restart`: undefined where there is nothing to go on from. Throws as `JobContext.getOrCreate` says.
 */
export async function restartFrom(
  directory: string,
  { createOnError = false, options = {} }: RestartOptions,
): Promise<{ readonly restart: Restart | undefined; readonly warnings: readonly string[] }> {
  refuseOtherOptions(options);
  let found: CheckpointSummary | string;
  try {
    found = await findCheckpoint(new NodeFileSystem(), directory);
  } catch (error) {
    const unreadable = error instanceof EngineError && ['checkpointCorrupt', 'checkpointForeign'].includes(error.code);
    if (!createOnError || !unreadable) throw error;
    const aside = await moveAside(directory);
    return { restart: undefined, warnings: [`${error.message}. It was moved to ${aside}, and a new one is begun`] };
  }
  if (typeof found === 'string') return { restart: undefined, warnings: [] };
  const { run } = found;
  if (run === undefined || run.jobFile === null) throw notAFile(directory, found.job);
  await refuseIfOthersMayWrite(join(directory, MANIFEST));
  return { restart: await restartOf(directory, run, run.jobFile, options), warnings: warningsOf(directory, run) };
}

async function restartOf(
  directory: string,
  run: RunRecord,
  jobFile: string,
  options: NonNullable<RestartOptions['options']>,
): Promise<Restart> {
  const loaded = await openJob(jobFile);
  const ofMachine = Object.fromEntries(DEPLOYMENT_OPTIONS.map(envNameOf).map(name => [name, process.env[name]]));
  const resolved = resolveOptions({
    program: options,
    env: ofMachine,
    checkpoint: run.options,
    job: loaded.options,
  });
  const settings = {
    checkpoint: directory,
    args: run.args,
    options: resolved.values,
    given: givenOptions(resolved),
  };
  return { loaded, settings };
}

function refuseOtherOptions(options: object): void {
  const known: readonly string[] = DEPLOYMENT_OPTIONS;
  const other = Object.keys(options).find(name => !known.includes(name));
  if (other === undefined) return;
  throw new EngineError(
    'optionInvalid',
    `getOrCreate takes options that belong to the machine (${known.join(', ')}), got '${other}': that one comes from the ` +
      'checkpoint; to change it, start the job with JobContext.create(...) or the command line on the same checkpoint',
    { detail: { option: other } },
  );
}

const notAFile = (directory: string, job: string): EngineError =>
  new EngineError(
    'contextState',
    `the checkpoint ${directory} does not say in which file its job '${job}' is (it was made in a program, or by an older ` +
      'version): go on with JobContext.create(job, { checkpoint }), or put the job into a file',
  );

/** What the manifest names is run as code: it must come from this user, or from root. */
async function refuseIfOthersMayWrite(manifest: string): Promise<void> {
  const me = process.getuid?.();
  const { uid, mode } = await stat(manifest);
  if (me === undefined || ((uid === me || uid === 0) && (mode & 0o002) === 0)) return;
  throw new EngineError(
    'checkpointForeign',
    `${manifest} names the job file to load, and ${uid === me || uid === 0 ? 'anybody may write it' : `it belongs to user ${uid}`}: ` +
      'take write permission from others, or name the file yourself with JobContext.create(file, { checkpoint })',
    { detail: { file: manifest } },
  );
}

function warningsOf(directory: string, { cwd }: RunRecord): string[] {
  if (cwd === process.cwd()) return [];
  return [
    `the run of checkpoint ${directory} was started in ${cwd}: relative paths of the job are now seen from ${process.cwd()}`,
  ];
}

/** Keeps what is there, under the next free name. Throws `checkpointLocked` while a driver uses it. */
async function moveAside(directory: string): Promise<string> {
  const fs = new NodeFileSystem();
  await refuseIfInUse(fs, directory);
  for (let n = 1; ; n++) {
    const aside = `${directory}.damaged-${n}`;
    const taken = await fs.stat(aside).then(
      () => true,
      () => false,
    );
    if (taken) continue;
    await fs.rename(directory, aside);
    // Before a new one is begun in its place, or a loss of power could mix the two.
    await fs.syncDirectory(dirname(directory));
    return aside;
  }
}
