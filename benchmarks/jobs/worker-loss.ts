/** Counts events by key, one line out for each event in, and ends its thread now and then: benchmarks/worker-loss.bench.ts. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { arg, job, StateSpec, type State } from 'sluice';

const args = {
  rate: arg.integer(20_000, 'events per second'),
  every: arg.duration('1s', 'how often a thread is ended'),
  marks: arg.path('marks', 'folder where each end is noted, so that it comes once'),
  output: arg.path('events.csv', 'CSV file that `key,count` is appended to, once for each event'),
};

const KEYS = 10;

const count = StateSpec.function((key: number, _: number | undefined, seen: State<number>) => {
  const now = (seen.getOption() ?? 0) + 1;
  seen.update(now);
  return [key, now] as const;
});

/** The last period that this thread looked at. */
let looked = Number.NaN;

/** Ends the thread with the first event of the second half of a period, once for each period, whichever thread it is. */
function endAt(timestamp: number, every: number, marks: string): void {
  const period = Math.floor(timestamp / every);
  if (timestamp % every < every / 2 || period === looked) return;
  looked = period;
  mkdirSync(marks, { recursive: true });
  try {
    closeSync(openSync(join(marks, String(period)), 'wx'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  process.exit(1);
}

export default job('worker-loss', { args }, (ssc, { rate, every, marks, output }) => {
  ssc
    .rateStream({ rowsPerSecond: rate, seed: 7 })
    .map(({ value, timestamp }) => {
      endAt(timestamp, every, marks);
      return [value % KEYS, timestamp];
    })
    .mapWithState(count)
    .saveAsCsv(output, { header: false });
});
