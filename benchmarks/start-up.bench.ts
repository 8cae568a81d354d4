/**
 * From process start to the first committed batch, the memory of the sample run (20,000 events), and that of a run that
 * has nothing to do: the built command line on files, with checkpoint and exactly-once output, as `npm start` runs it.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clicksData } from './data/clicks.js';
import { textData } from './data/text.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { check, goOn, report, say } from './harness/report.js';
import { freshFolder, runLive, runOnce, type JobRun } from './harness/run-sluice.js';
import { round, spread } from './harness/stats.js';
import { isInstalled, runPeer, type PeerResult } from './peers/peer.js';
import { peers } from './peers/registry.js';

const JOB = 'jobs/click-view-counts.ts';

async function run(settings: BenchmarkRun): Promise<void> {
  const events = bySize(settings, 20_000, 2000);
  const runs = bySize(settings, 10, 1);
  const data = await clicksData(events);
  const jobIn = (name: string): JobRun => {
    const folder = freshFolder('start-up', name);
    const args = { input: join(data.folder, 'input'), output: join(folder, 'out.csv') };
    return { job: JOB, args, workers: settings.workers, checkpoint: join(folder, 'checkpoint') };
  };
  say(`start-up: ${runs} times`);
  // The first run compiles the job; users pay for that once.
  if (settings.size === 'full') await firstBatchMs(jobIn('run'), events);
  const firstMs: number[] = [];
  const rssMb: number[] = [];
  for (let run = 0; run < runs; run++) {
    firstMs.push(await firstBatchMs(jobIn('run'), events));
    rssMb.push((await runOnce(jobIn('run'))).rssMb);
  }
  const idleRssMb = await idleMemory(jobIn('idle'), bySize(settings, 50, 3));
  report('start-up', {
    ...{ system: 'sluice', form: 'clicks', events, runs, firstBatchMs: spread(firstMs), sampleRssMb: spread(rssMb) },
    ...(idleRssMb === undefined ? {} : { idleRssMb: round(idleRssMb) }),
  });
  if (settings.peers) await measurePeers(settings.runs);
}

/** Other systems, from the start of their process to their first result, which needs no more than some thousand words. */
async function measurePeers(runs: number): Promise<void> {
  const { folder, records } = await textData(50_000);
  for (const peer of peers.filter(candidate => candidate.workloads.includes('wordcount') && isInstalled(candidate))) {
    say(`start-up: ${peer.name}`);
    const results: PeerResult[] = [];
    await goOn(async () => {
      for (let run = 0; run < runs; run++) {
        const work = freshFolder('start-up', `peer-${peer.name}`);
        results.push(...(await runPeer(peer, { workload: 'wordcount', data: folder, records, runs: 0, work })));
      }
    });
    for (const form of new Set(results.map(result => result.form))) {
      const times = results.flatMap(result => (result.form === form ? (result.startUpMs ?? []) : []));
      if (times.length > 0) report('start-up', { system: peer.name, form, runs, firstBatchMs: spread(times) });
    }
  }
}

/** Milliseconds until the process tells of its first committed batch. */
async function firstBatchMs(job: JobRun, events: number): Promise<number> {
  const startMs = performance.now();
  let firstMs = Number.NaN;
  let records = 0;
  await runLive(
    job,
    event => {
      if (event.kind !== 'batchCompleted') return;
      if (records === 0) firstMs = performance.now() - startMs;
      records += event.batch.records;
    },
    'once',
  );
  check(records === events, `${records} of ${events} records`);
  return firstMs;
}

/** Resident megabytes of a live run without input after some batches; undefined where the system doesn't tell. */
async function idleMemory(job: JobRun, batches: number): Promise<number | undefined> {
  const input = join(job.checkpoint, '..', 'empty');
  mkdirSync(input);
  let done = 0;
  let rssMb: number | undefined;
  await runLive({ ...job, args: { ...job.args, input }, interval: '100ms' }, (event, live) => {
    if (event.kind !== 'batchCompleted' || ++done !== batches) return;
    if (process.platform === 'linux') {
      const resident = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${live.pid}/status`, 'utf8'))?.[1];
      rssMb = Number(resident) / 1024;
    }
    live.stop();
  });
  return rssMb;
}

export default benchmark('start-up', run);
