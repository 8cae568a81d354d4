/** How a benchmark tells what it found: one JSON line a result on standard output; what people read goes to standard error. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { root } from './folders.js';
import type { Spread } from './stats.js';

/** What systems did with the same input; times begin when the system is up and end with its last output. */
export interface ThroughputResult {
  readonly system: string;
  /** How the work is written or which of the system's settings was used: `closures`, `columns`, `JSON.parse`. */
  readonly form: string;
  readonly version?: string;
  /** `cold`: in a new process; `warm`: again in the same process, as JVMs want it. */
  readonly start: 'cold' | 'warm';
  readonly threads: number;
  readonly records: number;
  readonly runs: number;
  readonly perSecond: Spread;
  /** Records per second of wall time, by thread that may work. */
  readonly perCore: Spread;
  /** By CPU-second, user and system, of all threads and processes. */
  readonly perCpuSecond: Spread;
  readonly gbPerSecond: Spread;
  readonly rssMb: Spread;
  readonly batchMs?: { readonly p50: number; readonly p99: number };
}

/** Prints one result as a JSON line, with the machine it was measured on. */
export function report(benchmark: string, result: object): void {
  console.log(JSON.stringify({ benchmark, ...result, machine }));
}

/** For people, while it runs. */
export const say = (line: string): void => console.error(`  ${line}`);

/** A peer that fails has no figures, and its benchmark fails in the end; the others are measured all the same. */
export async function goOn(measurePeer: () => Promise<void>): Promise<void> {
  try {
    await measurePeer();
  } catch (error) {
    say(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

const machine = { cores: cpus().length, cpu: cpus()[0]?.model ?? '', node: process.version };

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
export const sluiceVersion = manifest.version;

/** A benchmark that measures a wrong answer measures nothing. */
export function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong answer: ${what}`);
}
