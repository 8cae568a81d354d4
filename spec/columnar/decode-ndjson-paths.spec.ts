import { expect } from 'chai';
import { makeDecoder } from '../../lib/columnar/decoder.js';
import { EngineError } from '../../lib/core/errors.js';
import { ndjson } from '../../lib/core/format.js';
import { pathOf } from '../../lib/core/json-paths.js';
import { int64, nullable, schema, utf8 } from '../../lib/core/schema.js';
import { rowsOfBody } from '../../lib/sources/receiver/http-lines.js';
import { forSeeds, intBelow, pick, shuffled, type Random } from '../helpers/random-values.js';
import { fullMemory, putAtEnd, readAll } from './decode-fixture.js';

const events = schema({
  ts: int64(),
  id: utf8(),
  city: nullable(utf8()),
  zip: nullable(int64()),
  first: nullable(utf8()),
});
const format = ndjson(events, {
  paths: { id: 'user.id', city: 'user.address.city', zip: ['user', 'address', 'zip'], first: 'items.0.id' },
});

const DEEP = '{"ts":1,"user":{"id":"a","address":{"city":"Bern","zip":3000},"x":[1]},"items":[{"id":"i"},{"id":"j"}]}';

/** A JSON text of an object with some of these fields, now and then twice, in any order. */
function objectOf(random: Random, spoil: number, fields: readonly (readonly [string, () => string])[]): string {
  let made = fields.filter(() => random() >= spoil).map(([name, value]) => [name, value()] as const);
  if (random() < spoil) made = shuffled(random, made);
  if (random() < spoil && made.length > 0) made.push([pick(random, made)[0], pick(random, fields)[1]()]);
  if (random() < spoil)
    made.splice(intBelow(random, made.length + 1), 0, ['other', '{"id":"no","address":{"zip":[{}]}}']);
  const space = (): string => (random() < spoil / 4 ? ' ' : '');
  const name = (text: string): string =>
    random() < spoil / 8 ? `\\u00${text.charCodeAt(0).toString(16)}${text.slice(1)}` : text;
  return `{${space()}${made.map(([key, value]) => `"${name(key)}"${space()}:${space()}${value}${space()}`).join()}${space()}}`;
}

function documentOf(random: Random, spoil: number): string {
  const or =
    (value: () => string): (() => string) =>
    () =>
      random() < spoil
        ? pick(random, ['null', '{}', '[]', '5', '"t"', 'true', '[{"id":"x"}]', '{"id":{"id":1}}', '{', '"\\q"'])
        : value();
  const text = (): string =>
    pick(random, [
      '"a"',
      '""',
      '"gr\u00fc\u00df"',
      '"}},{"',
      `"${'x'.repeat(30)}"`,
      ...(random() < spoil ? ['"\\n"'] : []),
    ]);
  const number = (): string => pick(random, ['1', '"17"', '-5', '1700000000000']);
  const address = (): string =>
    objectOf(random, spoil, [
      ['city', or(text)],
      ['zip', or(number)],
    ]);
  const user = (): string =>
    objectOf(random, spoil, [
      ['id', or(text)],
      ['address', or(address)],
      ['tags', or(() => '["a",{"city":"no"}]')],
    ]);
  const item = (): string => objectOf(random, spoil, [['id', or(text)]]);
  return objectOf(random, spoil, [
    ['ts', or(number)],
    ['user', or(user)],
    ...(random() < 0.3 ? [['items', or(() => `[${item()},${item()}]`)] as const] : []),
    ['zip', () => '7'],
  ]);
}

/** The rows and the places of bad lines, by JSON.parse. */
function oracle(lines: readonly string[]): { rows: unknown[]; bad: number[] } {
  const rows: unknown[] = [];
  const bad: number[] = [];
  let offset = 0;
  for (const line of lines) {
    const row = rowOf(line);
    if (row === undefined) bad.push(offset);
    else rows.push(row);
    offset += Buffer.byteLength(line) + 1;
  }
  return { rows, bad };
}

function rowOf(line: string): unknown {
  try {
    const parsed: unknown = JSON.parse(line);
    const values = events.columns.map(column => {
      let value: unknown = parsed;
      for (const name of pathOf(column, format.kind === 'ndjson' ? format.paths : undefined)) {
        value = typeof value === 'object' && value !== null ? new Map(Object.entries(value)).get(name) : undefined;
      }
      if (value === undefined || value === null) {
        if (column.nullable) return null;
      } else if (column.kind === 'utf8') {
        if (typeof value === 'string') return value;
      } else if (typeof value === 'number' || (typeof value === 'string' && /^-?\d+$/.test(value)))
        return Number(value);
      throw new Error('bad');
    });
    return Object.fromEntries(events.columns.map(({ name }, i) => [name, values[i]]));
  } catch {
    return undefined;
  }
}

