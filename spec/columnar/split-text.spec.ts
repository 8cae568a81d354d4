import { expect } from 'chai';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { splitText } from '../../lib/columnar/split-text.js';
import { forSeeds, pick } from '../helpers/random-values.js';
import { column, newMemory, textsOf } from './key-fixture.js';

describe('columnar/split-text', () => {
  const memory = newMemory();
  afterEach(() => memory.resetScratch());

  it('cuts texts as JavaScript does, with the row of each piece', () => {
    forSeeds(400, random => {
      const separator = pick(random, [' ', '-', '--', 'aba', 'é', '\u{1f600}', 'x'.repeat(20)]);
      const parts = ['', 'a', 'b', 'ab', 'é', 'word', 'x'.repeat(19), separator, separator];
      const numRows = pick(random, [0, 1, 5, 20]);
      const rows = Array.from({ length: numRows }, () => ({
        t:
          random() < 0.2
            ? null
            : Array.from({ length: pick(random, [0, 1, 3, 30]) }, () => pick(random, parts)).join(''),
      }));
      const [text] = columnsFromRows(memory, [column('t', 'utf8', true)], rows, 'spec').columns;
      if (text === undefined) throw new Error('a column is wanted');
      const { rows: from, count, pieces } = splitText(memory, text, numRows, Buffer.from(separator));
      const texts = textsOf(memory, pieces, count).map(piece => Buffer.from(piece, 'latin1').toString());
      const actual = texts.map((piece, i) => [memory.u32[from / 4 + i], piece]);
      const wanted = rows.flatMap(({ t }, row) => (t === null ? [] : t.split(separator).map(piece => [row, piece])));
      expect(actual, JSON.stringify(separator)).to.deep.equal(wanted);
      memory.resetScratch();
    });
  });
});
