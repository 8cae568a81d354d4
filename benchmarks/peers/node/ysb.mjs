// Views by campaign and window of ten seconds as one loop. node ysb.mjs DATA FORM
//   JSON.parse   readline, JSON.parse, a Map
//   chunks       lines cut from large chunks, JSON.parse, a Map
//   indexOf      three fields looked up in the chunk's string, no JSON.parse; they must come in this order
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chunksOf, filesIn, forLines, forReadlines, measure } from './plain.mjs';

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

function parse(line) {
  records++;
  const event = JSON.parse(line);
  if (event.event_type === 'view') add(event.ad_id, Number(event.event_time));
}

const AD = '"ad_id":"';
const TYPE = '"event_type":"';
const TIME = '"event_time":"';

function lookUp(file) {
  let rest = '';
  for (const chunk of chunksOf(file)) {
    const text = rest + chunk.latin1Slice(0, chunk.length);
    let at = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
      records++;
      const type = text.indexOf(TYPE, at) + TYPE.length;
      if (text.startsWith('view"', type)) {
        const ad = text.indexOf(AD, at) + AD.length;
        const time = text.indexOf(TIME, type) + TIME.length;
        add(text.slice(ad, text.indexOf('"', ad)), Number(text.slice(time, text.indexOf('"', time))));
      }
      at = end + 1;
    }
    rest = text.slice(at);
  }
}

const readers = {
  'JSON.parse': file => forReadlines(file, parse),
  chunks: file => forLines(file, parse),
  indexOf: lookUp,
};

await measure(form, async () => {
  for (const file of filesIn(join(data, 'input'))) await readers[form](file);
  const finish = () => {
    const got = [...counts].map(([key, n]) => `${key},${n}\n`).sort();
    return got.join('') === readFileSync(join(data, 'expected.csv'), 'utf8');
  };
  return { records, finish };
});
