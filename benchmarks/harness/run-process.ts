/** Whole processes, one after another: their output and what they used. */
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { benchmarksFolder, root, workFolder } from './folders.js';

export interface Usage {
  /** From the first line of output to the end. */
  readonly wallMs: number;
  /** User and system time of all threads in that time. */
  readonly cpuMs: number;
  readonly rssMb: number;
  /** Before. */
  readonly startUp: { readonly wallMs: number; readonly cpuMs: number };
  /** From the end of a job's first batch to the end. */
  readonly warm?: { readonly wallMs: number; readonly cpuMs: number };
}

export interface NodeRun extends Usage {
  readonly stdout: string;
}

/** Runs `node args...` to its end. Rejects with its standard error when it fails. */
export async function runNode(args: readonly string[]): Promise<NodeRun> {
  const usageFile = join(workFolder('usage'), `${process.pid}-${Math.round(performance.now() * 1000)}.json`);
  const stdout = await runCommand(
    process.execPath,
    ['--import', join(benchmarksFolder, 'harness', 'report-usage.mjs'), ...args],
    { env: { USAGE_FILE: usageFile } },
  );
  const usage = JSON.parse(readFileSync(usageFile, 'utf8')) as Usage;
  rmSync(usageFile);
  return { stdout, ...usage };
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: { readonly [name: string]: string };
  /** Kills the command, and what it started, after that; default 10 minutes. */
  readonly limitMs?: number;
}

/** Runs a command to its end and gives its standard output. Rejects with the last of its standard error when it fails. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawnGroup(command, args, options);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-8000)));
  const limitMs = options.limitMs ?? 600_000;
  let late = '';
  const timer = setTimeout(() => {
    late = `, killed after ${limitMs / 1000} s`;
    killGroup(child);
  }, limitMs);
  const end = await new Promise<string | number | null>((resolve, reject) =>
    child.once('error', reject).once('close', (code, signal) => resolve(code ?? signal)),
  ).finally(() => clearTimeout(timer));
  if (end === 0) return stdout;
  throw new Error(`${command} ${args.join(' ')} ended with ${end}${late}:\n${stdout.slice(-4000)}\n${stderr}`);
}

const running = new Set<ChildProcess>();

/** Starts a command in a group of its own, so that what a launcher started ends with it. */
export function spawnGroup(
  command: string,
  args: readonly string[],
  options: Pick<CommandOptions, 'cwd' | 'env'> = {},
): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running.add(child);
  child.once('close', () => running.delete(child)).once('error', () => running.delete(child));
  return child;
}

/** For when this process is told to end: a terminal's Ctrl-C doesn't reach groups of their own. */
export function killRunning(): void {
  for (const child of running) killGroup(child);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // It ended in the moment before.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
