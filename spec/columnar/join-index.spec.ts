import { expect } from 'chai';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { joinedChunk, JoinIndex, MAX_PAIRS, pairsOf } from '../../lib/columnar/join-index.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import {
  bool,
  float64,
  int32,
  int64,
  nullable,
  schema,
  timestamp,
  utf8,
  type Column,
  type ColumnType,
} from '../../lib/core/schema.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';

const LIMIT_BYTES = 64 * 1024 * 1024;
const newMemory = (): SlotMemory => new SlotMemory(0, createSlotMemory(LIMIT_BYTES), LIMIT_BYTES);

type Row = Readonly<Record<string, unknown>>;

/** Few values, so that keys meet; texts around the 16 bytes that an entry has room for. */
const TEXTS = ['', 'a', 'ab', 'é', '語\u{1f600}', 'z'.repeat(15), 'z'.repeat(16), 'z'.repeat(17), 'y'.repeat(300)];
const FLOATS = [0, -0, 1.5, Number.NaN, Infinity, -Infinity];

function valueOf(random: Random, { kind, nullable: mayBeNull }: Column): unknown {
  if (mayBeNull && random() < 0.25) return null;
  switch (kind) {
    case 'utf8':
      return pick(random, TEXTS);
    case 'float64':
      return pick(random, FLOATS);
    case 'bool':
      return random() < 0.5;
    default:
      return intBelow(random, 5) - 2;
  }
}

const rowsFor = (random: Random, columns: readonly Column[], numRows: number): Row[] =>
  Array.from({ length: numRows }, () =>
    Object.fromEntries(columns.map(column => [column.name, valueOf(random, column)])),
  );

/** As SQL has it, but that NaN is equal to NaN. */
const isSame = (a: unknown, b: unknown): boolean => a !== null && (a === b || (Object.is(a, b) && a !== undefined));

function oracle(rows: readonly Row[], table: readonly Row[], on: readonly [string, string][], keepAll: boolean): Row[] {
  const others = (row: Row): Row => ({ v: row['v'], t: row['t'] });
  return rows.flatMap(row => {
    const found = table.filter(there => on.every(([a, b]) => isSame(row[a], there[b])));
    if (found.length === 0 && keepAll) return [{ ...row, v: null, t: null }];
    return found.map(there => ({ ...row, ...others(there) }));
  });
}

/** All rows that a join gives, chunk by chunk. */
function joined(memory: SlotMemory, left: readonly Column[], rows: readonly Row[], index: JoinIndex, keepAll: boolean) {
  const keys = left.filter(({ name }) => name.startsWith('k')).map(({ name }) => name);
  const columns = [...left, ...index.kept.schema];
  const all: unknown[] = [];
  const mark = memory.scratchMark();
  const chunk = columnsFromRows(memory, left, rows, 'spec');
  const groups = index.probe(chunk, keys);
  for (const pairs of pairsOf(index, groups, chunk.numRows, keepAll)) {
    all.push(...rowsOf(joinedChunk(chunk, index, pairs, { schema: columns, wanted: undefined, keepAll })));
  }
  memory.releaseScratch(mark);
  return all;
}

const KEPT = [
  { from: 'v', name: 'v' },
  { from: 't', name: 't' },
];
const values = { v: nullable(int64()), t: utf8() };

