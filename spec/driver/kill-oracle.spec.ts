import { expect } from 'chai';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linesOf, problemsOf, type MatrixInput } from '../helpers/kill-oracle.js';
import { tempFolder } from '../helpers/temp-folder.js';

/** What a run may leave of six events in three batches, 25 ms apart, with windows of 50 ms. */
const OUTPUT: { readonly [file: string]: readonly string[] } = {
  'raw.txt': ['1000 0 a 7', '1000 1 b 7', '1025 2 a 7', '1050 3 a 7', '1050 4 b 7', '1050 5 b 7'],
  'numbered.txt': ['a 1 0', 'b 1 1', 'a 2 2', 'a 3 3', 'b 2 4', 'b 3 5'],
  'windows.txt': ['1000 a 1', '1000 b 1', '1025 a 2', '1025 b 1', '1050 a 2', '1050 b 2', '1075 a 1', '1075 b 2'],
  'inverse.txt': ['1000 a 1', '1000 b 1', '1025 a 2', '1025 b 1', '1050 a 2', '1050 b 2'],
  'http.txt': ['s 1 s-0', 's 2 s-1', 's 3 s-1'],
  'socket.txt': ['line 0', 'line 2'],
};
const INPUT: MatrixInput = {
  keys: ['a', 'b', 'a', 'a', 'b', 'b'],
  windowMs: 50,
  acknowledged: new Set(['s-0', 's-1']),
  sent: new Map([
    ['s-0', 1],
    ['s-1', 2],
    ['s-2', 1],
  ]),
  socketLines: new Set(['line 0', 'line 1', 'line 2']),
};

describe('the oracle of runs that are killed', () => {
  const folder = tempFolder();
  let count = 0;
  /** The output with a change in one file. */
  const planted = (file: string, change: (lines: string[]) => string[]): string[] => {
    const out = join(folder.path, String(count++));
    mkdirSync(out);
    for (const [name, lines] of Object.entries(OUTPUT)) {
      const left = name === file ? change([...lines]) : lines;
      writeFileSync(join(out, name), left.map(line => `${line}\n`).join(''));
    }
    return problemsOf(out, INPUT);
  };
  const swapped = (lines: string[], column: number): string[] => {
    const [first = [], second = [], ...rest] = lines.map(line => line.split(' '));
    [first[column], second[column]] = [second[column] ?? '', first[column] ?? ''];
    return [first, second, ...rest].map(words => words.join(' '));
  };

  it('finds nothing in a sound output', () => {
    expect(planted('', lines => lines)).to.deep.equal([]);
  });

  for (const file of Object.keys(OUTPUT)) {
    it(`sees a line of ${file} that is there twice`, () => {
      // Sent once; of s-1, which was sent twice, two are no error.
      expect(planted(file, ([first = '', ...rest]) => [first, first, ...rest]).length).to.be.greaterThan(0);
    });
    // Nobody promises that all of a socket's lines are there.
    if (file === 'socket.txt') continue;
    it(`sees a line of ${file} that is lost`, () => {
      expect(planted(file, ([, ...rest]) => rest).length).to.be.greaterThan(0);
    });
  }

  it('sees two values that changed places', () => {
    expect(planted('raw.txt', lines => swapped(lines, 2))).to.match(/raw: 0 b was not read/);
    expect(planted('numbered.txt', lines => swapped(lines, 2)).join()).to.match(/numbered: 0x event 0/);
    expect(planted('windows.txt', ([a = '', b = '', c = '', ...rest]) => [c, a, b, ...rest])).to.deep.equal([]);
    expect(planted('windows.txt', lines => [...lines.slice(0, -2), '1075 a 2', '1075 b 1']).join()).to.match(/of 1075/);
  });

  it('sees a record that is in another batch than its window says', () => {
    expect(planted('raw.txt', lines => ['1025 0 a 7', ...lines.slice(1)]).join()).to.match(/windows of 1000: too many/);
  });

  it('sees a line that nobody sent', () => {
    expect(planted('http.txt', lines => [...lines, 's 4 s-9']).join()).to.match(/1x s-9, sent 0x/);
    expect(planted('socket.txt', lines => [...lines, 'line 9']).join()).to.match(/line 9, never sent/);
  });

  it('reads a last line that has no end', () => {
    const out = join(folder.path, 'cut');
    mkdirSync(out);
    writeFileSync(join(out, 'raw.txt'), 'a\n');
    appendFileSync(join(out, 'raw.txt'), 'b');
    expect(linesOf(out, 'raw.txt')).to.deep.equal(['a', 'b']);
    expect(readFileSync(join(out, 'raw.txt'), 'utf8')).to.equal('a\nb');
  });
});
