/** Lines out of 380 MB of text that hold two letters (the D-Streams paper's Grep), written exactly once. */
import { join } from 'node:path';
import { GREP_FOR, textData } from './data/text.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { linesOf } from './harness/output.js';
import { check } from './harness/report.js';
import { measureThroughput, type Form } from './harness/throughput.js';
import { runNodeForms } from './peers/node/peer.js';

async function run(settings: BenchmarkRun): Promise<void> {
  const data = await textData(bySize(settings, 45_000_000, 50_000));
  const args = { input: join(data.folder, 'input'), letters: GREP_FOR };
  const forms: Form[] = [
    { name: 'columns', job: 'benchmarks/jobs/grep-columns.ts', args },
    { name: 'closures', job: 'benchmarks/jobs/grep.ts', args },
  ];
  await measureThroughput(
    {
      ...{ name: 'grep', workload: 'grep', data, forms, output: 'matches.txt', inputRecords: data.lines },
      verify: (_, output) => {
        const lines = [...linesOf(output)];
        check(lines.length === data.matches, `${data.matches} lines wanted, got ${lines.length}`);
        check(
          lines.every(line => line.includes(GREP_FOR)),
          'a line without the letters',
        );
      },
      plain: runs =>
        runNodeForms('text', bySize(settings, ['grep', 'grep-bytes'], ['grep']), { data: data.folder, runs }),
    },
    settings,
  );
}

export default benchmark('grep', run);
