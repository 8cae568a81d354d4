/** The smallest jobs there are, for benchmarks/batch-floor.bench.ts: one stage, two stages, two stages with state. */
import { arg, col, countIf, csv, int64, job, schema } from 'sluice';

const args = {
  rows: arg.integer(0, 'rows of a batch, at the most; 0: a folder without files'),
  kind: arg.choice(['one', 'two', 'state'], 'one', 'one stage, two, or two with state'),
  empty: arg.path('out/bench/batch-floor/empty', 'a folder without files'),
};

export default job('floor', { args }, (ssc, { rows, kind, empty }) => {
  const numbers = schema({ value: int64() });
  const stream =
    rows === 0 ? ssc.fileStream(empty, csv(numbers)) : ssc.rateStream({ rowsPerSecond: rows * 1000, seed: 7 });
  if (kind === 'one') {
    stream.filter(row => row.value < 0).foreachRDD(() => undefined);
  } else if (kind === 'two') {
    stream
      .map(row => [row.value % 10, 1])
      .reduceByKey((a, b) => a + b)
      .foreachRDD(() => undefined);
  } else {
    stream
      .groupBy('value')
      .runningAgg({ positive: countIf(col('value').ge(0)) })
      .filter(row => row.positive < 0)
      .foreachRDD(() => undefined);
  }
});
