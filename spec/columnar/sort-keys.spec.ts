import { expect } from 'chai';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { sortedRows, sortKeys, type SortColumn } from '../../lib/columnar/sort-keys.js';
import { kernels } from '../../lib/columnar/kernels.js';
import { takeRows } from '../../lib/columnar/take-rows.js';
import { COLUMNS, randomRow } from '../expr/random-expr.js';
import { compareRows } from '../helpers/compare-rows.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';
import { column, newMemory, textsOf } from './key-fixture.js';

const orderOf = (random: Random): SortColumn[] =>
  Array.from({ length: 1 + intBelow(random, 3) }, () => ({
    column: pick(random, COLUMNS).name,
    descending: random() < 0.5,
  }));

describe('columnar/sort-keys', () => {
  const memory = newMemory();
  afterEach(() => memory.resetScratch());

  it('order rows as their values are ordered, equal ones as they came', () => {
    forSeeds(300, random => {
      const mark = memory.scratchMark();
      const rows = Array.from({ length: pick(random, [0, 1, 2, 7, 8, 9, 17, 100, 700]) }, () => randomRow(random));
      const order = orderOf(random);
      const chunk = columnsFromRows(memory, COLUMNS, rows, 'spec');
      const sorted = sortedRows(memory, sortKeys(chunk, order), rows.length);
      const actual = rows.length === 0 ? [] : rowsOf(takeRows(chunk, sorted, rows.length));
      expect(actual, JSON.stringify(order)).to.deep.equal(rows.toSorted(compareRows(order)));
      memory.releaseScratch(mark);
    });
  });

  it('tell which rows are before one of them', () => {
    forSeeds(200, random => {
      const mark = memory.scratchMark();
      const rows = Array.from({ length: 1 + intBelow(random, 60) }, () => randomRow(random));
      const order = orderOf(random);
      const { values, lengths } = sortKeys(columnsFromRows(memory, COLUMNS, rows, 'spec'), order);
      const bound = intBelow(random, rows.length);
      const out = memory.scratch(rows.length * 4);
      const [at = 0, length = 0] = [values, lengths].map(of => memory.u32[of / 4 + bound]);
      const count = kernels(memory).sortBefore(values, lengths, rows.length, at, length, out);
      const compare = compareRows(order);
      expect([...memory.u32.subarray(out / 4, out / 4 + count)], JSON.stringify(order)).to.deep.equal(
        rows.flatMap((row, i) => (compare(row, rows[bound] ?? {}) < 0 ? [i] : [])),
      );
      memory.releaseScratch(mark);
    });
  });

  it('put a text before those that it begins, whatever byte comes next', () => {
    const texts = ['', '\0', '\0\0', 'a', 'a\0', 'a\0b', 'a\u{1f600}', 'ab', `${'x'.repeat(16)}`, `${'x'.repeat(17)}`];
    const schema = [column('t', 'utf8'), column('n', 'int32')];
    const rows = texts.toReversed().map((t, n) => ({ t, n }));
    const chunk = columnsFromRows(memory, schema, rows, 'spec');
    const inOrder = (descending: boolean): unknown[] => {
      const keys = sortKeys(chunk, [
        { column: 't', descending },
        { column: 'n', descending: false },
      ]);
      const sorted = sortedRows(memory, keys, rows.length);
      return (rowsOf(takeRows(chunk, sorted, rows.length)) as { t: string }[]).map(({ t }) => t);
    };
    const byBytes = texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(inOrder(false)).to.deep.equal(byBytes);
    expect(inOrder(true)).to.deep.equal(byBytes.toReversed());
  });

  it('have the bytes that the layout says', () => {
    const schema = [column('t', 'utf8', true), column('i', 'int32'), column('b', 'bool')];
    const chunk = columnsFromRows(
      memory,
      schema,
      [
        { t: 'a', i: 1, b: true },
        { t: null, i: -1, b: false },
      ],
      'spec',
    );
    const keys = sortKeys(chunk, [
      { column: 't', descending: false },
      { column: 'i', descending: true },
      { column: 'b', descending: false },
    ]);
    const hex = textsOf(memory, keys, 2).map(key => Buffer.from(key, 'latin1').toString('hex'));
    expect(hex).to.deep.equal(['0162007ffffffe01', '008000000000']);
  });
});
