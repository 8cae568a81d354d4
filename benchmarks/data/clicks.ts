/**
 * The main job's events, as `jobs/generate-clicks.ts` makes them: CSV `user,action,ts` with a header, a million users of
 * whom some do most of it. The answer is each user's clicks and views; its totals are kept for those who count.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeClicks } from '../../jobs/generate-clicks.js';
import { dataSet, type DataSet } from './data-set.js';

export interface ClicksData extends DataSet {
  readonly users: number;
  readonly clicks: number;
  readonly views: number;
}

/** In the folder: `input/clicks-0000.csv` and so on. */
export const clicksData = (events: number, seed = 1): Promise<ClicksData> =>
  dataSet(`clicks-v1-${events}-${seed}`, async folder => {
    const dir = join(folder, 'input');
    const files = Math.min(40, Math.ceil(events / 5000));
    const users = Math.max(100, Math.floor(events / 10));
    await writeClicks({ dir, events, users, files, seed, startMs: 1_700_000_000_000 });
    return { records: events, ...totalsOf(dir) };
  });

function totalsOf(dir: string): Omit<ClicksData, 'folder' | 'records'> {
  const users = new Set<string>();
  const totals = { users: 0, clicks: 0, views: 0, bytes: 0 };
  for (const file of readdirSync(dir)) {
    const text = readFileSync(join(dir, file), 'latin1');
    totals.bytes += text.length;
    for (const line of text.trimEnd().split('\n').slice(1)) {
      const comma = line.indexOf(',');
      users.add(line.slice(0, comma));
      if (line.startsWith('click,', comma + 1)) totals.clicks++;
      else totals.views++;
    }
  }
  return { ...totals, users: users.size };
}
