import { expect } from 'chai';
import { makeDecoder } from '../../lib/columnar/decoder.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import { ndjson } from '../../lib/core/format.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import type { Column } from '../../lib/core/schema.js';
import { forSeeds, intBelow, pick, shuffled } from '../helpers/random-values.js';
import type { Random } from '../helpers/random-values.js';
import { csvValue } from './csv-oracle.js';
import { fullMemory, putAtEnd, readAll } from './decode-fixture.js';

const events = schema({ user: utf8(), action: nullable(utf8()), ts: int64() });
const every = schema({
  s: utf8(),
  long_name_of_a_column: nullable(utf8()),
  i: int32(),
  j: nullable(int64()),
  f: float64(),
  b: nullable(bool()),
  at: timestamp(),
});

/** JSON texts of values that fit, by kind. */
const GOOD: Record<Column['kind'], readonly string[]> = {
  utf8: [
    '"a"',
    '""',
    '"hello world"',
    '"gr\u00fc\u00dfe"',
    '"\u{1f600}"',
    '"a\\"b"',
    '"\\u00e9\\n"',
    '"{,}:[]"',
    `"${'x'.repeat(90)}"`,
  ],
  int32: ['0', '-1', '2147483647', '-2147483648', '12', '1e2', '3.0', '-0', '"12"', '"-0"', '"+007"', '"\\u0031"'],
  int64: ['1700000000000', '9007199254740991', '0', '-12345678901', '1e15', '"1700000000000"', '"-9007199254740991"'],
  float64: [
    '0',
    '1.5',
    '-2.25e3',
    '0.1',
    '123456.789',
    '1e22',
    '1E23',
    '12345678901234567890',
    '4.35e-7',
    '-0.0',
    '1e400',
    '"1.5"',
    '"-.5E3"',
    '"0.1"',
    '"NaN"',
    '"-Infinity"',
  ],
  bool: ['true', 'false'],
  timestamp: [
    '1700000000000',
    '"2024-02-29"',
    '"2024-02-29T12:34:56.789Z"',
    '"2024-02-29T12:34:56+01:00"',
    '0',
    '"1700000000000"',
  ],
};
const ANY = [
  '"true"',
  '"1"',
  '"1.0"',
  '"1e2"',
  '" 1"',
  '"0x10"',
  '"9007199254740993"',
  '"2147483648"',
  '"--1"',
  '"."',
  '"1e400"',
  '"nan"',
  ...Object.values(GOOD).flat(),
  'null',
  '"2024-13-01"',
  '[]',
  '{}',
  '[1,"a",{"b":[true,null]}]',
  '{"a":{"b":"c"},"d":[[]]}',
  '1.5',
  '01',
  '+1',
  '1.',
  '.5',
  '-',
  '1e',
  'nul',
  'True',
  '"\t"',
  '"a\\q"',
  '[1,]',
  '{"a":1,}',
  '{"a"}',
  '[,1]',
  '{1:2}',
  '9007199254740993',
  '"x',
  "'x'",
  '',
  '[',
  '{',
  ' 1 ',
  '\t1',
  '[ 1 , 2 ]',
  '{ "a" : [ ] }',
  '"tru"',
  'NaN',
  '2147483648',
  '[[[[[[[[]]]]]]]]',
  `${'['.repeat(70)}${']'.repeat(70)}`,
  `${'{"a":'.repeat(6)}${'['.repeat(64)}${']'.repeat(70)}`,
  '"\\u00eg"',
  '"\\u00e"',
  '"\\uD83D\\/\\\\\\""',
];

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function valueOf(column: Column, value: unknown): unknown {
  if (value === undefined || value === null) return column.nullable ? null : undefined;
  const isNumber = typeof value === 'number';
  switch (column.kind) {
    case 'utf8':
      // Half a surrogate pair has no UTF-8: U+FFFD stands for it.
      return typeof value === 'string' ? Buffer.from(value).toString() : undefined;
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
    case 'float64':
      return isNumber ? value : inQuotes(column, value);
    case 'int32':
      return isNumber ? ((value | 0) === value ? value + 0 : undefined) : inQuotes(column, value);
    case 'int64':
    case 'timestamp':
      return isNumber ? (Number.isSafeInteger(value) ? value + 0 : undefined) : inQuotes(column, value);
  }
}

/** A number in quotes is what a CSV field of the same text is. */
const inQuotes = (column: Column, value: unknown): unknown =>
  typeof value === 'string' ? csvValue(column, value, true) : undefined;

