/** Views by campaign and window of ten seconds, running, of events in Arrow files: benchmarks/ysb.bench.ts. */
import { arg, arrow, col, count, csv, job, schema, timestamp, utf8, windowStart } from 'sluice';

const events = schema({ ad_id: utf8(), event_type: utf8(), event_time: timestamp() });
const campaigns = schema({ ad_id: utf8(), campaign_id: utf8() });

const args = {
  input: arg.path('input', 'folder of Arrow streams of events'),
  ads: arg.path('ads.csv', 'CSV file: ad_id,campaign_id'),
  output: arg.path('views.csv', 'CSV file that `campaign,window,views` is appended to'),
};

export default job('ysb-arrow', { args }, (ssc, { input, ads, output }) => {
  ssc
    .fileStream(input, arrow(events))
    .where(col('event_type').eq('view'))
    .join(ssc.staticTable(ads, csv(campaigns)), 'ad_id')
    .select({ campaign: col('campaign_id'), window: windowStart(col('event_time'), '10s') })
    .groupBy('campaign', 'window')
    .runningAgg({ views: count() })
    .saveAsCsv(output, { header: false });
});
