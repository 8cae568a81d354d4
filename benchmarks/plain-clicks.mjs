// What a careful person writes without an engine: the main job as one loop over lines. readline, split, a Map of counts;
// after the records of each batch one sentence for every user whose numbers changed. No state survives, nothing is
// exactly once. node plain-clicks.mjs INPUT_FOLDER OUTPUT_FILE RECORDS_OF_BATCH,RECORDS_OF_BATCH,...
import { createReadStream, createWriteStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [input, output, sizes] = process.argv.slice(2);
const batchSizes = sizes.split(',').map(Number);
const out = createWriteStream(output);
const users = new Map();
let changed = new Set();
let batch = 0;
let inBatch = 0;

for (const name of readdirSync(input).sort()) {
  let isHeader = true;
  for await (const line of createInterface({ input: createReadStream(join(input, name)), crlfDelay: Infinity })) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const [user, action] = line.split(',');
    let counts = users.get(user);
    if (counts === undefined) users.set(user, (counts = { clicks: 0, views: 0 }));
    if (action === 'click') counts.clicks++;
    else if (action === 'view') counts.views++;
    changed.add(user);
    if (++inBatch === batchSizes[batch]) await endBatch();
  }
}
await new Promise(resolve => out.end(resolve));

async function endBatch() {
  let text = '';
  for (const user of changed) {
    const { clicks, views } = users.get(user);
    text += `User ${user} has clicked ${clicks} times and viewed ${views} times.\n`;
    if (text.length > 1 << 16) {
      if (!out.write(text)) await new Promise(resolve => out.once('drain', resolve));
      text = '';
    }
  }
  out.write(text);
  changed = new Set();
  batch++;
  inBatch = 0;
}
