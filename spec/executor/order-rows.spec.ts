import { expect } from 'chai';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { FirstOfKey } from '../../lib/executor/first-of-key.js';
import { FirstRows } from '../../lib/executor/order-rows.js';
import { newMemory } from '../columnar/key-fixture.js';
import { COLUMNS, randomRow } from '../expr/random-expr.js';
import { compareRows } from '../helpers/compare-rows.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';

describe('FirstRows', () => {
  it('are the first of all rows, equal ones in the order in which they came', () => {
    const memory = newMemory();
    memory.scratch(1);
    const before = memory.numBlocks;
    forSeeds(20, random => {
      const order = Array.from({ length: 1 + intBelow(random, 2) }, () => ({
        column: pick(random, COLUMNS).name,
        descending: random() < 0.5,
      }));
      const limit = pick(random, [1, 3, 50, 700]);
      const first = new FirstRows(memory, COLUMNS, order, limit);
      const all: Record<string, unknown>[] = [];
      for (let i = intBelow(random, 6); i > 0; i--) {
        const rows = Array.from({ length: pick(random, [0, 1, 20, 400, 1500]) }, () => randomRow(random));
        const mark = memory.scratchMark();
        first.push(columnsFromRows(memory, COLUMNS, rows, 'spec'));
        memory.releaseScratch(mark);
        all.push(...rows);
      }
      const found = first.finish();
      const wanted = all.toSorted(compareRows(order)).slice(0, limit);
      const label = `${limit} by ${JSON.stringify(order)}`;
      expect(found === undefined ? [] : rowsOf(found), label).to.deep.equal(wanted);
      first.dispose();
      memory.resetScratch();
    });
    expect(memory.numBlocks - before).to.be.at.most(8);
    expect(memory.liveBytes).to.be.below(64 * 1024 * 1024);
  });
});

describe('FirstOfKey', () => {
  it('passes the first row of each key, over many chunks', () => {
    const memory = newMemory();
    forSeeds(20, random => {
      const names = Array.from({ length: 1 + intBelow(random, 2) }, () => pick(random, COLUMNS).name);
      const first = new FirstOfKey(memory, names);
      const seen = new Set<string>();
      for (let i = intBelow(random, 5); i > 0; i--) {
        const rows = Array.from({ length: pick(random, [1, 30, 5000]) }, () => randomRow(random));
        const wanted = rows.filter(row => {
          // One key for both zeros, and one for NaN.
          const key = JSON.stringify(names.map(name => (Object.is(row[name], -0) ? '0' : String(row[name] ?? '\0'))));
          const isNew = !seen.has(key);
          seen.add(key);
          return isNew;
        });
        const taken = first.take(columnsFromRows(memory, COLUMNS, rows, 'spec'));
        expect(taken.numRows === 0 ? [] : rowsOf(taken), names.join()).to.deep.equal(wanted);
        memory.resetScratch();
      }
      first.dispose();
    });
  });
});
