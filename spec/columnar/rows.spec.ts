import { expect } from 'chai';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { makeDecoder } from '../../lib/columnar/decoder.js';
import { rowsOf, stringsOf, valuesOf } from '../../lib/columnar/rows.js';
import { rowChunk } from '../../lib/columnar/chunk.js';
import type { ColumnChunk } from '../../lib/columnar/chunk.js';
import { csv, text } from '../../lib/core/format.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import { fullMemory, putAtEnd } from './decode-fixture.js';

const every = schema({
  s: nullable(utf8()),
  i: nullable(int32()),
  l: int64(),
  f: nullable(float64()),
  b: nullable(bool()),
  t: nullable(timestamp()),
});
const texts = [
  '',
  'a',
  'abc',
  'sixteen bytes ok',
  'seventeen bytes..',
  'gr\u00fc\u00dfe',
  '\u20ac\u{1f600}\u00e9',
  '\ufeffbom',
  '\ud800',
  'x'.repeat(40),
  `\u{1f600}${'y'.repeat(20_000)}`,
];

describe('rows', () => {
  const memory = fullMemory();

  afterEach(() => memory.resetScratch());

  const decode = (input: string, columns?: readonly string[]): ColumnChunk => {
    const bytes = Buffer.from(input);
    return makeDecoder(memory, csv(schema({ user: utf8(), action: utf8(), ts: int64() })), columns, undefined).decode(
      putAtEnd(memory, bytes),
      bytes.length,
      true,
    ).chunk;
  };

  it('of a row chunk are its own', () => {
    const rows = [1, 'a', null];
    expect(rowsOf(rowChunk(rows))).to.equal(rows);
  });

  it('are plain objects with the decoded columns only', () => {
    const [row] = rowsOf(decode('a,b,1\n', ['user', 'ts'])) as object[];
    expect(row).to.deep.equal({ user: 'a', ts: 1 });
    expect(Object.getPrototypeOf(row)).to.equal(Object.prototype);
    expect(JSON.stringify(row)).to.equal('{"user":"a","ts":1}');
  });

  it('are empty objects where no column is decoded, and none where there are no rows', () => {
    expect(rowsOf(decode('a,b,1\nc,d,2\n', []))).to.deep.equal([{}, {}]);
    expect(rowsOf(decode(''))).to.deep.equal([]);
  });

  it('of a scalar chunk are the values themselves', () => {
    const input = Buffer.from('a\n\u00e9\n');
    const { chunk } = makeDecoder(memory, text(), undefined, undefined).decode(
      putAtEnd(memory, input),
      input.length,
      true,
    );
    expect(rowsOf(chunk)).to.deep.equal(['a', '\u00e9']);
  });

  it('may have names that objects inherit, as properties of their own', () => {
    const odd = schema({ ['__proto__']: utf8(), constructor: int32(), 'a"]; throw 1; //': int32(), 7: int32() });
    const [source] = rowsOf(
      columnsFromRows(
        memory,
        odd.columns,
        [JSON.parse('{"__proto__":"p","constructor":1,"a\\"]; throw 1; //":2,"7":3}')],
        's',
      ),
    ) as object[];
    expect(Object.entries(source ?? {}).toSorted()).to.deep.equal([
      ['7', 3],
      ['__proto__', 'p'],
      ['a"]; throw 1; //', 2],
      ['constructor', 1],
    ]);
    expect(Object.getPrototypeOf(source)).to.equal(Object.prototype);
  });

  it('come back from columns as they went in, of every type, with nulls and unicode', () => {
    forSeeds(25, random => {
      const orNull = <T>(value: T): T | null => (random() < 0.2 ? null : value);
      const rows = Array.from({ length: intBelow(random, 200) }, () => ({
        s: orNull(pick(random, texts)),
        i: orNull(intBelow(random, 2 ** 32) - 2 ** 31),
        l: Math.floor((random() - 0.5) * 2 ** intBelow(random, 54)),
        f: orNull(pick(random, [0.5, -0, NaN, Infinity, random()])),
        b: orNull(random() < 0.5),
        t: orNull(pick(random, [0, -1, 1_700_000_000_000, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])),
      }));
      const expected = rows.map(row => ({ ...row, l: row.l + 0, s: row.s === '\ud800' ? '\ufffd' : row.s }));
      const chunk = columnsFromRows(memory, every.columns, rows, 'stream');
      expect(rowsOf(chunk)).to.deep.equal(expected);
      expect(chunk.columns[2]?.validity).to.equal(0);
      memory.resetScratch();
    });
  });

  it('leave scratch as it was', () => {
    const chunk = decode('a,b,1\n');
    const mark = memory.scratchMark();
    rowsOf(chunk);
    expect(memory.scratchMark()).to.deep.equal(mark);
  });

  it('have strings by column: null where there is none, and all null where the column is not decoded', () => {
    const one = schema({ s: nullable(utf8()), n: int32() });
    const chunk = columnsFromRows(memory, one.columns, [{ s: 'a', n: 1 }, { n: 2 }, { s: '', n: 3 }], 's');
    expect(stringsOf(chunk, 0)).to.deep.equal(['a', null, '']);
    expect(stringsOf({ ...chunk, columns: [undefined, chunk.columns[1]] }, 0)).to.deep.equal([null, null, null]);
    expect(Array.from(valuesOf(chunk, 1))).to.deep.equal([1, 2, 3]);
  });

  it('have strings that reach over many pieces', () => {
    const strings = Array.from({ length: 20_000 }, (_, i) => (i % 3 === 0 ? '' : `value ${i} \u00e9`));
    const chunk = columnsFromRows(
      memory,
      [{ name: 's', kind: 'utf8', nullable: false }],
      strings.map(s => ({ s })),
      's',
    );
    expect(stringsOf(chunk, 0)).to.deep.equal(strings);
  });
});