describe('ndjson paths', () => {
  const memory = fullMemory();
  afterEach(() => memory.resetScratch());

  it('lead to values in objects and arrays', () => {
    const { rows, bad } = readAll(
      memory,
      format,
      `${DEEP}\n{"user":{"address":null,"id":"b"},"ts":2,"items":{"0":{"id":"k"}}}\n`,
    );
    expect(bad).to.deep.equal([]);
    expect(rows).to.deep.equal([
      { ts: 1, id: 'a', city: 'Bern', zip: 3000, first: 'i' },
      { ts: 2, id: 'b', city: null, zip: null, first: 'k' },
    ]);
  });

  it('that end on the way give null, or a bad record where the column must have a value', () => {
    const input = [
      '{"ts":1,"user":{"id":"a","address":"Bern"}}',
      '{"ts":2,"user":"a"}',
      '{"ts":3,"user":[{"id":"a"}]}',
    ];
    const { rows, bad } = readAll(memory, format, `${input.join('\n')}\n`);
    expect(rows).to.deep.equal([{ ts: 1, id: 'a', city: null, zip: null, first: null }]);
    expect(bad.map(({ reason }) => reason)).to.deep.equal([
      'column id wants utf8, got nothing: the field is missing',
      'column id wants utf8, got nothing: the field is missing',
    ]);
  });

  it('tell fields of one name in different objects apart', () => {
    const same = ndjson(schema({ id: utf8(), a: utf8(), b: nullable(utf8()) }), { paths: { a: 'a.id', b: 'a.a.id' } });
    const input =
      '{"id":"1","a":{"id":"2","a":{"id":"3"}}}\n{"id":"4","a":{"a":{"id":"6"},"id":"5"}}\n{"a":{"id":"8"},"id":"7"}\n';
    expect(readAll(memory, same, input).rows).to.deep.equal([
      { id: '1', a: '2', b: '3' },
      { id: '4', a: '5', b: '6' },
      { id: '7', a: '8', b: null },
    ]);
  });

  it('do not take a line off the fast path', () => {
    const lines = [
      '{"ts":1,"user":{"id":"a","address":{"city":"Bern","zip":3000}}}',
      '{"ts":2,"user":{"id":"b","address":{"city":"Basel","zip":4000}}}',
      '{"ts":3,"user":{"id":"c","address":{}}}',
      '{"ts":4,"user":{"id":"d","address":null}}',
      '{"ts":5,"user":{"address":{"x":{"zip":[1]},"zip":1},"y":2,"id":"e"},"z":1}',
      '{"ts":6,"user":{"address":{"zip":2},"y":2,"id":"f"},"z":{"ts":0}}',
      '{ "user" : { "id" : "g" } , "ts" : 7 }',
    ];
    const input = Buffer.from(lines.map(line => `${line}\n`).join(''));
    const { chunk, bad } = makeDecoder(memory, format, undefined, undefined).decode(
      putAtEnd(memory, input),
      input.length,
      false,
    );
    // What JSON.parse decided would have its text in scratch.
    expect([bad.length, chunk.numRows, chunk.textStart > 0]).to.deep.equal([0, 7, true]);
  });

  it('agree with JSON.parse on regular and on spoiled documents', () => {
    let [numRows, numBad] = [0, 0];
    forSeeds(150, random => {
      const spoil = pick(random, [0, 0.02, 0.1, 0.3]);
      const lines = Array.from({ length: 30 }, () => documentOf(random, spoil));
      const expected = oracle(lines);
      const { rows, bad } = readAll(memory, format, `${lines.join('\n')}\n`);
      expect(rows).to.deep.equal(expected.rows);
      expect(bad.map(({ offset }) => offset)).to.deep.equal(expected.bad);
      numRows += rows.length;
      numBad += bad.length;
    });
    expect(Math.min(numRows, numBad)).to.be.greaterThan(500);
  });

  it('hold for what is sent by HTTP', () => {
    if (format.kind !== 'ndjson') throw new Error('an ndjson format was wanted');
    expect(rowsOfBody(Buffer.from(DEEP), format, { maxRecordBytes: 4096, maxRecords: 10 })).to.deep.equal([
      { ts: 1, id: 'a', city: 'Bern', zip: 3000, first: 'i' },
    ]);
  });

  it('are checked when the format is made', () => {
    const refused: [() => unknown, string][] = [
      [() => ndjson(events, { paths: { ctiy: 'user.city' } as never }), "got ctiy; did you mean 'city'?"],
      [() => ndjson(events, { paths: { city: 'user..city' } }), 'wants names with dots between them'],
      [() => ndjson(events, { paths: { city: [] } }), 'ndjson path of city wants names'],
      [
        () => ndjson(events, { paths: { city: 'id.city' } }),
        'city is read from id.city, which lies at or in that of id (id)',
      ],
      [() => ndjson(events, { paths: { city: 'zip' } }), 'columns want places of their own'],
    ];
    for (const [make, message] of refused) {
      expect(make).to.throw(EngineError, message).with.property('code', 'optionInvalid');
    }
  });
});
