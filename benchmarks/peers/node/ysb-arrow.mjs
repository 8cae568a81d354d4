// Views by campaign and window of ten seconds of events in Arrow files, as one loop. node ysb-arrow.mjs DATA FORM
//   get           apache-arrow's vectors, value by value
//   typed arrays  offsets and values of its buffers, texts cut from one string a record batch
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { filesIn, measure } from './plain.mjs';

const [data, form] = process.argv.slice(2);
const campaigns = new Map(
  readFileSync(join(data, 'ads.csv'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map(line => line.split(',')),
);
const counts = new Map();
let records = 0;

function add(ad, time) {
  const key = `${campaigns.get(ad)},${Math.floor(time / 10_000) * 10_000}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function byValue(batch) {
  const [ads, types, times] = ['ad_id', 'event_type', 'event_time'].map(name => batch.getChild(name));
  for (let row = 0; row < batch.numRows; row++) {
    if (types.get(row) === 'view') add(ads.get(row), Number(times.get(row)));
  }
}

function byBuffer(batch) {
  const [ads, types, times] = ['ad_id', 'event_type', 'event_time'].map(name => batch.getChild(name).data[0]);
  const [adText, typeText] = [ads, types].map(({ values }) =>
    Buffer.from(values.buffer, values.byteOffset, values.length).latin1Slice(),
  );
  for (let row = 0; row < batch.numRows; row++) {
    const at = types.valueOffsets[row];
    if (types.valueOffsets[row + 1] - at !== 4 || !typeText.startsWith('view', at)) continue;
    add(adText.slice(ads.valueOffsets[row], ads.valueOffsets[row + 1]), Number(times.values[row]));
  }
}

const readers = { get: byValue, 'typed arrays': byBuffer };

await measure(form, async () => {
  for (const file of filesIn(join(data, 'input'))) {
    for (const batch of tableFromIPC(readFileSync(file)).batches) {
      records += batch.numRows;
      readers[form](batch);
    }
  }
  const finish = () => {
    const got = [...counts].map(([key, n]) => `${key},${n}\n`).sort();
    return got.join('') === readFileSync(join(data, 'expected.csv'), 'utf8');
  };
  return { records, finish };
});
