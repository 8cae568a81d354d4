/** The same counts of events that are made in the process instead of read: benchmarks/ysb.bench.ts. */
import { arg, job, StateSpec, type State } from 'sluice';

const args = {
  events: arg.integer(1000, 'how many events'),
  output: arg.path('views.csv', 'CSV file that `campaign,window,views` is appended to'),
};

const total = StateSpec.function((key: string, views: number | undefined, sum: State<number>) => {
  const now = (sum.getOption() ?? 0) + (views ?? 0);
  sum.update(now);
  const comma = key.indexOf(',');
  return { campaign: key.slice(0, comma), window: key.slice(comma + 1), views: now };
});

/** An event is drawn from one number: which of 1000 ads, ten to a campaign; what was done with it; which of 20 windows. */
export default job('ysb-generated', { args }, (ssc, { events, output }) => {
  ssc
    .rateStream({ rowsPerSecond: 1_000_000, seed: 7, total: events })
    .filter(({ value }) => Math.floor(value / 1000) % 3 === 0)
    .map(({ value }) => [`${Math.floor((value % 1000) / 10)},${Math.floor(value / 3000) % 20}`, 1])
    .reduceByKey((a, b) => a + b)
    .mapWithState(total)
    .saveAsCsv(output, { header: false });
});
