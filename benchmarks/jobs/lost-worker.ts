/** The main job's state, and a worker that ends itself in the middle of a batch once a file says so: benchmarks/recovery.bench.ts. */
import { existsSync, rmSync } from 'node:fs';
import { arg, col, countIf, csv, job, schema, timestamp, utf8 } from 'sluice';

const events = schema({ user: utf8(), action: utf8(), ts: timestamp() });

const args = {
  input: arg.path('input', 'folder of CSV files: user,action,ts'),
  output: arg.path('counts.csv', 'CSV file that the counts are appended to'),
  flag: arg.path('flag', 'file that ends the worker which sees it first'),
};

export default job('lost-worker', { args }, (ssc, { input, output, flag }) => {
  ssc
    .fileStream(input, csv(events))
    .groupBy('user')
    .runningAgg({ clicks: countIf(col('action').eq('click')), views: countIf(col('action').eq('view')) })
    .mapPartitions(rows => {
      if (existsSync(flag)) {
        rmSync(flag, { force: true });
        // Of a worker it ends the thread.
        process.exit(1);
      }
      return rows;
    })
    .saveAsCsv(output);
});
