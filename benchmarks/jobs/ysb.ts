/** Views by campaign and window of ten seconds, running: benchmarks/ysb.bench.ts, with closures. */
import { readFileSync } from 'node:fs';
import { arg, job, ndjson, schema, StateSpec, utf8, type State } from 'sluice';

const events = schema({ ad_id: utf8(), event_type: utf8(), event_time: utf8() });

const args = {
  input: arg.path('input', 'folder of NDJSON events'),
  ads: arg.path('ads.csv', 'CSV file: ad_id,campaign_id'),
  output: arg.path('views.csv', 'CSV file that `campaign,window,views` is appended to'),
};

const WINDOW_MS = 10_000;

const total = StateSpec.function((key: string, views: number | undefined, sum: State<number>) => {
  const now = (sum.getOption() ?? 0) + (views ?? 0);
  sum.update(now);
  const comma = key.indexOf(',');
  return { campaign: key.slice(0, comma), window: key.slice(comma + 1), views: now };
});

export default job('ysb', { args }, (ssc, { input, ads, output }) => {
  const campaigns = new Map(
    readFileSync(ads, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map(line => line.split(',') as [ad: string, campaign: string]),
  );
  ssc
    .fileStream(input, ndjson(events))
    .filter(event => event.event_type === 'view')
    .map(event => {
      const window = Math.floor(Number(event.event_time) / WINDOW_MS) * WINDOW_MS;
      return [`${campaigns.get(event.ad_id)},${window}`, 1];
    })
    .reduceByKey((a, b) => a + b)
    .mapWithState(total)
    .saveAsCsv(output, { header: false });
});
