/**
 * Running counts of 45 M words, Zipf over 100,000, in lines of ten (the D-Streams paper's WordCount): each batch writes
 * the new count of every word it has; state, checkpoint and exactly-once output on. `closures` splits lines as everyone
 * does first; by `columns` the decoder cuts them.
 */
import { join } from 'node:path';
import { textData, textExpected } from './data/text.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { checkCounts, lastCounts } from './harness/output.js';
import { measureThroughput, type Form } from './harness/throughput.js';
import { runNodeForms } from './peers/node/peer.js';

const JOB = 'benchmarks/jobs/word-count.ts';
const COLUMNS = 'benchmarks/jobs/word-count-columns.ts';

async function run(settings: BenchmarkRun): Promise<void> {
  const data = await textData(bySize(settings, 45_000_000, 50_000));
  const args = { input: join(data.folder, 'input') };
  const expected = textExpected(data);
  const forms: Form[] = [
    { name: 'columns', job: COLUMNS, args, inputRecords: data.records },
    { name: 'closures', job: JOB, args },
  ];
  await measureThroughput(
    {
      ...{ name: 'wordcount', workload: 'wordcount', data, forms, output: 'counts.csv' },
      ...{ inputRecords: data.lines, countedRecords: data.records },
      verify: (_, output) => checkCounts(lastCounts(output), expected),
      plain: runs =>
        runNodeForms('text', bySize(settings, ['words', 'words-readline'], ['words']), { data: data.folder, runs }),
    },
    settings,
  );
}

export default benchmark('wordcount', run);
