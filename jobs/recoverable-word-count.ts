/**
 * Counts the words of each batch, and is a program of its own: its first start makes a new context, each later one goes
 * on from the checkpoint, which says what job that was and with which arguments. Kill it whenever you like: no word is
 * counted twice or left out. What is given at a later start is not looked at: it is the checkpoint that counts.
 *
 * In:   text files in a folder; new files are picked up as they arrive.
 * Out:  a CSV file, a line with word and count for each word of a batch, each exactly once.
 * Run:  npx tsx jobs/recoverable-word-count.ts CHECKPOINT FOLDER FILE.csv      Ctrl-C ends it after the batch under way
 *       (in this repository npx tsx --tsconfig .build/tsconfig.json ..., which takes sluice as it is built)
 * Or:   npx sluice run jobs/recoverable-word-count.ts --arg input=FOLDER --arg output=FILE.csv
 */
import { arg, isMain, job, JobContext, words } from 'sluice';

const args = {
  input: arg.path('out/texts', 'folder of text files'),
  output: arg.path('out/recoverable-word-count.csv', 'CSV file that the counts are appended to'),
};

export default job('recoverable-word-count', { args }, (ssc, { input, output }) => {
  ssc.fileStream(input, words()).countByValue().saveAsCsv(output);
});

// Workers and the command line load this file for the job alone; only as a program it does this too.
if (isMain(import.meta.url)) {
  const [, , checkpoint = 'out/recoverable-word-count', input = 'out/texts', output = 'out/word-counts.csv'] =
    process.argv;
  const context = await JobContext.getOrCreate(checkpoint, () => {
    console.log('creating a new context');
    return JobContext.create(import.meta.url, { checkpoint, args: { input, output } });
  });
  process.once('SIGINT', () => void context.stop({ graceful: true }));
  await context.start();
  await context.awaitTermination();
}
