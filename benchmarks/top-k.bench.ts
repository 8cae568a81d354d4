/**
 * The ten most frequent words of the last three batches, after every batch (the D-Streams paper's TopK). With closures
 * totals of the window are kept, a batch adds what came and takes back what left; as columns the counts of each batch are
 * kept, and added up for each window. Compared line for line with a plain loop over the
 * same batches.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textData } from './data/text.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { check } from './harness/report.js';
import { measureThroughput, type Form } from './harness/throughput.js';
import { runNodeOnce } from './peers/node/peer.js';

const WINDOW_BATCHES = 3;

async function run(settings: BenchmarkRun): Promise<void> {
  const data = await textData(bySize(settings, 45_000_000, 50_000));
  const form = {
    args: { input: join(data.folder, 'input'), window: `${WINDOW_BATCHES}h` },
    // Batches follow each other at once; their times lie an interval apart, so a window is a number of batches.
    interval: '1h',
    options: { maxBatchBytes: Math.max(65_536, Math.ceil(data.bytes / 12)) },
  };
  const forms: Form[] = [
    { name: 'columns', job: 'benchmarks/jobs/top-k-columns.ts', ...form },
    { name: 'closures', job: 'benchmarks/jobs/top-k.ts', ...form },
  ];
  await measureThroughput(
    {
      ...{
        name: 'top-k',
        data,
        forms,
        output: 'top.csv',
        inputRecords: data.lines,
        countedRecords: data.records,
      },
      verify: async ({ batches }, output) => {
        const plainFile = `${output}.plain`;
        const sizes = batches.map(batch => batch.records).join(',');
        const plain = await runNodeOnce('top-k', [data.folder, plainFile, String(WINDOW_BATCHES), sizes]);
        check(batches.length > WINDOW_BATCHES, `${batches.length} batches, too few for one to leave the window`);
        check(readFileSync(output, 'utf8') === readFileSync(plainFile, 'utf8'), `${output} and ${plainFile} differ`);
        return plain;
      },
    },
    settings,
  );
}

export default benchmark('top-k', run);
