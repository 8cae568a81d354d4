/** Running counts of words by columns: benchmarks/wordcount.bench.ts. */
import { arg, count, job, words } from 'sluice';

const args = {
  input: arg.path('input', 'folder of text files'),
  output: arg.path('counts.csv', 'CSV file that `word,n` of each word that a batch has is appended to'),
};

export default job('word-count-columns', { args }, (ssc, { input, output }) => {
  ssc
    .fileStream(input, words({ column: 'word' }))
    .groupBy('word')
    .runningAgg({ n: count() })
    .saveAsCsv(output, { header: false });
});
