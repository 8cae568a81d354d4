/**
 * The Yahoo Streaming Benchmark: of 4 M NDJSON events of 240 bytes, those that are views, joined to their campaign and
 * counted by campaign and window of ten seconds, running; state, checkpoint and exactly-once output on. The variant `arrow`
 * reads the same events from Arrow files: what is left when nothing is parsed. The variant `generated` makes its events in
 * the process: what is left when nothing is read either.
 */
import { join } from 'node:path';
import { ysbData, ysbExpected } from './data/ysb.js';
import { ysbArrowData } from './data/ysb-arrow.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { checkCounts, lastCounts } from './harness/output.js';
import { check } from './harness/report.js';
import { measureThroughput, type Form } from './harness/throughput.js';
import { runNodeForms } from './peers/node/peer.js';

const GENERATED_CAMPAIGNS = 100;
const GENERATED_WINDOWS = 20;

async function run(settings: BenchmarkRun): Promise<void> {
  const events = bySize(settings, 4_000_000, 20_000);
  const data = await ysbData(events);
  const ads = join(data.folder, 'ads.csv');
  const expected = ysbExpected(data);
  const forms: Form[] = [
    { name: 'columns', job: 'benchmarks/jobs/ysb-columns.ts', args: { input: join(data.folder, 'input'), ads } },
    { name: 'closures', job: 'benchmarks/jobs/ysb.ts', args: { input: join(data.folder, 'input'), ads } },
  ];
  await measureThroughput(
    {
      ...{ name: 'ysb', workload: 'ysb', data, forms, output: 'views.csv', inputRecords: events },
      verify: (_, output) => checkCounts(lastCounts(output), expected),
      plain: runs =>
        runNodeForms('ysb', bySize(settings, ['JSON.parse', 'chunks', 'indexOf'], ['indexOf']), {
          data: data.folder,
          runs,
        }),
    },
    settings,
  );
  const arrow = await ysbArrowData(events);
  const batches: Form = {
    ...{ name: 'Arrow batches', job: 'benchmarks/jobs/ysb-arrow.ts' },
    args: { input: join(arrow.folder, 'input'), ads: join(arrow.folder, 'ads.csv') },
  };
  await measureThroughput(
    {
      ...{ name: 'ysb-arrow', data: arrow, forms: [batches], output: 'views.csv', inputRecords: events },
      verify: (_, output) => checkCounts(lastCounts(output), expected),
      plain: runs =>
        runNodeForms('ysb-arrow', bySize(settings, ['get', 'typed arrays'], ['typed arrays']), {
          data: arrow.folder,
          runs,
        }),
    },
    settings,
  );
  const generated: Form = {
    ...{ name: 'generated', job: 'benchmarks/jobs/ysb-generated.ts', args: { events } },
    options: { maxBatchRecords: Math.ceil(events / 8) },
  };
  await measureThroughput(
    {
      ...{ name: 'ysb-generated', data: { ...data, bytes: 0 }, forms: [generated], output: 'views.csv' },
      inputRecords: events,
      verify: (_, output) => checkGenerated(output, events),
    },
    settings,
  );
}

/** The generator draws evenly: a third are views, and no count is far from its share. */
function checkGenerated(output: string, events: number): void {
  const counts = lastCounts(output);
  const views = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const share = events / 3;
  check(Math.abs(views - share) < 5 * Math.sqrt(share), `${views} views wanted to be about ${share}`);
  check(counts.size <= GENERATED_CAMPAIGNS * GENERATED_WINDOWS, `${counts.size} campaigns and windows`);
}

export default benchmark('ysb', run);
