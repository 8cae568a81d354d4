/**
 * How fast work is done that is all there when it begins: the shape that ysb, wordcount, grep, top-k and clicks share.
 *
 * Each form of the job is run once with its answer checked in full, which also warms the page cache, then timed. A timed
 * run is checked too. Then plain Node does the same work, and with `--peers` every peer that is installed. Time and CPU
 * count from when a system is up: Sluice's clock starts with its first event, and so includes its workers' start.
 */
import { join } from 'node:path';
import type { DataSet } from '../data/data-set.js';
import { peers } from '../peers/registry.js';
import { isInstalled, runPeer, type PeerResult, type Workload } from '../peers/peer.js';
import type { BenchmarkRun } from './benchmark.js';
import { workFolder } from './folders.js';
import { goOn, report, say, sluiceVersion, type ThroughputResult } from './report.js';
import { freshFolder, runOnce, type JobRun, type SluiceRun } from './run-sluice.js';
import { percentile, spread } from './stats.js';

/** One way to write the job. */
export interface Form {
  readonly name: string;
  readonly job: string;
  readonly args: { readonly [name: string]: string | number };
  readonly options?: { readonly [name: string]: string | number };
  readonly interval?: string;
  /** 'none': without a checkpoint. */
  readonly checkpoint?: 'none';
  /** How many records its batches must hold together, where they are others than those of the other forms. */
  readonly inputRecords?: number;
}

export interface Throughput<D extends DataSet> {
  readonly name: string;
  readonly data: D;
  readonly forms: readonly Form[];
  /** The name of the argument that says where to write, and the file's name. */
  readonly output: string;
  /** How many records the batches must hold together. */
  readonly inputRecords: number;
  /** Records that rates are given in, where a record read is not what one counts. */
  readonly countedRecords?: number;
  /** Throws unless the run's output is right. Gives what plain Node did, where that is how it knows. */
  readonly verify: (run: SluiceRun, output: string, form: Form) => Promise<readonly PeerResult[]> | void;
  /** Plain Node on the same work, where it isn't part of the check. */
  readonly plain?: (runs: number) => Promise<readonly PeerResult[]>;
  /** What the peers call this work. */
  readonly workload?: Workload;
}

export async function measureThroughput<D extends DataSet>(work: Throughput<D>, settings: BenchmarkRun): Promise<void> {
  const { data, name } = work;
  const records = work.countedRecords ?? work.inputRecords;
  const plain: PeerResult[] = [];
  const publish = (results: readonly PeerResult[], batchMs?: readonly number[]): void => {
    for (const result of summaries(results, data.bytes / records)) {
      report(name, { ...result, ...(batchMs === undefined ? {} : { batchMs: delays(batchMs) }) });
    }
  };
  for (const form of work.forms) {
    say(`${name}: sluice, ${form.name}`);
    // A small run is for the answers, and is checked as well.
    if (settings.size === 'full') await runForm(work, form, settings);
    const timed: PeerResult[] = [];
    const batchMs: number[] = [];
    for (let run = 0; run < settings.runs; run++) {
      const { usage, compared } = await runForm(work, form, settings);
      const { wallMs, cpuMs, rssMb } = usage;
      const what = {
        system: 'sluice',
        version: sluiceVersion,
        form: form.name,
        start: 'cold',
        threads: settings.workers,
      } as const;
      timed.push({ ...what, records, wallMs, cpuMs, rssMb, ok: true });
      const [first] = usage.batches;
      // What was read after the first batch: by then code is compiled, as it is in a JVM's second run.
      const left = 1 - (first?.records ?? 0) / (form.inputRecords ?? work.inputRecords);
      if (usage.warm !== undefined && left > 0.5)
        timed.push({ ...what, start: 'warm', records: Math.round(records * left), ...usage.warm, rssMb, ok: true });
      batchMs.push(...usage.batches.map(batch => batch.processingDelayMs));
      plain.push(...compared);
    }
    publish(timed, batchMs);
  }
  say(`${name}: plain Node`);
  publish(work.plain === undefined ? plain : requireRight(name, await work.plain(settings.runs)));
  if (settings.peers && work.workload !== undefined)
    await measurePeers(work.workload, records, work, settings, publish);
}

async function runForm<D extends DataSet>(
  work: Throughput<D>,
  form: Form,
  settings: BenchmarkRun,
): Promise<{ usage: SluiceRun; compared: readonly PeerResult[] }> {
  const folder = freshFolder(work.name, form.name);
  const output = join(folder, work.output);
  const run: JobRun = {
    job: form.job,
    args: { ...form.args, output },
    workers: settings.workers,
    checkpoint: form.checkpoint ?? join(folder, 'checkpoint'),
    ...(form.options === undefined ? {} : { options: form.options }),
    ...(form.interval === undefined ? {} : { interval: form.interval }),
  };
  const usage = await runOnce(run);
  const wanted = form.inputRecords ?? work.inputRecords;
  if (usage.summary.records !== wanted) {
    throw new Error(`wrong answer: ${work.name} has ${wanted} records, ${usage.summary.records} were read`);
  }
  return { usage, compared: (await work.verify(usage, output, form)) ?? [] };
}

async function measurePeers(
  workload: Workload,
  records: number,
  { name, data }: { readonly name: string; readonly data: DataSet },
  { runs }: BenchmarkRun,
  publish: (results: readonly PeerResult[]) => void,
): Promise<void> {
  for (const peer of peers.filter(candidate => candidate.workloads.includes(workload))) {
    if (!isInstalled(peer)) {
      say(`${name}: ${peer.name} is not installed and left out (npm run bench -- --install ${peer.name})`);
      continue;
    }
    say(`${name}: ${peer.name}`);
    const work = join(workFolder(name), `peer-${peer.name}`);
    await goOn(async () => publish(await runPeer(peer, { workload, data: data.folder, records, runs, work })));
  }
}

function requireRight(name: string, results: readonly PeerResult[]): readonly PeerResult[] {
  const wrong = results.find(result => !result.ok);
  if (wrong === undefined) return results;
  throw new Error(`wrong answer: plain Node, ${wrong.form}, of ${name}`);
}

/** Runs of the same system in the same form, put together. */
function summaries(results: readonly PeerResult[], bytesOfRecord: number): ThroughputResult[] {
  const groups = new Map<string, PeerResult[]>();
  for (const result of results) {
    const key = JSON.stringify([result.system, result.form, result.start, result.threads]);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].flatMap(runs => {
    const [first] = runs;
    if (first === undefined) return [];
    const { system, form, version, start, threads, records } = first;
    const perSecond = runs.map(run => run.records / (run.wallMs / 1000));
    return {
      ...{ system, form, version, start, threads, records, runs: runs.length },
      perSecond: spread(perSecond),
      perCore: spread(perSecond.map(rate => rate / threads)),
      perCpuSecond: spread(runs.map(run => run.records / (run.cpuMs / 1000))),
      gbPerSecond: spread(runs.map(run => (run.records * bytesOfRecord) / 1e6 / run.wallMs)),
      rssMb: spread(runs.map(run => run.rssMb)),
    };
  });
}

const delays = (batchMs: readonly number[]): { p50: number; p99: number } => ({
  p50: percentile(batchMs, 0.5),
  p99: percentile(batchMs, 0.99),
});
