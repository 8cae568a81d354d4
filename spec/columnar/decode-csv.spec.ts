import { expect } from 'chai';
import { makeDecoder } from '../../lib/columnar/decoder.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { csv } from '../../lib/core/format.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import type { Column } from '../../lib/core/schema.js';
import { forSeeds, intBelow, pick, shuffled } from '../helpers/random-values.js';
import type { Random } from '../helpers/random-values.js';
import { decodeCsv } from './csv-oracle.js';
import { fullMemory, putAtEnd, readAll } from './decode-fixture.js';

const events = schema({ user: utf8(), action: nullable(utf8()), ts: int64() });
const every = schema({
  s: utf8(),
  t: nullable(utf8()),
  i: int32(),
  j: nullable(int64()),
  f: float64(),
  g: nullable(float64()),
  b: bool(),
  at: nullable(timestamp()),
});

const GOOD: Record<Column['kind'], readonly string[]> = {
  utf8: [
    'a',
    '',
    'hello world',
    'a "quoted" word',
    'x,y',
    'line\nbreak',
    'cr\r\nlf',
    'gr\u00fc\u00dfe',
    '\u{1f600} smile',
    'x'.repeat(70),
  ],
  int32: ['0', '-1', '+7', '2147483647', '-2147483648', '000000000000000000012'],
  int64: ['1700000000000', '9007199254740991', '-9007199254740991', '0', '12345678', '123456789', '-0'],
  float64: [
    '0',
    '1.5',
    '-2.25e3',
    '0.1',
    '123456.789',
    '1e22',
    '1e23',
    '12345678901234567890',
    '.5',
    '5.',
    'NaN',
    '-Infinity',
    '4.35e-7',
    '1e400',
  ],
  bool: ['true', 'false', '1', '0'],
  timestamp: [
    '1700000000000',
    '2024-02-29',
    '2024-02-29T12:34:56Z',
    '2024-02-29T12:34:56.789',
    '2023-06-01 01:02:03',
    '1969-12-31T23:59:59.999Z',
    '2024-01-01T00:00:00+02:00',
    '2024-01-01T10:00',
  ],
};
const WRONG = [
  'abc',
  '1x',
  '0x10',
  '1 ',
  ' 1',
  '--1',
  '1e',
  '.',
  '+',
  '9007199254740992',
  '2147483648',
  '2024-13-01',
  '2024-01-01T25:00:00Z',
  'TRUE',
  '1_000',
  '\u0663',
  '1,',
  '"',
  '\r',
  '2024-1-1',
  'nan',
  '',
];

const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;