describe('JoinIndex', () => {
  const kinds = {
    utf8: utf8(),
    int32: int32(),
    int64: int64(),
    float64: float64(),
    bool: bool(),
    timestamp: timestamp(),
  };
  for (const [name, type] of Object.entries<ColumnType>(kinds)) {
    it(`gives what a nested loop gives for keys of ${name}, with nulls on either side, none and both`, () => {
      const memory = newMemory();
      forSeeds(12, (random, seed) => {
        const left = schema({ k: seed % 2 === 0 ? nullable(type) : type, n: int32() }).columns;
        const right = schema({ key: seed % 3 === 0 ? nullable(type) : type, ...values }).columns;
        const rows = rowsFor(random, left, intBelow(random, 60));
        const table = rowsFor(random, right, intBelow(random, 30));
        const index = new JoinIndex(columnsFromRows(memory, right, table, 'spec'), ['key'], KEPT);
        for (const keepAll of [false, true]) {
          const expected = oracle(rows, table, [['k', 'key']], keepAll);
          expect(joined(memory, left, rows, index, keepAll), `keepAll ${keepAll}`).to.deep.equal(expected);
        }
        index.dispose();
      });
    });
  }

  it('gives what a nested loop gives for keys of several columns', () => {
    const memory = newMemory();
    forSeeds(20, random => {
      const left = schema({ k1: nullable(utf8()), k2: int64(), k3: float64() }).columns;
      const right = schema({ a: utf8(), b: nullable(int64()), c: float64(), ...values }).columns;
      const rows = rowsFor(random, left, 80);
      const table = rowsFor(random, right, 80);
      const index = new JoinIndex(columnsFromRows(memory, right, table, 'spec'), ['a', 'b', 'c'], KEPT);
      const on: [string, string][] = [
        ['k1', 'a'],
        ['k2', 'b'],
        ['k3', 'c'],
      ];
      for (const keepAll of [false, true]) {
        expect(joined(memory, left, rows, index, keepAll)).to.deep.equal(oracle(rows, table, on, keepAll));
      }
      index.dispose();
    });
  });

  it('knows when keys are unique, and finds them among many, found and not found', () => {
    const memory = newMemory();
    const left = schema({ k: utf8() }).columns;
    const right = schema({ key: utf8(), ...values }).columns;
    const keyOf = (i: number): string => (i % 3 === 0 ? `a key of more than 16 bytes ${i}` : `key ${i}`);
    const table = Array.from({ length: 20_000 }, (_, i) => ({ key: keyOf(i), v: i, t: `row ${i}` }));
    const index = new JoinIndex(columnsFromRows(memory, right, table, 'spec'), ['key'], KEPT);
    expect(index.isUnique).to.equal(true);
    expect(index.numRows).to.equal(20_000);
    const rows = Array.from({ length: 5000 }, (_, i) => ({ k: keyOf(i * 7) }));
    const expected = rows.flatMap(({ k }, i) => (i * 7 < 20_000 ? [{ k, v: i * 7, t: `row ${i * 7}` }] : []));
    expect(joined(memory, left, rows, index, false)).to.deep.equal(expected);
  });

  it('gives more pairs than go into one chunk in pieces, each row of the table in its order', () => {
    const memory = newMemory();
    const left = schema({ k: int32() }).columns;
    const right = schema({ key: int32(), ...values }).columns;
    const table = Array.from({ length: 3000 }, (_, i) => ({ key: 1, v: i, t: '' }));
    const index = new JoinIndex(columnsFromRows(memory, right, table, 'spec'), ['key'], KEPT);
    const rows = Array.from({ length: 20 }, (_, i) => ({ k: i % 2 }));
    for (const keepAll of [false, true]) {
      const chunk = columnsFromRows(memory, left, rows, 'spec');
      const sizes = [...pairsOf(index, index.probe(chunk, ['k']), 20, keepAll)].map(({ tableRows }) => tableRows.count);
      expect(sizes).to.deep.equal([MAX_PAIRS, 30_000 + (keepAll ? 10 : 0) - MAX_PAIRS]);
      // As text: comparing thirty thousand rows deeply takes a second.
      const text = JSON.stringify(oracle(rows, table, [['k', 'key']], keepAll));
      expect(JSON.stringify(joined(memory, left, rows, index, keepAll)) === text).to.equal(true);
    }
  });

  it('finds nothing in an empty table', () => {
    const memory = newMemory();
    const left = schema({ k: utf8() }).columns;
    const right = schema({ key: utf8(), ...values }).columns;
    const index = new JoinIndex(columnsFromRows(memory, right, [], 'spec'), ['key'], KEPT);
    expect(joined(memory, left, [{ k: '' }], index, false)).to.deep.equal([]);
    expect(joined(memory, left, [{ k: '' }], index, true)).to.deep.equal([{ k: '', v: null, t: null }]);
  });

  it('outlives the task that made it, gives all back when it is disposed of, and nothing stays of one that does not fit', () => {
    const small = 4 * 1024 * 1024;
    const memory = new SlotMemory(0, createSlotMemory(small), small);
    const right = schema({ key: int64(), ...values }).columns;
    const make = (numRows: number): JoinIndex => {
      const rows = Array.from({ length: numRows }, (_, i) => ({ key: i, v: i, t: 'x'.repeat(20) }));
      return new JoinIndex(columnsFromRows(memory, right, rows, 'spec'), ['key'], KEPT);
    };
    memory.startTracking();
    const index = make(100);
    expect(memory.stopTracking()).to.deep.equal([]);
    memory.resetScratch();
    const numBlocks = memory.numBlocks;
    expect(() => make(40_000))
      .to.throw()
      .with.property('code', 'memoryLimit');
    memory.resetScratch();
    index.dispose();
    expect(memory.numBlocks).to.be.below(numBlocks);
    const left = memory.numBlocks;
    make(100).dispose();
    memory.resetScratch();
    expect(memory.numBlocks, 'blocks of scratch only').to.equal(left);
  });
});
