/** The main job, `jobs/click-view-counts.ts`, with its sentences made of columns too: benchmarks/clicks.bench.ts. */
import { arg, col, concat, countIf, csv, job, schema, timestamp, utf8 } from 'sluice';

const events = schema({ user: utf8(), action: utf8(), ts: timestamp() });

const args = {
  input: arg.path('input', 'folder of CSV files: user,action,ts'),
  output: arg.path('counts.csv', 'CSV file that the sentences are appended to'),
};

const text = (name: 'clicks' | 'views') => col(name).cast('utf8');

export default job('clicks-columns', { args }, (ssc, { input, output }) => {
  ssc
    .fileStream(input, csv(events))
    .groupBy('user')
    .runningAgg({ clicks: countIf(col('action').eq('click')), views: countIf(col('action').eq('view')) })
    .select({
      sentence: concat(
        'User ',
        col('user'),
        ' has clicked ',
        text('clicks'),
        ' times and viewed ',
        text('views'),
        ' times.',
      ),
    })
    .saveAsCsv(output, { header: false });
});