function field(random: Random, column: Column): string {
  if (column.nullable && random() < 0.2) return '';
  const text = pick(random, GOOD[column.kind]);
  return random() < 0.3 || /[",\n\r;]/.test(text) ? quote(text) : text;
}

function record(random: Random, columns: readonly Column[]): string {
  return columns.map(column => field(random, column)).join(',') + pick(random, ['\n', '\n', '\r\n']);
}

/** Bytes of valid records with a few of them spoiled: a wrong field, a byte changed, a piece missing. */
function spoiled(random: Random, columns: readonly Column[], numRecords: number, share: number): Uint8Array {
  let text = '';
  for (let i = 0; i < numRecords; i++) {
    let next = record(random, columns);
    if (random() < share) {
      const at = intBelow(random, next.length);
      const way = intBelow(random, 4);
      if (way === 0)
        next = next.slice(0, at) + pick(random, ['"', ',', '\n', '\r', '\u00e9', 'x', '""']) + next.slice(at);
      else if (way === 1) next = next.slice(0, at) + next.slice(at + 1 + intBelow(random, 3));
      else if (way === 2)
        next = columns.map(column => (random() < 0.3 ? pick(random, WRONG) : field(random, column))).join(',') + '\n';
      else next = `${pick(random, ['', '\r', ',', '"open', '""', '"a"b'])}\n${next}`;
    }
    text += next;
  }
  if (random() < 0.5) text = text.slice(0, -1);
  const bytes = Buffer.from(text);
  if (random() < share && bytes.length > 0)
    bytes[intBelow(random, bytes.length)] = pick(random, [0x80, 0xc0, 0xff, 0xe2]);
  return bytes;
}

const places = (bad: readonly { offset: number; byteLength: number }[]): unknown[] =>
  bad.map(({ offset, byteLength }) => ({ offset, byteLength }));

describe('csv decoder', () => {
  const memory = fullMemory();
  const names = every.columns.map(column => column.name);

  afterEach(() => memory.resetScratch());

  it('reads records that end in LF or CRLF, and a last one without its end', () => {
    const { rows, bad } = readAll(memory, csv(events), 'ann,click,1\r\nbob,,2\ncy,view,3');
    expect(rows).to.deep.equal([
      { user: 'ann', action: 'click', ts: 1 },
      { user: 'bob', action: null, ts: 2 },
      { user: 'cy', action: 'view', ts: 3 },
    ]);
    expect(bad).to.deep.equal([]);
  });

  it('gives no rows for no bytes, for blank lines, and for the beginning of a record', () => {
    expect(readAll(memory, csv(events), '')).to.deep.equal({ rows: [], bad: [] });
    expect(readAll(memory, csv(events), '\n\r\n\n')).to.deep.equal({ rows: [], bad: [] });
    const input = Buffer.from('ann,cli');
    const decoded = makeDecoder(memory, csv(events), undefined, undefined).decode(putAtEnd(memory, input), 7, false);
    expect([decoded.consumed, decoded.chunk.numRows]).to.deep.equal([0, 0]);
  });

  it('keeps delimiters, quotes and line ends inside quotes', () => {
    const { rows } = readAll(memory, csv(events), '"a,b","say ""hi""\r\nthere",3\n"","",4\n');
    expect(rows).to.deep.equal([
      { user: 'a,b', action: 'say "hi"\r\nthere', ts: 3 },
      { user: '', action: '', ts: 4 },
    ]);
  });

  it('takes a quote inside an unquoted field as data', () => {
    const { rows } = readAll(memory, csv(events), 'a"b,c"",3\n');
    expect(rows).to.deep.equal([{ user: 'a"b', action: 'c""', ts: 3 }]);
  });

  it('says why a record is bad', () => {
    const reasonOf = (line: string): string => readAll(memory, csv(events), `a,b,1\n${line}`).bad[0]?.reason ?? '';
    expect(reasonOf('a,b\n')).to.equal('3 fields wanted (user, action, ts), 2 came');
    expect(reasonOf('a,b,1,2\n')).to.equal('3 fields wanted (user, action, ts), 4 came');
    expect(reasonOf('a,b,abc\n')).to.equal("column ts wants int64, got 'abc'");
    expect(reasonOf('a,b,\n')).to.equal("column ts wants int64, got ''");
    expect(reasonOf('a,b,9007199254740992\n')).to.equal("column ts wants int64, got '9007199254740992'");
    expect(reasonOf('"a"x,b,1\n')).to.equal("field 1 has text after its closing quote: 'x,b,1'");
    expect(reasonOf('a,"b,1\n')).to.equal('the quote that opens field 2 is never closed');
  });

  it('says where a bad record is, without its line end', () => {
    const { bad } = readAll(memory, csv(events), 'a,b,1\r\nbad\r\nc,d,2\n"open');
    expect(places(bad)).to.deep.equal([
      { offset: 7, byteLength: 3 },
      { offset: 18, byteLength: 5 },
    ]);
  });

  it('refuses text that is not UTF-8, in declared columns only', () => {
    const input = Buffer.from('a\xff,1\nb,2\n\xc3\xa9,3\n', 'latin1');
    const both = csv(schema({ name: utf8(), n: int32() }));
    expect(readAll(memory, both, input)).to.deep.equal({
      rows: [
        { name: 'b', n: 2 },
        { name: '\u00e9', n: 3 },
      ],
      bad: [{ offset: 0, byteLength: 4, reason: 'column name wants utf8, got bytes that are not UTF-8' }],
    });
    const one = csv(schema({ n: int32() }));
    expect(readAll(memory, one, input, { header: ['name', 'n'] }).rows).to.deep.equal([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('finds columns by the header, and skips those that are not declared', () => {
    const { rows } = readAll(memory, csv(events), '7,x,click,ann\n', { header: ['ts', 'other', 'action', 'user'] });
    expect(rows).to.deep.equal([{ user: 'ann', action: 'click', ts: 7 }]);
  });

  it('refuses a header that lacks a declared column', () => {
    expect(() => makeDecoder(memory, csv(events), undefined, ['user', 'ts']))
      .to.throw('wants column action')
      .with.property('code', 'typeMismatch');
  });

  it('keeps only the columns asked for, and checks the others all the same', () => {
    const { rows, bad } = readAll(memory, csv(events), 'a,b,1\nc,d,x\ne,f,3\n', { columns: ['action'] });
    expect(rows).to.deep.equal([{ action: 'b' }, { action: 'f' }]);
    expect(bad).to.have.length(1);
  });

  it('does not copy plain text: slices lie in the region', () => {
    const input = Buffer.from('ann,"cl,ick",1\n');
    const address = putAtEnd(memory, input);
    const { chunk } = makeDecoder(memory, csv(events), undefined, undefined).decode(address, input.length, true);
    expect([chunk.textStart, chunk.textEnd, chunk.ascii]).to.deep.equal([address, address + input.length, true]);
    expect(memory.u32[(chunk.columns[1]?.values ?? 0) >>> 2]).to.equal(address + 5);
  });

  it('gives up the region where text had to be unescaped, and the ASCII flag where it is not', () => {
    const decode = (text: string) => {
      const input = Buffer.from(text);
      return makeDecoder(memory, csv(events), undefined, undefined).decode(putAtEnd(memory, input), input.length, true)
        .chunk;
    };
    expect(decode('"a""b",c,1\n').textStart).to.equal(0);
    expect(decode('\u00e9,c,1\n').ascii).to.equal(false);
  });

  it('reads fields of more than 64 KiB', () => {
    const long = 'x'.repeat(70_000);
    const quoted = `${'y,"\n'.repeat(20_000)}`;
    const { rows } = readAll(memory, csv(events), `${long},${quote(quoted)},1\nb,c,2\n`);
    expect(rows).to.deep.equal([
      { user: long, action: quoted, ts: 1 },
      { user: 'b', action: 'c', ts: 2 },
    ]);
  });

  it('reads other delimiters', () => {
    expect(readAll(memory, csv(events, { delimiter: '\t' }), 'a,b\t\t5\n').rows).to.deep.equal([
      { user: 'a,b', action: null, ts: 5 },
    ]);
    expect(readAll(memory, csv(events, { delimiter: ';' }), '"a;b";x;5\n').rows).to.deep.equal([
      { user: 'a;b', action: 'x', ts: 5 },
    ]);
  });

  it('reads a single nullable column, whose blank lines are no records', () => {
    const one = csv(schema({ n: nullable(int32()) }));
    expect(readAll(memory, one, '1\n\n""\n2').rows).to.deep.equal([{ n: 1 }, { n: 2 }]);
  });

  it('agrees with a plain reader on valid and on spoiled input of every type', () => {
    forSeeds(60, random => {
      const input = spoiled(random, every.columns, 1 + intBelow(random, 60), pick(random, [0, 0.1, 0.6]));
      const header = shuffled(random, [...names, 'extra', 'more']);
      const columns = random() < 0.5 ? names : names.filter(() => random() < 0.5);
      const mapped = header.map(
        name =>
          every.columns.find(column => column.name === name) ?? ({ name, kind: 'utf8', nullable: false } as const),
      );
      for (const [bytes, fileHeader] of [
        [input, undefined],
        [spoiled(random, mapped, 20, 0.1), header],
      ] as const) {
        const expected = decodeCsv(bytes, ',', every.columns, fileHeader ?? names, columns);
        const actual = readAll(memory, csv(every), bytes, { columns, ...(fileHeader && { header: fileHeader }) });
        expect(actual.rows).to.deep.equal(expected.rows);
        expect(places(actual.bad)).to.deep.equal(expected.bad);
      }
    });
  });

  it('agrees with a plain reader on any bytes', () => {
    const alphabet = ['"', '"', ',', ',', '\n', '\r\n', '\r', 'a', '1', '\u00e9'];
    const two = schema({ a: utf8(), b: nullable(utf8()) });
    forSeeds(400, random => {
      const input = Buffer.from(Array.from({ length: intBelow(random, 120) }, () => pick(random, alphabet)).join(''));
      const expected = decodeCsv(input, ',', two.columns, ['a', 'b'], ['a', 'b']);
      const actual = readAll(memory, csv(two), input);
      expect(actual.rows, JSON.stringify(input.toString())).to.deep.equal(expected.rows);
      expect(places(actual.bad), JSON.stringify(input.toString())).to.deep.equal(expected.bad);
    });
  });

  it('reads the same however the input is cut into regions', () => {
    forSeeds(6, random => {
      const input = spoiled(random, events.columns, 8, 0.3);
      const whole = readAll(memory, csv(events), input);
      for (let cut = 0; cut <= input.length; cut++) {
        expect(readAll(memory, csv(events), input, { cuts: [cut] }), `cut ${cut}`).to.deep.equal(whole);
      }
      const cuts = Array.from(input.keys()).filter(() => random() < 0.2);
      expect(readAll(memory, csv(events), input, { cuts })).to.deep.equal(whole);
    });
  });

  it('drops a bad record without leaving its nulls behind', () => {
    const pair = csv(schema({ a: nullable(int32()), b: int32() }));
    const input = Buffer.from(',x\n1,2\n');
    const { chunk } = makeDecoder(memory, pair, undefined, undefined).decode(
      putAtEnd(memory, input),
      input.length,
      true,
    );
    expect(rowsOf(chunk)).to.deep.equal([{ a: 1, b: 2 }]);
  });
});
