/** Running counts of words: benchmarks/wordcount.bench.ts, as columns. */
import { arg, count, job, words } from 'sluice';

const args = {
  input: arg.path('input', 'folder of text files'),
  output: arg.path('counts.csv', 'CSV file that `word,count` of each word that a batch has is appended to'),
};

export default job('word-count', { args }, (ssc, { input, output }) => {
  ssc
    .fileStream(input, words({ column: 'word' }))
    .groupBy('word')
    .runningAgg({ n: count() })
    .saveAsCsv(output, { header: false });
});
