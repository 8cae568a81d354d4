/**
 * Runs the real command line in processes of its own and kills them: what a run that was killed many times leaves must
 * be what a run that was never killed leaves.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface KilledRun {
  /** False when it ended by itself. */
  readonly killed: boolean;
  readonly exitCode: number | null;
  readonly stderr: string;
}

/** When a run is killed: so many milliseconds after it told of its n-th event (0: after it was started). */
export interface KillMoment {
  readonly events: number;
  readonly ms: number;
}

/** Runs `sluice run ARGS`, and kills it with SIGKILL when the moment has come. */
export async function runAndKill(args: readonly string[], moment: KillMoment | undefined): Promise<KilledRun> {
  const child = spawn(process.execPath, ['dist/cli/main.js', 'run', ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let killed = false;
  const killSoon = (ms: number): void => {
    setTimeout(() => (killed = child.exitCode === null && child.kill('SIGKILL')), ms);
  };
  let events = 0;
  if (moment?.events === 0) killSoon(moment.ms);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = events;
    events += text.split('\n').length - 1;
    if (moment !== undefined && before < moment.events && events >= moment.events) killSoon(moment.ms);
  });
  const exitCode = await exit(child);
  return { killed, exitCode, stderr };
}

const exit = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => child.once('error', reject).once('close', code => resolve(code)));

/** Lines of a file, or of all files of a folder, each with how often it is there. */
export function lineCounts(path: string): Map<string, number> {
  const files = statSync(path).isDirectory() ? readdirSync(path).map(name => join(path, name)) : [path];
  return countsOf(files.flatMap(file => readFileSync(file, 'utf8').split('\n')).filter(line => line !== ''));
}

/** A multiset: each line with how often it is there. */
export function countsOf(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

/** What two multisets of lines differ in, as text; empty when they are equal. */
export function difference(actual: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): string {
  const lines: string[] = [];
  for (const [line, n] of expected)
    if ((actual.get(line) ?? 0) < n) lines.push(`lost ${n - (actual.get(line) ?? 0)}x: ${line}`);
  for (const [line, n] of actual)
    if ((expected.get(line) ?? 0) < n) lines.push(`too many ${n - (expected.get(line) ?? 0)}x: ${line}`);
  return lines.slice(0, 20).join('\n');
}
