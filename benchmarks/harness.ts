/**
 * What every benchmark does the same way: whole processes are run one after another, their CPU time is that of all their
 * threads, and figures are medians with the spread beside them. One JSON line a result goes to standard output.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

export const root = dirname(here);

/** Where benchmarks keep data and output; not under version control. */
export const workFolder = (name: string): string => {
  const folder = join(root, 'out', 'bench', name);
  mkdirSync(folder, { recursive: true });
  return folder;
};

export interface ProcessRun {
  readonly wallMs: number;
  /** User and system time of all threads. */
  readonly cpuMs: number;
  readonly maxRssMb: number;
  readonly stdout: string;
}

/** Runs `node args...` to its end. Rejects with its standard error when it fails. */
export async function runNode(args: readonly string[], env: Record<string, string> = {}): Promise<ProcessRun> {
  const usageFile = join(workFolder('usage'), `${process.pid}-${Math.round(performance.now() * 1000)}.json`);
  const startMs = performance.now();
  const child = spawn(process.execPath, ['--import', join(here, 'report-usage.mjs'), ...args], {
    cwd: root,
    env: { ...process.env, ...env, USAGE_FILE: usageFile },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  const wallMs = performance.now() - startMs;
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}:\n${stderr}`);
  const usage = JSON.parse(readFileSync(usageFile, 'utf8')) as { cpuMs: number; maxRssMb: number };
  rmSync(usageFile);
  return { wallMs, stdout, ...usage };
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return {
    median: round(median ?? Number.NaN),
    min: round(sorted[0] ?? Number.NaN),
    max: round(sorted.at(-1) ?? Number.NaN),
  };
}

/** The value below which the fraction `p` of the values lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN);
}

export const round = (value: number): number => Number(value.toPrecision(4));

/** Prints one result as a JSON line, with the machine it was measured on. */
export function report(benchmark: string, result: { readonly [name: string]: unknown }): void {
  const machine = { cores: cpus().length, cpu: cpus()[0]?.model ?? '', node: process.version };
  console.log(JSON.stringify({ benchmark, ...result, machine }));
}

/** A benchmark that measures a wrong answer measures nothing. */
export function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong answer: ${what}`);
}
