/** Lines that hold some letters: benchmarks/grep.bench.ts, with a closure. */
import { arg, job } from 'sluice';

const args = {
  input: arg.path('input', 'folder of text files'),
  output: arg.path('matches.txt', 'text file that the lines are appended to'),
  letters: arg.string('zq', 'what to look for'),
};

export default job('grep', { args }, (ssc, { input, output, letters }) => {
  ssc
    .textFileStream(input)
    .filter(line => line.includes(letters))
    .saveAsText(output);
});
