import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { decodeValue, encodeValue } from '../../lib/core/value-codec.js';
import { ValueReader } from '../../lib/core/value-decode.js';
import { ValueWriter } from '../../lib/core/value-encode.js';
import { forSeeds, intBelow, randomValue, SPECIAL_NUMBERS, SPECIAL_STRINGS } from '../helpers/random-values.js';

const roundTrip = (value: unknown): unknown => decodeValue(encodeValue(value));

/** Hex digits, in groups for the reader. */
const bytesOf = (groups: string): string => groups.replaceAll(' ', '');

const hexOf = (value: unknown): string => Buffer.from(encodeValue(value)).toString('hex');

function refusal(run: () => unknown): EngineError {
  try {
    run();
  } catch (error) {
    expect(error).to.be.instanceOf(EngineError);
    return error as EngineError;
  }
  throw new Error('nothing was thrown');
}

/** The same to the last detail: kinds, signs of zero, order of names and entries. */
function identical(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  const [left, right] = [partsOf(a), partsOf(b)];
  return left.length === right.length && left.every((part, i) => identical(part, right[i]));
}

const partsOf = (value: object): unknown[] =>
  Array.isArray(value) || value instanceof Uint8Array || value instanceof Set
    ? [...(value as Iterable<unknown>)]
    : (value instanceof Map ? [...value] : Object.entries(value)).flat(1);

/** `size` arrays inside one another. */
function nested(size: number): unknown {
  let value: unknown = 'end';
  for (let i = 0; i < size; i++) value = [value];
  return value;
}

class Account {
  readonly owner = 'ann';
}

