// The ten most frequent words of the last batches, after each batch, as one loop: lines cut from large chunks, split, a
// Map of totals from which what is too old is taken away. Who runs it compares what it writes.
// node top-k.mjs DATA OUTPUT_FILE BATCHES_OF_THE_WINDOW LINES_OF_BATCH,LINES_OF_BATCH,...
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesIn, forLines, measure } from './plain.mjs';

const [data, output, window, sizes] = process.argv.slice(2);
const batchSizes = sizes.split(',').map(Number);
const totals = new Map();
const kept = [];
let counts = new Map();
let inBatch = 0;
let batch = 0;
let records = 0;
let text = '';

function line(of) {
  const words = of.split(' ');
  records += words.length;
  for (let i = 0; i < words.length; i++) counts.set(words[i], (counts.get(words[i]) ?? 0) + 1);
  if (++inBatch === batchSizes[batch]) endBatch();
}

function endBatch() {
  for (const [word, n] of counts) totals.set(word, (totals.get(word) ?? 0) + n);
  kept.push(counts);
  if (kept.length > Number(window)) {
    for (const [word, n] of kept.shift()) {
      const left = totals.get(word) - n;
      if (left === 0) totals.delete(word);
      else totals.set(word, left);
    }
  }
  const top = [...totals].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, 10);
  top.forEach(([word, n], i) => (text += `${i + 1},${word},${n}\n`));
  counts = new Map();
  inBatch = 0;
  batch++;
}

await measure('split, Map', async () => {
  for (const file of filesIn(join(data, 'input'))) forLines(file, line);
  writeFileSync(output, text);
  return { records };
});
