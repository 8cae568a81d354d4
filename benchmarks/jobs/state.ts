/** Two counters for each key; writes those of keys that were touched again: benchmarks/state.bench.ts. */
import { arg, col, countIf, csv, job, schema, utf8 } from 'sluice';

const events = schema({ key: utf8(), action: utf8() });

const args = {
  input: arg.path('input', 'folder of CSV files without headers: key,action'),
  output: arg.path('touched.csv', 'CSV file that `key,a,b` is appended to'),
};

export default job('state', { args }, (ssc, { input, output }) => {
  ssc
    .fileStream(input, csv(events, { header: false }))
    .groupBy('key')
    .runningAgg({ a: countIf(col('action').eq('a')), b: countIf(col('action').eq('b')) })
    .filter(({ b }) => b > 0)
    .map(({ key, a, b }) => [key, a, b] as const)
    .saveAsCsv(output, { header: false });
});
