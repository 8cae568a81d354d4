/** The ten most frequent words of the last batches, in every batch: benchmarks/top-k.bench.ts, with closures. */
import { arg, job } from 'sluice';

const args = {
  input: arg.path('input', 'folder of text files'),
  output: arg.path('top.csv', 'CSV file that `rank,word,count` is appended to'),
  window: arg.duration('3h', 'time that counts'),
};

const TOP = 10;
type Count = readonly [word: string, count: number];

/** Of equal counts the words in order of the alphabet. */
const isBefore = ([a, n]: Count, [b, m]: Count): boolean => n > m || (n === m && a < b);

/** One pass that keeps the ten largest in order: nothing is sorted but these. */
function largest(counts: Iterable<Count>): Count[] {
  const top: Count[] = [];
  for (const count of counts) {
    const last = top[TOP - 1];
    if (last !== undefined && !isBefore(count, last)) continue;
    let at = Math.min(top.length, TOP - 1);
    for (; at > 0 && isBefore(count, top[at - 1] as Count); at--) top[at] = top[at - 1] as Count;
    top[at] = count;
  }
  return top;
}

export default job('top-k', { args }, (ssc, { input, output, window }) => {
  ssc
    .textFileStream(input)
    .flatMap(line => line.split(' '))
    .map(word => [word, 1])
    .reduceByKeyAndWindow(
      (a, b) => a + b,
      (sum, leaving) => sum - leaving,
      window,
      undefined,
      { filter: ([, count]) => count > 0 },
    )
    .mapPartitions(largest)
    .repartition(1)
    .mapPartitions(counts => largest(counts).map(([word, count], i) => [i + 1, word, count] as const))
    .saveAsCsv(output, { header: false });
});
