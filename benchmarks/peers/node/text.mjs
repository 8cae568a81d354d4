// Words counted, or lines that hold some letters, as one loop. node text.mjs DATA FORM
//   words           lines cut from large chunks, split, a Map
//   words-readline  readline, split, a Map
//   grep            lines cut from large chunks, includes
//   grep-bytes      Buffer.indexOf over the whole file
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesIn, forLines, forReadlines, measure } from './plain.mjs';

const LETTERS = 'zq';

const [data, form] = process.argv.slice(2);
const about = JSON.parse(readFileSync(join(data, 'about.json'), 'utf8'));
const counts = new Map();
let words = 0;
let matches = 0;

function split(line) {
  const found = line.split(' ');
  words += found.length;
  for (let i = 0; i < found.length; i++) counts.set(found[i], (counts.get(found[i]) ?? 0) + 1);
}

function includes(line) {
  if (line.includes(LETTERS)) matches++;
}

function search(file) {
  const bytes = readFileSync(file);
  for (let at = bytes.indexOf(LETTERS); at >= 0; at = bytes.indexOf(LETTERS, at)) {
    matches++;
    at = bytes.indexOf(10, at) + 1;
    if (at === 0) break;
  }
}

const isGrep = form.startsWith('grep');
const readers = {
  words: file => forLines(file, split),
  'words-readline': file => forReadlines(file, split),
  grep: file => forLines(file, includes),
  'grep-bytes': search,
};

/** The words' counts are those that the generator noted. */
function rightCounts() {
  const expected = readFileSync(join(data, 'expected.csv'), 'latin1').trimEnd().split('\n');
  return (
    words === about.records &&
    expected.length === counts.size &&
    expected.every(line => {
      const comma = line.indexOf(',');
      return counts.get(line.slice(0, comma)) === Number(line.slice(comma + 1));
    })
  );
}

await measure(form, async () => {
  for (const file of filesIn(join(data, 'input'))) await readers[form](file);
  return {
    records: isGrep ? about.lines : about.records,
    finish: () => (isGrep ? matches === about.matches : rightCounts()),
  };
});
