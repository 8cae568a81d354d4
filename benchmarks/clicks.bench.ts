/**
 * The main job on 10 M events of about a million users, state, checkpoint and exactly-once output on, against plain
 * scripts that write the same sentences at the same moments; and without a checkpoint, for what that costs. `columns` is `jobs/click-view-counts.ts` as it lies there.
 */
import { join } from 'node:path';
import { clicksData } from './data/clicks.js';
import { benchmark, bySize, type BenchmarkRun } from './harness/benchmark.js';
import { digest } from './harness/output.js';
import { check } from './harness/report.js';
import { measureThroughput, type Form } from './harness/throughput.js';
import { runNodeOnce } from './peers/node/peer.js';
import type { PeerResult } from './peers/peer.js';

async function run(settings: BenchmarkRun): Promise<void> {
  const data = await clicksData(bySize(settings, 10_000_000, 20_000));
  const args = { input: join(data.folder, 'input') };
  const forms: Form[] = [
    { name: 'columns', job: 'benchmarks/jobs/clicks-columns.ts', args },
    { name: 'main job', job: 'jobs/click-view-counts.ts', args },
    { name: 'main job without checkpoint', job: 'jobs/click-view-counts.ts', args, checkpoint: 'none' },
    { name: 'closures', job: 'benchmarks/jobs/clicks.ts', args },
  ];
  await measureThroughput(
    {
      ...{ name: 'clicks', workload: 'clicks', data, forms, output: 'counts.csv', inputRecords: data.records },
      verify: async ({ batches }, output, form) => {
        const ours = digest(output);
        const sizes = batches.map(batch => batch.records).join(',');
        const results: PeerResult[] = [];
        for (const plain of form.name === 'columns'
          ? bySize(settings, ['readline', 'chunks'], ['chunks'])
          : ['chunks']) {
          results.push(...(await runNodeOnce('clicks', [data.folder, plain, `${output}.plain`, sizes])));
          const theirs = digest(`${output}.plain`);
          check(
            ours.lines === theirs.lines && ours.sum === theirs.sum,
            `Sluice wrote ${JSON.stringify(ours)}, the plain script ${JSON.stringify(theirs)}`,
          );
        }
        return results;
      },
    },
    settings,
  );
}

export default benchmark('clicks', run);
