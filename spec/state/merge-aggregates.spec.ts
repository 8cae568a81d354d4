import { expect } from 'chai';
import { GroupTable } from '../../lib/columnar/group-table.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { applyDelta } from '../../lib/state/delta.js';
import { mergeAggregates } from '../../lib/state/merge-aggregates.js';
import { column, COUNT, groupsOf, newMemory, TEXT_KEY } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import { newTable } from './state-fixture.js';

const AGGREGATES = [
  COUNT,
  { name: 'sum', kind: 'sumFloat64', outputKind: 'float64' },
  { name: 'low', kind: 'minInt64', outputKind: 'timestamp' },
  { name: 'high', kind: 'maxFloat64', outputKind: 'float64' },
] as const;

describe('state/merge-aggregates', () => {
  it('adds a batch to the totals of all batches, and shows the totals of its keys in their order', () => {
    forSeeds(15, random => {
      const memory = newMemory();
      const table = newTable(memory, { valueBytes: 32 });
      const keys = Array.from({ length: 80 }, (_, i) => `${'k'.repeat(pick(random, [0, 14, 15, 40]))}${i}`);
      const totals = new Map<string, { n: number; sum: number; low: number; high: number }>();
      for (let batch = 0; batch < 6; batch++) {
        const rows = Array.from({ length: 1 + intBelow(random, 100) }, () => {
          const value = intBelow(random, 1000) - 500;
          return [pick(random, keys), 1, value / 4, value, value / 2] as const;
        });
        const seen = new Set<string>();
        for (const [key, n, sum, low, high] of rows) {
          seen.add(key);
          const old = totals.get(key) ?? { n: 0, sum: 0, low: Infinity, high: -Infinity };
          totals.set(key, {
            n: old.n + n,
            sum: old.sum + sum,
            low: Math.min(old.low, low),
            high: Math.max(old.high, high),
          });
        }
        const groups = groupsOf(memory, AGGREGATES, rows);
        const { delta, chunk } = mergeAggregates(table, groups, TEXT_KEY, AGGREGATES);
        groups.dispose();
        expect(delta).to.include({ numChanged: seen.size, numRemoved: 0 });
        expect(chunk.schema.map(({ name, kind }) => `${name} ${kind}`)).to.deep.equal([
          'k utf8',
          'n int64',
          'sum float64',
          'low timestamp',
          'high float64',
        ]);
        const expected = [...seen].map(key => ({ k: key, ...totals.get(key) }));
        expect(rowsOf(chunk).map(row => ({ ...(row as object) }))).to.deep.equal(expected);
        const rowsBefore = table.numRows;
        expect(rowsBefore, 'the table is only read').to.be.at.most(totals.size);
        applyDelta(table, delta.address);
        expect(table.numRows).to.equal(totals.size);
        memory.free(delta.address);
        memory.resetScratch();
      }
    });
  });

  it('leaves out groups whose totals do not change: a minimum of nothing, and one that a greater value leaves', () => {
    const memory = newMemory();
    const low = [{ name: 'low', kind: 'minFloat64', outputKind: 'float64' }] as const;
    const table = newTable(memory, { valueBytes: 8 });
    const shown: unknown[] = [];
    for (const value of [undefined, 3, 5]) {
      const groups = value === undefined ? emptyGroup() : groupsOf(memory, low, [['a', value]]);
      const { delta, chunk } = mergeAggregates(table, groups, TEXT_KEY, low);
      shown.push(...rowsOf(chunk));
      applyDelta(table, delta.address);
    }
    expect(shown).to.deep.equal([{ k: 'a', low: 3 }]);
    expect(table.numRows).to.equal(1);

    function emptyGroup(): GroupTable {
      const groups = groupsOf(memory, [], [['a']]);
      const none = new GroupTable(memory, low);
      const mask = memory.scratch(1);
      memory.u8[mask] = 0;
      none.update(groups.keys(), 1, [{ mask }]);
      return none;
    }
  });

  it('has a delta of no rows for no groups', () => {
    const memory = newMemory();
    const table = newTable(memory, { valueBytes: 8 });
    const { delta, chunk } = mergeAggregates(
      table,
      new GroupTable(memory, [COUNT]),
      [column('a', 'int64', true)],
      [COUNT],
    );
    expect(delta.numChanged).to.equal(0);
    expect(chunk.numRows).to.equal(0);
    applyDelta(table, delta.address);
    expect(table.numRows).to.equal(0);
  });

  it('refuses aggregates that the state was not made for', () => {
    const memory = newMemory();
    const table = newTable(memory, { valueBytes: 16 });
    expect(() => mergeAggregates(table, new GroupTable(memory, [COUNT]), TEXT_KEY, [COUNT]))
      .to.throw('8 bytes, the state has 16')
      .with.property('code', 'internal');
  });
});
