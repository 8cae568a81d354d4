import { expect } from 'chai';
import { accumulatorValues, type AggregateKind } from '../../lib/columnar/aggregate.js';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { groupChunk } from '../../lib/columnar/group-chunk.js';
import { GroupTable } from '../../lib/columnar/group-table.js';
import { keySlices } from '../../lib/columnar/keys.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';
import {
  column,
  COUNT,
  groupsOf,
  newMemory,
  randomKey,
  slicesOf,
  SUM,
  TEXT_KEY,
  textChunk,
  textsOf,
} from './key-fixture.js';

const KINDS: readonly AggregateKind[] = ['sumInt64', 'sumFloat64', 'minInt64', 'maxInt64', 'minFloat64', 'maxFloat64'];

/** What each kind does, on plain numbers; undefined = nothing yet. */
function combine(kind: AggregateKind, a: number | undefined, b: number): number {
  if (kind.startsWith('sum')) return (a ?? 0) + b;
  if (a === undefined) return b;
  return kind.startsWith('min') ? Math.min(a, b) : Math.max(a, b);
}

const outputOf = (kind: AggregateKind, i: number) =>
  ({ name: `a${i}`, kind, outputKind: kind.endsWith('Float64') ? 'float64' : 'int64' }) as const;

/** One chunk of rows into the table and into a Map: keys, values and whatever masks chance gives. */
function addChunk(
  random: Random,
  table: GroupTable,
  pool: readonly Uint8Array[],
  oracle: Map<string, (number | undefined)[]>,
): void {
  const { memory, aggregates } = table;
  const numRows = intBelow(random, 300);
  const keys = Array.from({ length: numRows }, () => pool[Math.floor(random() ** 3 * pool.length)] as Uint8Array);
  const mark = memory.scratchMark();
  const slices = slicesOf(memory, keys);
  const texts = keys.map(key => Buffer.from(key).toString('latin1'));
  for (const text of texts)
    if (!oracle.has(text))
      oracle.set(
        text,
        aggregates.map(() => undefined),
      );
  const inputs = aggregates.map(({ kind }, a) => {
    const mask = random() < 0.5 ? memory.scratch(numRows) : undefined;
    const validity = random() < 0.5 ? memory.scratch(numRows) : 0;
    const values = random() < 0.8 ? memory.scratch(numRows * 8) : undefined;
    if (validity) memory.u8.fill(0, validity, validity + numRows);
    for (let i = 0; i < numRows; i++) {
      const value =
        values === undefined
          ? 1
          : kind.endsWith('Float64')
            ? intBelow(random, 1000) / 8 - 50
            : intBelow(random, 1000) - 500;
      const inMask = random() < 0.7;
      const isValid = random() < 0.7;
      if (mask) memory.u8[mask + i] = Number(inMask);
      if (validity && isValid) memory.u8[validity + (i >> 3)] |= 1 << (i & 7);
      if (values && kind.endsWith('Float64')) memory.f64[values / 8 + i] = value;
      else if (values) memory.i64[values / 8 + i] = BigInt(value);
      if ((mask && !inMask) || (validity && !isValid)) continue;
      const row = oracle.get(texts[i]);
      if (row) row[a] = combine(kind, row[a], value);
    }
    return { mask, validity, values };
  });
  table.update(slices, numRows, inputs);
  // The next chunk overwrites these bytes; longer keys must have been copied.
  for (let i = 0; i < numRows; i++)
    memory.u8.fill(0xee, memory.u32[slices.values / 4 + i], memory.u32[slices.values / 4 + i] + keys[i].length);
  memory.releaseScratch(mark);
}

