/** Counts by key over a window, put together to one number a batch: benchmarks/windows.bench.ts. */
import { arg, job } from 'sluice';

const args = {
  rows: arg.integer(1000, 'rows in all'),
  keys: arg.integer(1000, 'keys that they are spread over'),
  window: arg.duration('10m', 'window'),
  totals: arg.boolean(true, 'keep totals, with the inverse function, instead of going over the window each time'),
  output: arg.path('sums.csv', 'CSV file that the rows in the window are appended to, a line for each batch'),
};

const add = (a: number, b: number): number => a + b;

export default job('windows', { args }, (ssc, { rows, keys, window, totals, output }) => {
  const pairs = ssc
    .rateStream({ rowsPerSecond: 1_000_000, seed: 7, total: rows })
    .map(({ value }): [number, number] => [value % keys, 1]);
  const counts = totals
    ? pairs.reduceByKeyAndWindow(add, (sum, leaving) => sum - leaving, window)
    : pairs.reduceByKeyAndWindow(add, window);
  counts
    .map(([, n]) => n)
    .reduce(add)
    .saveAsCsv(output, { header: false });
});
