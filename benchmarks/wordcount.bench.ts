/**
 * Running counts of 45 M words, Zipf over 100,000, in lines of ten (the D-Streams paper's WordCount): each batch writes
 * the new count of every word it has; state, checkpoint and exactly-once output on. `closures` splits lines as everyone
 * does first; `words` lets the decoder cut them; `columns` counts them where they lie.
 */
import { join } from 'node:path';
import { textData, textExpected } from './data/text.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { checkCounts, lastCounts } from './harness/output.js';
import { measureThroughput, type Form } from './harness/throughput.js';
import { runNodeForms } from './peers/node/peer.js';

const JOB = 'benchmarks/jobs/word-count.ts';

async function run(settings: BenchmarkRun): Promise<void> {
  const data = await textData(bySize(settings, 45_000_000, 50_000));
  const input = join(data.folder, 'input');
  const expected = textExpected(data);
  const form = (name: string, split: string): Form => ({ name, job: JOB, args: { input, split } });
  const columns: Form = { name: 'columns', job: 'benchmarks/jobs/word-count-columns.ts', args: { input } };
  const verify = (_: unknown, output: string): void => checkCounts(lastCounts(output), expected);
  const common = { name: 'wordcount', data, output: 'counts.csv', countedRecords: data.records, verify } as const;
  await measureThroughput(
    { ...common, forms: [columns, form('words', 'decoder')], inputRecords: data.records, plain: async () => [] },
    { ...settings, peers: false },
  );
  await measureThroughput(
    {
      ...{ ...common, workload: 'wordcount', forms: [form('closures', 'closure')], inputRecords: data.lines },
      plain: runs =>
        runNodeForms('text', bySize(settings, ['words', 'words-readline'], ['words']), { data: data.folder, runs }),
    },
    settings,
  );
}

export default benchmark('wordcount', run);