describe('value codec', () => {
  it('gives back any value it takes', () => {
    forSeeds(400, random => {
      const value = randomValue(random, 4);
      const back = roundTrip(value);
      expect(identical(back, value), `${describeValue(value)} came back as ${describeValue(back)}`).to.equal(true);
    });
  });

  it('gives back any sequence of values, read from shared memory at an offset', () => {
    forSeeds(40, random => {
      const values = Array.from({ length: 1 + intBelow(random, 200) }, () => randomValue(random, 2));
      const writer = new ValueWriter();
      for (const value of values) writer.write(value);
      const shared = new Uint8Array(new SharedArrayBuffer(writer.length + 40), 16, writer.length + 8);
      shared.set(writer.bytes(), 5);
      const reader = new ValueReader(shared, 5, 5 + writer.length);
      for (const value of values) expect(identical(reader.read(), value)).to.equal(true);
      expect(reader.done).to.equal(true);
    });
  });

  it('keeps special numbers apart, -0 and NaN among them', () => {
    for (const value of SPECIAL_NUMBERS) expect(Object.is(roundTrip(value), value), String(value)).to.equal(true);
  });

  it('keeps every kind of string, lone surrogates among them', () => {
    for (const value of SPECIAL_STRINGS) expect(roundTrip(value)).to.equal(value);
    expect(roundTrip(SPECIAL_STRINGS)).to.deep.equal(SPECIAL_STRINGS);
  });

  it('keeps strings of a million characters', () => {
    for (const unit of ['a', 'ü', '語', '\u{1f600}', 'x\ud800']) {
      const value = unit.repeat(1_000_000 / unit.length);
      expect(roundTrip(value) === value, unit).to.equal(true);
    }
  });

  it('keeps the order of names and entries', () => {
    const value = {
      b: 1,
      a: new Map([
        ['z', 1],
        ['y', 2],
      ]),
      2: 'x',
      1: 'y',
    };
    const back = roundTrip(value) as typeof value;
    expect(Object.keys(back)).to.deep.equal(Object.keys(value));
    expect([...back.a.keys()]).to.deep.equal(['z', 'y']);
  });

  it('makes names of a prototype own properties', () => {
    const value: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":2,"toString":3}');
    const back = roundTrip(value) as object;
    expect(Object.keys(back)).to.deep.equal(['__proto__', 'constructor', 'toString']);
    expect(Object.getPrototypeOf(back)).to.equal(Object.prototype);
    expect(back).to.not.have.nested.property('polluted');
  });

  it('keeps Uint8Array and Buffer what they are, in memory of their own', () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(64));
    bytes.set(encodeValue([Uint8Array.of(1, 2), Buffer.from([3])]));
    const [array, buffer] = new ValueReader(bytes).read() as [Uint8Array, Buffer];
    bytes.fill(0);
    expect(array).to.deep.equal(Uint8Array.of(1, 2));
    expect(Buffer.isBuffer(array)).to.equal(false);
    expect(Buffer.isBuffer(buffer)).to.equal(true);
    expect(buffer[0]).to.equal(3);
  });

  it('takes holes as undefined and objects without prototype as plain ones', () => {
    expect(roundTrip([1, , 3])).to.deep.equal([1, undefined, 3]); // oxlint-disable-line no-sparse-arrays
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).to.deep.equal({ a: 1 });
  });

  it('writes the bytes that its format says', () => {
    expect(hexOf(['ab', 5])).to.equal(bytesOf('0e02 426162 85'));
    expect(hexOf({ n: -1, x: 0.5 })).to.equal(bytesOf('0f02 416e 0601 4178 05000000000000e03f'));
    expect(hexOf([undefined, null, false, true, Number.NaN])).to.equal(bytesOf('0e05 0001020304'));
    expect(hexOf(300n)).to.equal('0a00022c01');
    expect(hexOf('é')).to.equal('0802c3a9');
    expect(hexOf('\ud800')).to.equal('090200d8');
    expect(hexOf(new Map([[1, new Set([2])]]))).to.equal(bytesOf('1001 81 1101 82'));
  });

  it('names the path and the kind of what it refuses', () => {
    const cases: [unknown, string][] = [
      [{ items: [1, 2, 3, { run: () => 1 }] }, 'value.items[3].run is a function'],
      [[Symbol('s')], 'value[0] is a symbol'],
      [{ 'a b': new Account() }, 'value["a b"] is an instance of Account'],
      [
        new Map<unknown, unknown>([
          ['k', 1],
          ['l', /x/],
        ]),
        'value.value(1) is an instance of RegExp',
      ],
      [new Set([new Float64Array(1)]), 'value.item(0) is an instance of Float64Array'],
      [new (class Stack extends Array {})(), 'value is an instance of Stack'],
      [() => 1, 'value is a function'],
    ];
    for (const [value, text] of cases) {
      const error = refusal(() => encodeValue(value));
      expect(error.code).to.equal('typeMismatch');
      expect(error.message).to.contain(text);
    }
  });

  it('takes 200 levels and refuses more, in values that contain themselves too', () => {
    expect(identical(roundTrip(nested(200)), nested(200))).to.equal(true);
    expect(refusal(() => encodeValue(nested(201))).message).to.contain('more than 200 levels');
    const knot: { self?: unknown } = {};
    knot.self = { knot };
    expect(refusal(() => encodeValue(knot)).message).to.contain('contain itself');
  });

  it('leaves nothing of a refused value behind', () => {
    const writer = new ValueWriter();
    writer.write('before');
    const length = writer.length;
    expect(() => writer.write([1, 2, () => 3])).to.throw(EngineError);
    expect(writer.length).to.equal(length);
    writer.write('after');
    const reader = new ValueReader(writer.bytes());
    expect([reader.read(), reader.read()]).to.deep.equal(['before', 'after']);
  });

  it('can be used again by a getter of the value it writes', () => {
    const value = {
      get inner() {
        return Buffer.from(encodeValue('inside')).length;
      },
      next: 'outside',
    };
    expect(roundTrip(value)).to.deep.equal({ inner: 7, next: 'outside' });
  });

  it('sees what a moved reader reads now, not what was there before', () => {
    const bytes = new Uint8Array(1024);
    const text = encodeValue('first');
    bytes.set(text, 500);
    const reader = new ValueReader(bytes);
    reader.offset = 500;
    expect(reader.read()).to.equal('first');
    bytes.set(encodeValue('other'), 500);
    reader.offset = 500;
    expect(reader.read()).to.equal('other');
  });

  it('refuses bytes that are cut short or left over', () => {
    forSeeds(50, random => {
      const bytes = encodeValue(randomValue(random, 3));
      for (let end = 0; end < bytes.length; end++) {
        expect(refusal(() => decodeValue(bytes, 0, end)).code).to.equal('internal');
      }
      expect(refusal(() => decodeValue(Uint8Array.of(...bytes, 1))).code).to.equal('internal');
    });
  });

  it('ends on any bytes: with a value or an internal error, and no prototype touched', () => {
    forSeeds(300, random => {
      const bytes = encodeValue(randomValue(random, 3));
      for (let i = 0; i < 4; i++) bytes[intBelow(random, bytes.length)] = intBelow(random, 256);
      try {
        decodeValue(bytes);
      } catch (error) {
        expect(error).to.be.instanceOf(EngineError).with.property('code', 'internal');
      }
    });
    expect(refusal(() => decodeValue(new Uint8Array(5000).fill(0x0e).fill(1, 4998))).code).to.equal('internal');
    expect(refusal(() => decodeValue(Uint8Array.of(0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f))).code).to.equal('internal');
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
  });

  it('makes no room for items that are only announced, by one array in another', () => {
    // Each of 199 arrays says that it has as many items as bytes follow: room for all of them would be 12 GB.
    const bytes = new Uint8Array(8 << 20);
    let at = 0;
    for (let level = 0; level < 199; level++) {
      bytes[at++] = 0x0e;
      const count = bytes.length - at - 5;
      for (let i = 0; i < 5; i++) bytes[at++] = ((count >>> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0);
    }
    bytes[at] = 0xff;
    bytes[at + 1] = 0x3f;
    expect(refusal(() => decodeValue(bytes)).code).to.equal('internal');
  });
});

function describeValue(value: unknown): string {
  return Buffer.from(encodeValue(value)).toString('hex').slice(0, 200);
}
