/** Lines that hold some letters: benchmarks/grep.bench.ts, as columns. */
import { arg, col, job, text } from 'sluice';

const args = {
  input: arg.path('input', 'folder of text files'),
  output: arg.path('matches.txt', 'text file that the lines are appended to'),
  letters: arg.string('zq', 'what to look for'),
};

export default job('grep', { args }, (ssc, { input, output, letters }) => {
  ssc
    .fileStream(input, text({ column: 'line' }))
    .where(col('line').contains(letters))
    .map(({ line }) => line)
    .saveAsText(output);
});