/** JSON.parse a line. */
function oracle(input: Uint8Array, columns: readonly Column[], kept: readonly string[]) {
  const rows: unknown[] = [];
  const bad: { offset: number; byteLength: number }[] = [];
  let offset = 0;
  for (const line of Buffer.from(input).toString('latin1').split('\n')) {
    const isLast = offset + line.length === input.length;
    const bytes = line.endsWith('\r') && !isLast ? line.slice(0, -1) : line;
    if (bytes !== '') {
      let values: unknown[] = [undefined];
      try {
        const object: unknown = JSON.parse(decoder.decode(Buffer.from(bytes, 'latin1')));
        if (typeof object === 'object' && object !== null && !Array.isArray(object)) {
          const fields = new Map<string, unknown>(Object.entries(object));
          values = columns.map(column => valueOf(column, fields.get(column.name)));
        }
      } catch {
        values = [undefined];
      }
      if (values.includes(undefined)) bad.push({ offset, byteLength: bytes.length });
      else
        rows.push(
          Object.fromEntries(
            columns.map((column, i) => [column.name, values[i]] as const).filter(([name]) => kept.includes(name)),
          ),
        );
    }
    offset += line.length + 1;
  }
  return { rows, bad };
}

const gap = (random: Random, share: number): string => (random() < share ? pick(random, [' ', '  ', '\t', ' ']) : '');

function line(random: Random, columns: readonly Column[], spoil: number, spaces: number): string {
  let fields = columns
    .filter(column => !column.nullable || random() < 0.8)
    .map(column => {
      const value =
        random() < spoil
          ? pick(random, ANY)
          : column.nullable && random() < 0.2
            ? 'null'
            : pick(random, GOOD[column.kind]);
      return [JSON.stringify(column.name), value];
    });
  if (random() < spoil) fields.splice(intBelow(random, fields.length), 1);
  if (random() < spoil) fields = shuffled(random, fields);
  if (random() < 0.3)
    fields.splice(intBelow(random, fields.length + 1), 0, [
      '"other"',
      random() < 0.5 ? pick(random, ANY) : '{"a":[1,{"b":"c"}],"d":""}',
    ]);
  if (random() < spoil) fields.push(pick(random, fields));
  if (random() < spoil) fields.push(['"\\u0069"', '5']);
  const space = (): string => gap(random, spaces);
  const body = fields.map(([name, value]) => `${space()}${name}${space()}:${space()}${value}${space()}`).join(',');
  let text = `${space()}{${body}}${space()}`;
  if (random() < spoil / 2) {
    const at = intBelow(random, text.length);
    text = text.slice(0, at) + pick(random, ['"', ',', '{', '}', '\\', '\u0001', '']) + text.slice(at + 1);
  }
  return text + pick(random, ['\n', '\n', '\r\n']);
}

const places = (bad: readonly { offset: number; byteLength: number }[]): unknown[] =>
  bad.map(({ offset, byteLength }) => ({ offset, byteLength }));

