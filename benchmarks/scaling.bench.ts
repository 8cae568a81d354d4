/**
 * The same work on 1 worker, 2 and so on up to one for each core, on ysb and wordcount: wall time, and how many times as
 * fast as one worker; and the same of what is read after the first batch, by when the workers have loaded their code,
 * which is most of what so short a run does not do on all of them at once. Says something only on a machine that has
 * nothing else to do.
 */
import { join } from 'node:path';
import { textData, textExpected } from './data/text.js';
import { ysbData, ysbExpected } from './data/ysb.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { checkCounts, lastCounts } from './harness/output.js';
import { report, say } from './harness/report.js';
import { freshFolder, runOnce } from './harness/run-sluice.js';
import { round, spread } from './harness/stats.js';

interface Work {
  readonly name: string;
  readonly job: string;
  readonly args: { readonly [name: string]: string };
  readonly records: number;
  readonly expected: ReadonlyMap<string, number>;
}

async function run(settings: BenchmarkRun): Promise<void> {
  const ysb = await ysbData(bySize(settings, 4_000_000, 20_000));
  const text = await textData(bySize(settings, 45_000_000, 50_000));
  const works: readonly Work[] = [
    {
      ...{ name: 'ysb', job: 'benchmarks/jobs/ysb-columns.ts', records: ysb.records, expected: ysbExpected(ysb) },
      args: { input: join(ysb.folder, 'input'), ads: join(ysb.folder, 'ads.csv') },
    },
    {
      ...{ name: 'wordcount', job: 'benchmarks/jobs/word-count-columns.ts', records: text.records },
      expected: textExpected(text),
      args: { input: join(text.folder, 'input') },
    },
  ];
  for (const work of bySize(settings, works, works.slice(0, 1))) await measure(work, settings);
}

async function measure(work: Work, settings: BenchmarkRun): Promise<void> {
  let oneWorkerMs = Number.NaN;
  let oneWorkerWarm = Number.NaN;
  for (let workers = 1; workers <= bySize(settings, settings.workers, 1); workers++) {
    say(`scaling: ${work.name}, ${workers} of ${settings.workers} workers`);
    const wallMs: number[] = [];
    const warmPerSecond: number[] = [];
    // The first run at each width warms up and isn't counted.
    for (let run = bySize(settings, -1, 0); run < settings.runs; run++) {
      const folder = freshFolder('scaling', work.name);
      const output = join(folder, 'output.csv');
      const checkpoint = join(folder, 'checkpoint');
      const done = await runOnce({ job: work.job, args: { ...work.args, output }, workers, checkpoint });
      checkCounts(lastCounts(output), work.expected);
      if (run < 0) continue;
      wallMs.push(done.wallMs);
      const left = work.records * (1 - (done.batches[0]?.records ?? 0) / done.summary.records);
      if (done.warm !== undefined) warmPerSecond.push((left * 1000) / done.warm.wallMs);
    }
    const took = spread(wallMs);
    const warm = warmPerSecond.length === 0 ? undefined : spread(warmPerSecond);
    if (workers === 1) {
      oneWorkerMs = took.median;
      oneWorkerWarm = warm?.median ?? Number.NaN;
    }
    const timesOne = round(oneWorkerMs / took.median);
    report('scaling', {
      ...{ system: 'sluice', work: work.name, records: work.records, workers, wallMs: took, timesOne },
      ...(warm && { warmPerSecond: warm, warmTimesOne: round(warm.median / oneWorkerWarm) }),
    });
  }
}

export default benchmark('scaling', run);
