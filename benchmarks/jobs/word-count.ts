/** Running counts of words, as one writes it first: benchmarks/wordcount.bench.ts, with closures. */
import { arg, job, StateSpec, type State } from 'sluice';

const args = {
  input: arg.path('input', 'folder of text files'),
  output: arg.path('counts.csv', 'CSV file that `word,count` of each word that a batch has is appended to'),
};

const total = StateSpec.function((word: string, n: number | undefined, sum: State<number>) => {
  const now = (sum.getOption() ?? 0) + (n ?? 0);
  sum.update(now);
  return [word, now];
});

export default job('word-count', { args }, (ssc, { input, output }) => {
  ssc
    .textFileStream(input)
    .flatMap(line => line.split(' '))
    .map(word => [word, 1])
    .reduceByKey((a, b) => a + b)
    .mapWithState(total)
    .saveAsCsv(output, { header: false });
});
