/** The smallest jobs there are, for benchmarks/batch-floor.bench.ts: one stage without state, or two stages with it. */
import { arg, countIf, col, csv, int64, job, schema } from 'sluice';

const args = {
  rows: arg.integer(0, 'rows for each millisecond'),
  stages: arg.integer(1, 'one stage, or two with state'),
  empty: arg.path('out/bench/batch-floor/empty', 'a folder without files'),
};

export default job('floor', { args }, (ssc, { rows, stages, empty }) => {
  const numbers = schema({ value: int64() });
  const stream =
    rows === 0 ? ssc.fileStream(empty, csv(numbers)) : ssc.rateStream({ rowsPerSecond: rows * 1000, seed: 7 });
  if (stages === 1) stream.filter(row => row.value < 0).foreachRDD(() => undefined);
  else
    stream
      .groupBy('value')
      .runningAgg({ odd: countIf(col('value').ge(0)) })
      .filter(row => row.odd < 0)
      .foreachRDD(() => undefined);
});