describe('ndjson decoder', () => {
  const memory = fullMemory();
  const names = every.columns.map(column => column.name);

  afterEach(() => memory.resetScratch());

  it('reads declared fields in any order, and skips others, nested ones too', () => {
    const input =
      '{"user":"a","action":"x","ts":1}\r\n{"o":{"user":[1,"}"]},"ts":2,"user":"b"}\n\n{ "ts" : 3 , "user" : "c" , "action" : null }';
    const { rows, bad } = readAll(memory, ndjson(events), input);
    expect(rows).to.deep.equal([
      { user: 'a', action: 'x', ts: 1 },
      { user: 'b', action: null, ts: 2 },
      { user: 'c', action: null, ts: 3 },
    ]);
    expect(bad).to.deep.equal([]);
  });

  it('takes the last of fields with one name, and knows names that are escaped', () => {
    const { rows } = readAll(memory, ndjson(events), '{"ts":"x","user":"a","ts":1}\n{"\\u0074s":2,"user":"b"}\n');
    expect(rows).to.deep.equal([
      { user: 'a', action: null, ts: 1 },
      { user: 'b', action: null, ts: 2 },
    ]);
  });

  it('says why a record is bad', () => {
    const reasonOf = (text: string): string => readAll(memory, ndjson(events), `${text}\n`).bad[0]?.reason ?? '';
    expect(reasonOf('{"user":"a","ts":"x"}')).to.equal('column ts wants int64, got string "x"');
    expect(reasonOf('{"user":"a","ts":""}')).to.equal('column ts wants int64, got string ""');
    expect(reasonOf('{"user":"a","ts":"1.5"}')).to.equal('column ts wants int64, got string "1.5"');
    expect(reasonOf('{"user":"a","ts":1.5}')).to.equal('column ts wants int64, got number 1.5');
    expect(reasonOf('{"user":"a","ts":null}')).to.equal('column ts wants int64, got null');
    expect(reasonOf('{"user":"a"}')).to.equal('column ts wants int64, got nothing: the field is missing');
    expect(reasonOf('{"user":{},"ts":1}')).to.equal('column user wants utf8, got object');
    expect(reasonOf('[1]')).to.equal('a JSON object wanted, got array');
    expect(reasonOf('{"user"')).to.match(/^a JSON object wanted: ./);
  });

  it('reads numbers in quotes as a CSV field is read, and booleans only as words', () => {
    const numbers = schema({ i: nullable(int32()), f: nullable(float64()), at: nullable(timestamp()) });
    const input = '{"i":"-7","f":"2.50","at":"1700000000000"}\n{"f":"NaN","at":"2024-02-29"}\n';
    const { rows, bad } = readAll(memory, ndjson(numbers), input);
    expect(bad).to.deep.equal([]);
    expect(rows).to.deep.equal([
      { i: -7, f: 2.5, at: 1700000000000 },
      { i: null, f: NaN, at: Date.UTC(2024, 1, 29) },
    ]);
    const flags = readAll(memory, ndjson(schema({ b: bool() })), '{"b":"true"}\n{"b":"1"}\n{"b":true}\n');
    expect([flags.rows, flags.bad.map(({ reason }) => reason)]).to.deep.equal([
      [{ b: true }],
      ['column b wants bool, got string "true"', 'column b wants bool, got string "1"'],
    ]);
  });

  it('refuses a line that is not UTF-8, and keeps its neighbours', () => {
    const input = Buffer.from('{"user":"a","ts":1}\n{"user":"\xff","ts":2}\n{"user":"\xc3\xa9","ts":3}\n', 'latin1');
    const { rows, bad } = readAll(memory, ndjson(events), input, { columns: ['user'] });
    expect(rows).to.deep.equal([{ user: 'a' }, { user: '\u00e9' }]);
    expect(bad).to.deep.equal([
      { offset: 20, byteLength: 19, reason: 'a JSON object wanted, got bytes that are not UTF-8' },
    ]);
  });

  it('takes names that every object inherits for what they are', () => {
    const odd = ndjson(
      schema({ constructor: nullable(utf8()), ['__proto__']: nullable(int32()), toString: nullable(utf8()) }),
    );
    const { rows } = readAll(memory, odd, '{}\n{"constructor":"c","__proto__":7}\n{"\\u005f_proto__":8}\n');
    expect(rows.map(row => Object.entries(row as object))).to.deep.equal([
      [
        ['constructor', null],
        ['__proto__', null],
        ['toString', null],
      ],
      [
        ['constructor', 'c'],
        ['__proto__', 7],
        ['toString', null],
      ],
      [
        ['constructor', null],
        ['__proto__', 8],
        ['toString', null],
      ],
    ]);
  });

  it('reads a declared name that is longer than one compare, and one that only begins like it', () => {
    const long = 'a_name_that_is_longer_than_sixteen_bytes';
    const format = ndjson(schema({ [long]: int32() }));
    const { rows } = readAll(
      memory,
      format,
      `{"${long}":1}\n{"${long}_":5,"${long}":2}\n{"b${long.slice(1)}":5,"${long}":3}\n`,
    );
    expect(rows).to.deep.equal([{ [long]: 1 }, { [long]: 2 }, { [long]: 3 }]);
  });

  it('reads strings of more than 64 KiB, and lines with more fields than it remembers', () => {
    const text = 'x'.repeat(70_000);
    const many = Array.from({ length: 100 }, (_, i) => `"f${i}":${i}`).join();
    const input = `{"user":"${text}","ts":1}\n{${many},"user":"b","ts":2}\n{${many},"user":"c","ts":3}\n`;
    expect(readAll(memory, ndjson(events), input, { columns: ['user', 'ts'] }).rows).to.deep.equal([
      { user: text, ts: 1 },
      { user: 'b', ts: 2 },
      { user: 'c', ts: 3 },
    ]);
  });

  it('does not copy plain text, and gives up the region and the ASCII flag where an escape was decoded', () => {
    const decode = (text: string) => {
      const input = Buffer.from(text);
      const address = putAtEnd(memory, input);
      return {
        address,
        chunk: makeDecoder(memory, ndjson(events), undefined, undefined).decode(address, input.length, false).chunk,
      };
    };
    const plain = decode('{"user":"ann","ts":1}\n');
    expect(memory.u32[(plain.chunk.columns[0]?.values ?? 0) >>> 2]).to.equal(plain.address + 9);
    expect([plain.chunk.textStart, plain.chunk.ascii]).to.deep.equal([plain.address, true]);
    const escaped = decode('{"user":"\\u00e9","ts":1}\n');
    expect([escaped.chunk.textStart, escaped.chunk.ascii]).to.deep.equal([0, false]);
  });

  it('needs JSON.parse for no line without escapes, however names, nulls and types change from line to line', () => {
    const lines = [
      '{"user":"a","action":null,"ts":1}',
      '{"user":"b","action":"x","ts":2}',
      '{"user":"c","ts":3,"other":4}',
      '{"other":"\\u00e9\\"\\\\","ts":4,"action":"x","user":"d"}',
      '{"other":[{"a":"\\/"}],"ts":5,"action":"x","user":"e"}',
      '{ "ts" : 6, "user" : "f" }',
      '{"ts":"1700000000000","user":"g"}',
    ];
    const input = Buffer.from(lines.map(text => `${text}\n`).join(''));
    const decoder = makeDecoder(memory, ndjson(events), undefined, undefined);
    const { chunk } = decoder.decode(putAtEnd(memory, input), input.length, false);
    // What JSON.parse decided would have its text in scratch.
    expect([chunk.numRows, chunk.textStart > 0]).to.deep.equal([7, true]);
  });

  it('may need more memory while it decodes', () => {
    const small = new SlotMemory(0, createSlotMemory(1 << 26), 1 << 26);
    const text = '\\u00e9'.repeat(50_000);
    const input = Buffer.from(`{"user":"${text}","ts":1}\n`.repeat(8));
    const address = small.alloc(input.length);
    small.bytes(address, input.length).set(input);
    const { chunk } = makeDecoder(small, ndjson(events), ['user'], undefined).decode(address, input.length, true);
    expect(rowsOf(chunk)).to.deep.equal(Array.from({ length: 8 }, () => ({ user: '\u00e9'.repeat(50_000) })));
  });

  it('agrees with JSON.parse on valid and on spoiled lines', () => {
    forSeeds(120, random => {
      const spoil = pick(random, [0, 0.03, 0.3]);
      const spaces = pick(random, [0, 0, 0.2]);
      let text = Array.from({ length: 40 }, () => line(random, every.columns, spoil, spaces)).join('');
      if (random() < 0.5) text = text.slice(0, -1);
      const input = Buffer.from(text);
      if (random() < spoil) input[intBelow(random, input.length)] = pick(random, [0x80, 0xc0, 0xff, 0xe2]);
      const columns = random() < 0.5 ? names : names.filter(() => random() < 0.5);
      const expected = oracle(input, every.columns, columns);
      const actual = readAll(memory, ndjson(every), input, { columns });
      expect(actual.rows).to.deep.equal(expected.rows);
      expect(places(actual.bad)).to.deep.equal(expected.bad);
    });
  });

  it('agrees with JSON.parse on every pair of a column and a value', () => {
    for (const column of every.columns) {
      for (const value of ANY) {
        const input = Buffer.from(
          `{"${column.name}":${value}}\n{"other":${value},"${column.name}":${GOOD[column.kind][0]}}\n`,
        );
        const expected = oracle(input, [column], [column.name]);
        const actual = readAll(memory, ndjson({ columns: [column] }), input);
        expect(actual.rows, input.toString()).to.deep.equal(expected.rows);
        expect(places(actual.bad), input.toString()).to.deep.equal(expected.bad);
      }
    }
  });

  it('reads the same however the input is cut into regions', () => {
    forSeeds(4, random => {
      const input = Buffer.from(
        Array.from({ length: 6 }, () => line(random, events.columns, 0.1, 0.1))
          .join('')
          .slice(0, -1),
      );
      const whole = readAll(memory, ndjson(events), input);
      for (let cut = 0; cut <= input.length; cut++) {
        expect(readAll(memory, ndjson(events), input, { cuts: [cut] }), `cut ${cut}`).to.deep.equal(whole);
      }
    });
  });
});
