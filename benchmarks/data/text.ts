/**
 * Text as the D-Streams paper's WordCount, Grep and TopK read it: lines of ten words out of 100,000, which come up by
 * Zipf's law and are 3 to 13 letters and digits long. The answers: how often each word comes, and how many lines hold
 * the letters of `GREP_FOR`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataSet, writeParts, type DataSet } from './data-set.js';
import { randomNumbers, zipfRanks } from './random.js';

/** `records` is the number of words. */
export interface TextData extends DataSet {
  readonly lines: number;
  readonly distinct: number;
  /** Lines that hold GREP_FOR. */
  readonly matches: number;
}

export const GREP_FOR = 'zq';
const WORDS_PER_LINE = 10;
const VOCABULARY = 100_000;

/** In the folder: `input/part-0000.txt` ..., and `expected.csv` (`word,count`, in no order). */
export const textData = (words: number, seed = 1): Promise<TextData> =>
  dataSet(`text-v1-${words}-${seed}`, folder => make(folder, words, seed));

function make(folder: string, records: number, seed: number): Omit<TextData, 'folder'> {
  const nextRank = zipfRanks(randomNumbers(seed), VOCABULARY);
  const words = Array.from({ length: VOCABULARY }, (_, rank) => wordOf(rank));
  const counts = new Uint32Array(VOCABULARY);
  const lines = Math.ceil(records / WORDS_PER_LINE);
  let matches = 0;
  const files = Math.min(40, Math.ceil(lines / 2000));
  const bytes = writeParts({ folder: join(folder, 'input'), extension: '.txt', files, records: lines }, () => {
    let line = '';
    for (let i = 0; i < WORDS_PER_LINE; i++) {
      const rank = nextRank();
      counts[rank]++;
      line += i === 0 ? words[rank] : ` ${words[rank]}`;
    }
    if (line.includes(GREP_FOR)) matches++;
    return `${line}\n`;
  });
  const seen = words.flatMap((word, rank) => (counts[rank] > 0 ? [`${word},${counts[rank]}\n`] : []));
  writeFileSync(join(folder, 'expected.csv'), seen.join(''));
  return { records: lines * WORDS_PER_LINE, bytes, lines, distinct: seen.length, matches };
}

/** 2 to 8 letters drawn by the rank, then the rank in digits: no two ranks give the same word. */
function wordOf(rank: number): string {
  const random = randomNumbers(rank + 1);
  for (let i = 0; i < 8; i++) random();
  const length = 2 + Math.floor(random() * 7);
  let word = '';
  for (let i = 0; i < length; i++) word += String.fromCharCode(97 + Math.floor(random() * 26));
  return word + rank;
}

/** Word -> how often it comes. */
export function textExpected({ folder }: TextData): Map<string, number> {
  const lines = readFileSync(join(folder, 'expected.csv'), 'latin1').trimEnd().split('\n');
  return new Map(lines.map(line => [line.slice(0, line.indexOf(',')), Number(line.slice(line.indexOf(',') + 1))]));
}
