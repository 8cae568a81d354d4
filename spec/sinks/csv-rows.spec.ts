import { expect } from 'chai';
import { csv } from '../../lib/core/format.js';
import { nullable, schema, utf8 } from '../../lib/core/schema.js';
import { makeDecoder } from '../../lib/columnar/decoder.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { CsvRows } from '../../lib/sinks/csv-rows.js';
import { newMemory } from '../contracts/source.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';

const format = (rows: readonly unknown[], delimiter = ',', escapeFormulas = false): string =>
  new CsvRows({ delimiter, escapeFormulas }).format(rows, 0, rows.length);

describe('CsvRows', () => {
  it('makes one field of a text, quoted where it must be', () => {
    expect(format(['plain', 'two words', ' space '])).to.equal('plain\ntwo words\n space \n');
    expect(format(['a,b', 'say "x"', 'a\nb', 'a\rb', ''])).to.equal('"a,b"\n"say ""x"""\n"a\nb"\n"a\rb"\n""\n');
  });

  it('takes any delimiter', () => {
    expect(format([['a,b', 'c;d']], ';')).to.equal('a,b;"c;d"\n');
    expect(format([['a^b', 'c]d']], '^')).to.equal('"a^b"^c]d\n');
    expect(format([['a', -1.5]], '-')).to.equal('a-"-1.5"\n');
    expect(format([['a\\b', 'c']], '\\')).to.equal('"a\\b"\\c\n');
  });

  it('makes a field of each key of an object, and of each element of an array', () => {
    const rows = new CsvRows({ delimiter: ',', escapeFormulas: false });
    expect(rows.names).to.equal('');
    expect(
      rows.format(
        [
          { id: 1, 'a,b': 'x' },
          { 'a,b': 'y', id: 2 },
        ],
        0,
        2,
      ),
    ).to.equal('1,x\n2,y\n');
    expect(rows.names).to.equal('id,"a,b"\n');
    expect(
      format([
        ['k', 1],
        ['l', 2],
      ]),
    ).to.equal('k,1\nl,2\n');
  });

  it('prints values as JavaScript does, dates in ISO 8601, null as nothing', () => {
    const row = [1, -0.5, 1e21, 2n ** 60n, true, null, undefined, new Date(0), NaN];
    expect(format([row])).to.equal('1,-0.5,1e+21,1152921504606846976,true,,,1970-01-01T00:00:00.000Z,NaN\n');
  });

  it('never writes a blank line', () => {
    expect(format(['', 'x'])).to.equal('""\nx\n');
    expect(format([null, 'x'])).to.equal('""\nx\n');
    expect(format([{ a: null }, { a: '' }])).to.equal('""\n""\n');
    expect(format([[null]])).to.equal('""\n');
    expect(format([[null, null]])).to.equal(',\n');
  });

  it("puts a ' before text that a spreadsheet would run, when asked to, and leaves numbers alone", () => {
    const row = ['=1+1', '+a', '-b', '@c', '\tt', '\rr', 'ok', -5];
    expect(format([row], ',', true)).to.equal("'=1+1,'+a,'-b,'@c,'\tt,\"'\rr\",ok,-5\n");
    expect(format(['=x', 'y'], ',', true)).to.equal("'=x\ny\n");
  });

  it('refuses rows that do not fit the first one, and values without a text, naming the row', () => {
    const misfits: (readonly unknown[])[] = [
      [{ a: 1 }, { b: 1 }],
      [{ a: 1 }, { a: 1, b: 2 }],
      [{ a: 1 }, 'text'],
      [[1, 2], [1]],
      ['text', { a: 1 }],
      ['text', ['a']],
      [[1], [{ x: 1 }]],
      [{ a: 1 }, { a: new Map() }],
      [[1], [() => 1]],
      ['x', new Date(NaN)],
    ];
    for (const rows of misfits) {
      expect(() => format(rows), JSON.stringify(rows))
        .to.throw(/row 1 /)
        .with.property('code', 'typeMismatch');
    }
  });

  it('names the row by its number in the task', () => {
    const rows = new CsvRows({ delimiter: ',', escapeFormulas: false });
    rows.format([[1], [2]], 0, 2);
    expect(() => rows.format([[3], [4, 5]], 0, 2)).to.throw(/row 3 /);
  });

  it('writes lists as their JSON, quoted like any text', () => {
    expect(
      format([
        { k: 'a', xs: [] },
        { k: 'b', xs: [1, 'x"y', null, true, NaN] },
      ]),
    ).to.equal('a,[]\nb,"[1,""x\\""y"",null,true,null]"\n');
    expect(() => format([{ xs: [[1]] }]), 'of lists').to.throw('an array of such in column xs');
  });

  it('writes an own property named like one of the prototype, and no inherited one', () => {
    const row = JSON.parse('{"__proto__":"p","constructor":"c"}') as unknown;
    expect(format([row])).to.equal('p,c\n');
    expect(() => format([{ toString: 'a' }, { a: 'a' }]))
      .to.throw()
      .with.property('code', 'typeMismatch');
  });

  it('writes what the csv format reads back, for random text and nulls', () => {
    const columns = schema({ a: nullable(utf8()), b: nullable(utf8()), c: utf8() });
    const memory = newMemory();
    forSeeds(30, random => {
      const delimiter = pick(random, [',', ';', '\t', '|']);
      const pieces = ['"', '""', ',', ';', '|', '\t', '\n', '\r\n', 'x', 'yy', ' ', 'ü', '€', '😀'];
      const textOf = (): string => Array.from({ length: intBelow(random, 6) }, () => pick(random, pieces)).join('');
      const field = (): string | null => (random() < 0.2 ? null : textOf());
      const rows = Array.from({ length: 20 }, () => ({ a: field(), b: field(), c: textOf() }));
      const bytes = Buffer.from(format(rows, delimiter));
      const address = memory.scratch(bytes.length);
      memory.u8.set(bytes, address);
      const decoder = makeDecoder(memory, csv(columns, { header: false, delimiter }), undefined, undefined);
      const { chunk, bad } = decoder.decode(address, bytes.length, true);
      expect(bad).to.deep.equal([]);
      expect(rowsOf(chunk)).to.deep.equal(rows);
      memory.resetScratch();
    });
  });
});
