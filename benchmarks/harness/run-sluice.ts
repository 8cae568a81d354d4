/** Runs a job by the built command line, as users do, and reads its events. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { BatchInfo, RunEvent, RunSummary } from '../../lib/metrics/run-events.js';
import { workFolder } from './folders.js';
import { runNode, spawnGroup, type Usage } from './run-process.js';

export interface JobRun {
  /** Path below the repository's root. */
  readonly job: string;
  readonly args?: { readonly [name: string]: string | number };
  readonly options?: { readonly [name: string]: string | number };
  readonly workers: number;
  readonly interval?: string;
  /** A folder, or 'none'. */
  readonly checkpoint: string;
}

export interface SluiceRun extends Usage {
  readonly batches: readonly BatchInfo[];
  readonly summary: RunSummary;
  readonly events: readonly RunEvent[];
}

/** A folder for the checkpoint and the output of one run, empty. */
export function freshFolder(...names: readonly string[]): string {
  const folder = join(workFolder(names[0] ?? 'run'), ...names.slice(1));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Processes what is there to its end. */
export async function runOnce(run: JobRun): Promise<SluiceRun> {
  const { stdout, ...usage } = await runNode(['dist/cli/main.js', ...argsOf(run), '--once']);
  const events = stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as RunEvent);
  const batches = events.flatMap(event => (event.kind === 'batchCompleted' ? [event.batch] : []));
  const end = events.find(event => event.kind === 'stopped');
  if (end === undefined) throw new Error(`${run.job} ended without saying so:\n${stdout.slice(-2000)}`);
  return { ...usage, batches, summary: end.summary, events };
}

/** What the listener of a run may do with it. */
export interface LiveRun {
  readonly pid: number;
  /** Ends it after the batch under way. */
  stop(): void;
  /** Ends it as a crash does. */
  kill(): void;
}

/** Runs a job whose events are heard while it runs: live until it is stopped, or `once`. */
export async function runLive(
  run: JobRun,
  listen: (event: RunEvent, live: LiveRun) => void,
  mode: 'live' | 'once' = 'live',
): Promise<void> {
  const args = ['dist/cli/main.js', ...argsOf(run), ...(mode === 'once' ? ['--once'] : [])];
  const child = spawnGroup(process.execPath, args);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve, reject) =>
    child.once('error', reject).once('close', (code, signal) => resolve(code ?? signal)),
  );
  let signalled: NodeJS.Signals | undefined;
  const signal = (name: NodeJS.Signals): void => {
    // A second SIGTERM would end the run at once.
    if (signalled === undefined) child.kill(name);
    signalled ??= name;
  };
  const live = { pid: child.pid ?? 0, stop: () => signal('SIGTERM'), kill: () => signal('SIGKILL') };
  for await (const line of createInterface({ input: child.stdout })) listen(JSON.parse(line) as RunEvent, live);
  const end = await ended;
  if (end !== 0 && !(end === 'SIGKILL' && signalled === end)) {
    throw new Error(`${run.job} ended with ${end}:\n${stderr}`);
  }
}

function argsOf({ job, args = {}, options = {}, workers, interval, checkpoint }: JobRun): string[] {
  return [
    ...['run', job, '--json', '--workers', String(workers), '--checkpoint', checkpoint],
    ...(interval === undefined ? [] : ['--interval', interval]),
    ...Object.entries(args).flatMap(([name, value]) => ['--arg', `${name}=${value}`]),
    ...Object.entries(options).flatMap(([name, value]) => ['--option', `${name}=${value}`]),
  ];
}
