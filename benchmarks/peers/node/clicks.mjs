// The main job as one loop: a Map of counts, and after the records of each batch one sentence for every user whose numbers
// changed. No state survives, nothing is exactly once. Who runs it compares what it writes.
// node clicks.mjs DATA FORM OUTPUT_FILE RECORDS_OF_BATCH,RECORDS_OF_BATCH,...
//   readline   readline, split: what a careful person writes
//   chunks     lines cut from large chunks, no split: the fastest of its kind
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { filesIn, forLines, forReadlines, measure } from './plain.mjs';

const [data, form, output, sizes] = process.argv.slice(2);
const batchSizes = sizes.split(',').map(Number);
const WRITE_CHARACTERS = 1 << 16;
const out = createWriteStream(output);
const users = new Map();
let changed = new Set();
let batch = 0;
let inBatch = 0;
let records = 0;
let isHeader = true;

function count(user, isClick) {
  let counts = users.get(user);
  if (counts === undefined) users.set(user, (counts = { clicks: 0, views: 0 }));
  if (isClick) counts.clicks++;
  else counts.views++;
  changed.add(user);
  records++;
  if (++inBatch === batchSizes[batch]) endBatch();
}

function split(line) {
  if (isHeader) return void (isHeader = false);
  const [user, action] = line.split(',');
  count(user, action === 'click');
}

function cut(line) {
  if (isHeader) return void (isHeader = false);
  const comma = line.indexOf(',');
  count(line.slice(0, comma), line.startsWith('click', comma + 1));
}

function endBatch() {
  let text = '';
  for (const user of changed) {
    const { clicks, views } = users.get(user);
    text += `User ${user} has clicked ${clicks} times and viewed ${views} times.\n`;
    if (text.length < WRITE_CHARACTERS) continue;
    out.write(text);
    text = '';
  }
  out.write(text);
  changed = new Set();
  batch++;
  inBatch = 0;
}

const readers = { readline: file => forReadlines(file, split), chunks: file => forLines(file, cut) };

await measure(form, async () => {
  for (const file of filesIn(join(data, 'input'))) {
    isHeader = true;
    await readers[form](file);
    // Between files the sentences may leave.
    if (out.writableNeedDrain) await new Promise(resolve => out.once('drain', resolve));
  }
  await new Promise(resolve => out.end(resolve));
  return { records };
});
