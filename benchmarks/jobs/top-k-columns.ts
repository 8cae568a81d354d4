/** The ten most frequent words of the last batches, in every batch: benchmarks/top-k.bench.ts, as columns. */
import { arg, col, count, desc, job, split, sum, text } from 'sluice';

const args = {
  input: arg.path('input', 'folder of text files'),
  output: arg.path('top.csv', 'CSV file that `rank,word,count` is appended to'),
  window: arg.duration('3h', 'time that counts'),
};

const TOP = 10;

export default job('top-k', { args }, (ssc, { input, output, window }) => {
  ssc
    .fileStream(input, text({ column: 'line' }))
    .explode('word', split(col('line'), ' '))
    .groupBy('word')
    .agg({ count: count() })
    .window(window)
    .groupBy('word')
    .agg({ total: sum('count') })
    // Of equal counts the words in order of the alphabet.
    .orderBy(desc('total'), 'word')
    .limit(TOP)
    .mapPartitions(function* (rows) {
      let rank = 1;
      for (const { word, total } of rows) yield [rank++, word, total] as const;
    })
    .saveAsCsv(output, { header: false });
});
