import { expect } from 'chai';
import type { ColumnChunk } from '../../lib/columnar/chunk.js';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { decodeKeys, keySlices } from '../../lib/columnar/keys.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import type { Column } from '../../lib/core/schema.js';
import { hashBytes } from '../../lib/core/hash.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';
import { column, newMemory, textsOf } from './key-fixture.js';

const TEXTS = [
  '',
  'a',
  'a\0',
  '\0',
  'é',
  'b',
  '\u0001',
  'ab',
  '0123456789abcde',
  '0123456789abcdef',
  'y'.repeat(254),
  'y'.repeat(255),
  'y'.repeat(256),
  'z'.repeat(1000),
];
const KINDS = ['utf8', 'int32', 'int64', 'float64', 'bool', 'timestamp'] as const;

function randomValue(random: Random, { kind, nullable }: Column): unknown {
  if (nullable && random() < 0.3) return null;
  if (kind === 'utf8') return pick(random, TEXTS);
  if (kind === 'bool') return random() < 0.5;
  if (kind === 'float64') return pick(random, [0, -0, 1.5, -1.5, NaN, Infinity, 1e300]);
  if (kind === 'int32') return pick(random, [0, 1, -1, 255, 2 ** 31 - 1, -(2 ** 31)]);
  return pick(random, [0, 1, -1, 255, 2 ** 40, Number.MIN_SAFE_INTEGER]);
}

/** -0 and 0 are one key. */
const identity = (row: object): string =>
  JSON.stringify(
    Object.values(row).map(value => (typeof value === 'number' ? String(value === 0 ? 0 : value) : value)),
  );

const allOf = (columns: readonly Column[]): number[] => columns.map((_, i) => i);

function keysOf(chunk: ColumnChunk): string[] {
  return textsOf(chunk.memory, keySlices(chunk, allOf(chunk.schema)), chunk.numRows);
}

describe('columnar/keys', () => {
  it('gives equal rows equal bytes, different rows different bytes, and the columns back', () => {
    const memory = newMemory();
    forSeeds(120, random => {
      const columns = Array.from({ length: 1 + intBelow(random, 4) }, (_, i) =>
        column(`c${i}`, pick(random, KINDS), random() < 0.5),
      );
      const rows = Array.from({ length: intBelow(random, 60) }, () =>
        Object.fromEntries(columns.map(c => [c.name, randomValue(random, c)])),
      );
      const chunk = columnsFromRows(memory, columns, rows, 'spec');
      const slices = keySlices(chunk, allOf(columns));
      const keys = textsOf(memory, slices, rows.length);
      const byIdentity = new Map<string, string>();
      rows.forEach((row, i) => {
        const known = byIdentity.get(identity(row));
        if (known === undefined) byIdentity.set(identity(row), keys[i]);
        else expect(keys[i]).to.equal(known);
      });
      expect(new Set(keys).size).to.equal(byIdentity.size);
      keys.forEach((key, i) => {
        const bytes = Buffer.from(key, 'latin1');
        expect(memory.u32[slices.hashes / 4 + i]).to.equal(hashBytes(bytes, 0, bytes.length));
      });
      const decoded = { ...chunk, columns: decodeKeys(memory, slices, rows.length, columns), ascii: false };
      expect(rowsOf(decoded).map(row => identity(row as object))).to.deep.equal(rows.map(identity));
      memory.resetScratch();
    });
  });

  it('takes one text column without nulls as it lies', () => {
    const chunk = columnsFromRows(newMemory(), [column('k', 'utf8')], [{ k: 'a' }, { k: '' }], 'spec');
    const slices = keySlices(chunk, [0]);
    expect(slices.values).to.equal(chunk.columns[0]?.values);
    expect(slices.lengths).to.equal(chunk.columns[0]?.lengths);
  });

  it('encodes a nullable column alike in chunks with and without nulls', () => {
    const columns = [column('k', 'utf8', true)];
    const memory = newMemory();
    const without = keysOf(columnsFromRows(memory, columns, [{ k: 'a' }], 'spec'));
    const withNull = keysOf(columnsFromRows(memory, columns, [{ k: 'a' }, { k: null }], 'spec'));
    expect(withNull[0]).to.equal(without[0]);
  });

  it('tells null from the empty text and from zero', () => {
    for (const kind of ['utf8', 'int64'] as const) {
      const rows = [{ k: null }, { k: kind === 'utf8' ? '' : 0 }];
      expect(new Set(keysOf(columnsFromRows(newMemory(), [column('k', kind, true)], rows, 'spec'))).size).to.equal(2);
    }
  });

  it('keeps the layout that checkpoints hold', () => {
    const columns = [column('t', 'utf8'), column('n', 'int32', true), column('u', 'utf8')];
    const rows = [
      { t: 'ab', n: 1, u: 'z' },
      { t: '', n: null, u: '' },
    ];
    const keys = keysOf(columnsFromRows(newMemory(), columns, rows, 'spec'));
    expect(keys).to.deep.equal(['\x02ab\x01\x01\0\0\0z', '\0\0']);
  });
});
