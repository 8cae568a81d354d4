/** Counts events by key, one line out for each event in: benchmarks/latency.bench.ts. */
import { arg, job, StateSpec, type State } from 'sluice';

const args = {
  rate: arg.integer(10_000, 'events per second'),
  output: arg.path('events.csv', 'CSV file that `key,count,created` is appended to, once for each event'),
};

const KEYS = 10;

const count = StateSpec.function((key: number, created: number | undefined, seen: State<number>) => {
  const now = (seen.getOption() ?? 0) + 1;
  seen.update(now);
  return [key, now, created ?? 0] as const;
});

export default job('latency', { args }, (ssc, { rate, output }) => {
  ssc
    .rateStream({ rowsPerSecond: rate, seed: 7 })
    .map(({ value, timestamp }) => [value % KEYS, timestamp])
    .mapWithState(count)
    .saveAsCsv(output, { header: false });
});
