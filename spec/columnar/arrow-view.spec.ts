import { expect } from 'chai';
import { arrow } from '../../lib/columnar/arrow.js';
import { loadArrow, toRecordBatch } from '../../lib/columnar/arrow-view.js';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import { column, newMemory } from './key-fixture.js';

const COLUMNS = [
  column('t', 'utf8'),
  column('tn', 'utf8', true),
  column('i', 'int32'),
  column('in', 'int32', true),
  column('l', 'int64'),
  column('f', 'float64', true),
  column('b', 'bool'),
  column('bn', 'bool', true),
  column('ts', 'timestamp', true),
];

/** Arrow's values as rows of this engine have them. */
const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

describe('columnar/arrow-view', () => {
  before(loadArrow);

  it('shows a chunk of every kind, with and without nulls, to Arrow', () => {
    // Not imported: the library that mocha's loader finds may be another copy, with other classes.
    const { Table, tableFromIPC, tableToIPC } = arrow();
    const memory = newMemory();
    forSeeds(40, random => {
      const nullRate = pick(random, [0, 0.3, 1]);
      const orNull = <T>(value: T): T | null => (random() < nullRate ? null : value);
      const text = (): string => pick(random, ['', 'a', 'é', '\u{1f600}', 'x'.repeat(intBelow(random, 50))]);
      const rows = Array.from({ length: intBelow(random, 70) }, () => ({
        t: text(),
        tn: orNull(text()),
        i: intBelow(random, 100) - 50,
        in: orNull(intBelow(random, 100)),
        l: Math.round((random() - 0.5) * 2 ** 53),
        f: orNull(random()),
        b: random() < 0.5,
        bn: orNull(random() < 0.5),
        ts: orNull(intBelow(random, 2 ** 40)),
      }));
      const batch = toRecordBatch(columnsFromRows(memory, COLUMNS, rows, 'spec'));
      for (const table of [new Table([batch]), tableFromIPC(tableToIPC(new Table([batch]), 'file'))]) {
        const found = Array.from({ length: table.numRows }, (_, i) =>
          Object.fromEntries(COLUMNS.map(({ name }) => [name, plain(table.getChild(name)?.get(i))])),
        );
        expect(found).to.deep.equal(rows);
      }
      memory.resetScratch();
    });
  });

  it('views numbers in place', () => {
    const memory = newMemory();
    const chunk = columnsFromRows(memory, [column('f', 'float64')], [{ f: 1.5 }], 'spec');
    const batch = toRecordBatch(chunk);
    memory.f64[(chunk.columns[0]?.values ?? 0) / 8] = 2.5;
    expect(batch.getChildAt(0)?.get(0)).to.equal(2.5);
  });

  it('leaves out columns that were not decoded', () => {
    const memory = newMemory();
    const chunk = columnsFromRows(memory, [column('a', 'int32'), column('b', 'int32')], [{ a: 1, b: 2 }], 'spec');
    const batch = toRecordBatch({ ...chunk, columns: [undefined, chunk.columns[1]] });
    expect(batch.schema.fields.map(field => String(field))).to.deep.equal(['b: Int32']);
  });
});
