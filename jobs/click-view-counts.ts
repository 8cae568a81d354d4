/**
 * Counts what each user clicked and viewed, over everything that ever came in, and writes one sentence for every user
 * whose numbers changed in a batch. The counts are state: they survive a restart, and a kill, and so does the output.
 *
 * In:   CSV files with the header `user,action,ts`, in a folder; new files are picked up as they arrive.
 * Out:  a CSV file of sentences, each exactly once.
 * Run:  npx sluice run jobs/click-view-counts.ts --arg input=FOLDER --arg output=FILE.csv
 */
import { arg, col, countIf, csv, job, schema, timestamp, utf8 } from 'sluice';

const events = schema({ user: utf8(), action: utf8(), ts: timestamp() });

const args = {
  input: arg.path('out/clicks', 'folder of CSV files: user,action,ts'),
  output: arg.path('out/click-view-counts.csv', 'CSV file that the sentences are appended to'),
};

export default job('click-view-counts', { args }, (ssc, { input, output }) => {
  ssc
    .fileStream(input, csv(events))
    .groupBy('user')
    .runningAgg({ clicks: countIf(col('action').eq('click')), views: countIf(col('action').eq('view')) })
    .map(({ user, clicks, views }) => `User ${user} has clicked ${clicks} times and viewed ${views} times.`)
    .saveAsCsv(output);
});
