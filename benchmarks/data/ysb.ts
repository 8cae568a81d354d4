/**
 * The Yahoo Streaming Benchmark's events: what people did with advertisements, 240 bytes of JSON each, 20 a millisecond.
 * 100 campaigns have 10 ads each; one event in three is a view. The answer is views by campaign and window of 10 s.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataSet, writeParts, type DataSet } from './data-set.js';
import { pick, randomNumbers, uuid } from './random.js';

export interface YsbData extends DataSet {
  readonly views: number;
}

const START_MS = 1_700_000_000_000;
const EVENTS_PER_MS = 20;
export const WINDOW_MS = 10_000;
const CAMPAIGNS = 100;
const ADS_PER_CAMPAIGN = 10;
const AD_TYPES = ['banner', 'modal', 'sponsored-search', 'mail', 'mobile'];
const EVENT_TYPES = ['view', 'click', 'purchase'];

/**
 * In the folder: `input/part-0000.json` ..., `ads.csv` (`ad_id,campaign_id`, with a header), and `expected.csv`
 * (`campaign,start of window in epoch ms,views`, sorted, without).
 */
export const ysbData = (events: number, seed = 1): Promise<YsbData> =>
  dataSet(`ysb-v1-${events}-${seed}`, folder => make(folder, events, seed));

function make(folder: string, events: number, seed: number): Omit<YsbData, 'folder'> {
  const random = randomNumbers(seed);
  const campaigns = Array.from({ length: CAMPAIGNS }, () => uuid(random));
  const ads = campaigns.flatMap(campaign =>
    Array.from({ length: ADS_PER_CAMPAIGN }, () => ({ id: uuid(random), campaign })),
  );
  const users = Array.from({ length: 1000 }, () => uuid(random));
  const pages = Array.from({ length: 1000 }, () => uuid(random));
  const counts = new Map<string, number>();
  let views = 0;
  const files = Math.min(40, Math.ceil(events / 5000));
  const bytes = writeParts({ folder: join(folder, 'input'), extension: '.json', files, records: events }, i => {
    const time = START_MS + Math.floor(i / EVENTS_PER_MS);
    const ad = pick(random, ads);
    const type = pick(random, EVENT_TYPES);
    if (type === 'view') {
      const key = `${ad.campaign},${Math.floor(time / WINDOW_MS) * WINDOW_MS}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      views++;
    }
    return (
      `{"user_id":"${pick(random, users)}","page_id":"${pick(random, pages)}","ad_id":"${ad.id}",` +
      `"ad_type":"${pick(random, AD_TYPES)}","event_type":"${type}","event_time":"${time}","ip_address":"1.2.3.4"}\n`
    );
  });
  const lines = (of: Iterable<string>): string => `${[...of].join('\n')}\n`;
  writeFileSync(
    join(folder, 'ads.csv'),
    `ad_id,campaign_id\n${lines(ads.map(({ id, campaign }) => `${id},${campaign}`))}`,
  );
  writeFileSync(join(folder, 'expected.csv'), lines([...counts].map(([key, n]) => `${key},${n}`).sort()));
  return { records: events, bytes, views };
}

/** `campaign,window` -> views, as it must come out. */
export function ysbExpected({ folder }: YsbData): Map<string, number> {
  const lines = readFileSync(join(folder, 'expected.csv'), 'utf8').trimEnd().split('\n');
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(',')), Number(line.slice(line.lastIndexOf(',') + 1))]),
  );
}