describe('columnar/group-table', () => {
  it('aggregates like a Map, groups in the order of their first row', () => {
    const memory = newMemory();
    forSeeds(40, random => {
      const aggregates = Array.from({ length: intBelow(random, 4) }, () => ({ kind: pick(random, KINDS) }));
      const table = new GroupTable(memory, aggregates);
      const pool = Array.from({ length: 1 + intBelow(random, 200) }, () => randomKey(random));
      const oracle = new Map<string, (number | undefined)[]>();
      for (let c = 0; c < 8; c++) addChunk(random, table, pool, oracle);
      expect(table.numGroups).to.equal(oracle.size);
      const keys = table.keys();
      expect(textsOf(memory, keys, table.numGroups)).to.deep.equal([...oracle.keys()]);
      expect(keys.byteLength).to.equal([...oracle.keys()].join('').length);
      const named = aggregates.map(({ kind }, i) => outputOf(kind, i));
      const chunk = groupChunk(table, [], named);
      const expected = [...oracle.values()].map(row =>
        Object.fromEntries(row.map((value, i) => [`a${i}`, value ?? (named[i].kind.startsWith('sum') ? 0 : null)])),
      );
      if (aggregates.length > 0) expect(rowsOf(chunk).map(row => ({ ...(row as object) }))).to.deep.equal(expected);
      table.dispose();
      memory.resetScratch();
    });
    expect(memory.numBlocks).to.be.below(8);
  });

  it('counts 100 k distinct keys, ten rows each, and gives all its blocks back', () => {
    const memory = newMemory();
    const blocksBefore = memory.numBlocks;
    const table = new GroupTable(memory, [COUNT]);
    for (let round = 0; round < 10; round++) {
      for (let first = 0; first < 100_000; first += 20_000) {
        const mark = memory.scratchMark();
        const chunk = textChunk(
          memory,
          Array.from({ length: 20_000 }, (_, i) => `user${first + i}`),
        );
        table.update(keySlices(chunk, [0]), chunk.numRows, [{}]);
        memory.releaseScratch(mark);
        if (round > 0) first += 60_000;
      }
    }
    expect(table.numGroups).to.equal(100_000);
    const counts = memory.i64.subarray(table.accumulators(0) / 8);
    expect(counts[0]).to.equal(10n);
    expect(counts[50_000]).to.equal(1n);
    table.dispose();
    expect(memory.numBlocks - blocksBefore).to.be.at.most(8);
  });

  it('takes chunks of no rows and of one', () => {
    const memory = newMemory();
    const table = new GroupTable(memory, [COUNT]);
    table.update(slicesOf(memory, []), 0, [{}]);
    expect(table.numGroups).to.equal(0);
    table.update(slicesOf(memory, [new Uint8Array(0)]), 1, [{}]);
    expect(rowsOf(groupChunk(table, TEXT_KEY, [COUNT]))).to.deep.equal([{ k: '', n: 1 }]);
  });

  it('makes a group of a key whose rows are all left out', () => {
    const memory = newMemory();
    const table = new GroupTable(memory, [COUNT]);
    const mask = memory.scratch(1);
    memory.u8[mask] = 0;
    table.update(slicesOf(memory, [Buffer.from('a')]), 1, [{ mask }]);
    expect(rowsOf(groupChunk(table, TEXT_KEY, [COUNT]))).to.deep.equal([{ k: 'a', n: 0 }]);
  });

  it('gives key columns of every kind back with their aggregates', () => {
    const memory = newMemory();
    const columns = [column('a', 'utf8', true), column('b', 'float64'), column('v', 'int32', true)];
    const rows = [
      { a: 'x', b: 1, v: 5 },
      { a: null, b: 1, v: null },
      { a: 'x', b: -0, v: 7 },
      { a: 'x', b: 1, v: 2 },
      { a: 'x', b: 0, v: null },
    ];
    const chunk = columnsFromRows(memory, columns, rows, 'spec');
    const aggregates = [COUNT, outputOf('maxInt64', 1), outputOf('minFloat64', 2)];
    const table = new GroupTable(memory, aggregates);
    const inputs = aggregates.map(({ kind }, i) =>
      i === 0 ? {} : { values: accumulatorValues(chunk, 2, kind), validity: chunk.columns[2]?.validity },
    );
    table.update(keySlices(chunk, [0, 1]), 5, inputs);
    expect(rowsOf(groupChunk(table, columns.slice(0, 2), aggregates))).to.deep.equal([
      { a: 'x', b: 1, n: 2, a1: 5, a2: 2 },
      { a: null, b: 1, n: 1, a1: null, a2: null },
      { a: 'x', b: 0, n: 2, a1: 7, a2: 7 },
    ]);
  });

  it('lets NaN win a minimum and a maximum, and tells it from no value', () => {
    const memory = newMemory();
    const aggregates = [outputOf('minFloat64', 0), outputOf('maxFloat64', 1)];
    const table = groupsOf(memory, aggregates, [
      ['a', 1, 1],
      ['a', NaN, NaN],
      ['a', 2, 2],
      ['b', Infinity, -Infinity],
    ]);
    expect(rowsOf(groupChunk(table, [], aggregates))).to.deep.equal([
      { a0: NaN, a1: NaN },
      { a0: Infinity, a1: -Infinity },
    ]);
  });

  it('refuses text, and float64 for an int64 accumulator', () => {
    const chunk = columnsFromRows(
      newMemory(),
      [column('t', 'utf8'), column('f', 'float64')],
      [{ t: '', f: 1 }],
      'spec',
    );
    expect(() => accumulatorValues(chunk, 0, 'sumInt64'))
      .to.throw('t is utf8')
      .with.property('code', 'typeMismatch');
    expect(() => accumulatorValues(chunk, 1, SUM.kind))
      .to.throw('f is float64')
      .with.property('code', 'typeMismatch');
  });
});
