/**
 * Other systems on the same work. A peer is installed by a command of its own into the cache, runs a workload on the
 * same files as often as it is asked to, and checks its own answers against what the generators noted.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../harness/folders.js';
import { runCommand, type CommandOptions } from '../harness/run-process.js';

export const WORKLOADS = ['ysb', 'wordcount', 'grep', 'clicks'] as const;
export type Workload = (typeof WORKLOADS)[number];

/** One timed run, as every peer's program prints it: one JSON line that begins with `{"system"`. */
export interface PeerResult {
  readonly system: string;
  readonly form: string;
  readonly version: string;
  /** `warm`: not the first run in its process. */
  readonly start: 'cold' | 'warm';
  readonly threads: number;
  readonly records: number;
  /** From when the system was up. */
  readonly wallMs: number;
  /** User and system time in that, of all threads and processes. */
  readonly cpuMs: number;
  readonly rssMb: number;
  /** From the start of the process to its first result, of a cold run of a system that has to start. */
  readonly startUpMs?: number;
  readonly ok: boolean;
}

export interface PeerRequest {
  readonly workload: Workload;
  /** Folder of the data set. */
  readonly data: string;
  /** Records that the data set has of this workload. */
  readonly records: number;
  /** How often it is run; peers that warm up do it in one process, and one run more. 0: those run cold only, others not at all. */
  readonly runs: number;
  /** For what the run writes; empty. */
  readonly work: string;
}

/** How old events were when their results were committed. */
export interface PeerLatency {
  readonly system: string;
  readonly form: string;
  readonly version: string;
  readonly events: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly p999: number };
  readonly ok: boolean;
}

export interface LatencyRequest {
  readonly eventsPerSecond: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** For what the run writes; empty. */
  readonly work: string;
}

export interface Peer {
  readonly name: string;
  /** Changes when what is installed must be installed anew. */
  readonly stamp: string;
  readonly workloads: readonly Workload[];
  /** Fills the folder. Rejects with what went wrong. */
  readonly install: (folder: string) => Promise<void>;
  readonly run: (folder: string, request: PeerRequest) => Promise<readonly PeerResult[]>;
  /** Live input instead of files, where the peer has a program for that. */
  readonly latency?: (folder: string, request: LatencyRequest) => Promise<readonly PeerLatency[]>;
}

const folderOf = (peer: Peer): string => join(cacheFolder('peers'), peer.name);
const stampOf = (peer: Peer): string => join(folderOf(peer), `.installed-${peer.stamp}`);

export const isInstalled = (peer: Peer): boolean => existsSync(stampOf(peer));

/** Installs a peer, from nothing; what was there of it is removed. */
export async function installPeer(peer: Peer): Promise<void> {
  const folder = folderOf(peer);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await peer.install(folder);
  writeFileSync(stampOf(peer), '');
}

/** Runs a workload on an installed peer. Rejects when it fails or when an answer is wrong. */
export async function runPeer(peer: Peer, request: PeerRequest): Promise<readonly PeerResult[]> {
  makeEmpty(request.work);
  const results = await peer.run(folderOf(peer), request);
  const wrong = results.find(result => !result.ok);
  if (wrong !== undefined) throw new Error(`${peer.name}, ${wrong.form}: wrong answer of ${request.workload}`);
  return results;
}

/** The same of live input; nothing for a peer that has no program for it. */
export async function runPeerLatency(peer: Peer, request: LatencyRequest): Promise<readonly PeerLatency[]> {
  if (peer.latency === undefined) return [];
  makeEmpty(request.work);
  const results = await peer.latency(folderOf(peer), request);
  const wrong = results.find(result => !result.ok);
  if (wrong !== undefined) throw new Error(`${peer.name}, ${wrong.form}: events were lost or came twice`);
  return results;
}

function makeEmpty(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

/** The results that a program prints, one line each; other lines are its own affair. */
export function resultsIn<R = PeerResult>(stdout: string): R[] {
  const lines = stdout.split('\n').filter(line => line.startsWith('{"system"'));
  if (lines.length === 0) throw new Error(`no result in what the peer printed:\n${stdout.slice(-4000)}`);
  return lines.map(line => JSON.parse(line) as R);
}

/** Runs a program that prints one result and ends, `runs` times. */
export async function runTimes(
  runs: number,
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<PeerResult[]> {
  const results: PeerResult[] = [];
  for (let run = 0; run < runs; run++) results.push(...resultsIn(await runCommand(command, args, options)));
  return results;
}
