/** The main job, `jobs/click-view-counts.ts`, with closures instead of columns: benchmarks/clicks.bench.ts. */
import { arg, csv, job, schema, StateSpec, timestamp, utf8, type State } from 'sluice';

const events = schema({ user: utf8(), action: utf8(), ts: timestamp() });

const args = {
  input: arg.path('input', 'folder of CSV files: user,action,ts'),
  output: arg.path('counts.csv', 'CSV file that the sentences are appended to'),
};

type Counts = readonly [clicks: number, views: number];

const total = StateSpec.function((user: string, added: Counts | undefined, sum: State<Counts>) => {
  const [clicks, views] = sum.getOption() ?? [0, 0];
  const [moreClicks, moreViews] = added ?? [0, 0];
  const now: Counts = [clicks + moreClicks, views + moreViews];
  sum.update(now);
  return `User ${user} has clicked ${now[0]} times and viewed ${now[1]} times.`;
});

export default job('clicks', { args }, (ssc, { input, output }) => {
  ssc
    .fileStream(input, csv(events))
    .map(({ user, action }): [string, Counts] => [user, action === 'click' ? [1, 0] : [0, action === 'view' ? 1 : 0]])
    .reduceByKey((a, b): Counts => [a[0] + b[0], a[1] + b[1]])
    .mapWithState(total)
    .saveAsCsv(output);
});
