import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { decodeValue } from '../../lib/core/value-codec.js';
import { ValueWriter } from '../../lib/core/value-encode.js';
import { keyBytes, keyOf, keyOfEncoded, writeKey } from '../../lib/core/value-key.js';
import {
  forSeeds,
  intBelow,
  objectOf,
  pick,
  randomString,
  randomValue,
  shuffled,
  SPECIAL_NUMBERS,
  SPECIAL_STRINGS,
  type Random,
} from '../helpers/random-values.js';

/** Hex digits, in groups for the reader. */
const bytesOf = (groups: string): string => groups.replaceAll(' ', '');

const hexOf = (key: unknown): string => Buffer.from(keyBytes(key)).toString('hex');

const sameBytes = (a: unknown, b: unknown): boolean => hexOf(a) === hexOf(b);

const sameIdentity = (a: unknown, b: unknown): boolean => new Set([keyOf(a), keyOf(b)]).size === 1;

/** The rules of the head comment, case by case. */
function sameKey(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null)
    return a === b || (Number.isNaN(a) && Number.isNaN(b));
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && sameKey(a.getTime(), b.getTime());
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && sameKey([...a], [...b]);
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => sameKey(item, b[i]));
  }
  if (a instanceof Map || b instanceof Map) return a instanceof Map && b instanceof Map && sameBag([...a], [...b]);
  if (a instanceof Set || b instanceof Set) return a instanceof Set && b instanceof Set && sameBag([...a], [...b]);
  return sameBag(Object.entries(a), Object.entries(b));
}

/** The same elements, each as often, in any order. */
function sameBag(a: readonly unknown[], b: readonly unknown[]): boolean {
  const left = [...b];
  return (
    a.length === b.length &&
    a.every(item => {
      const at = left.findIndex(other => sameKey(item, other));
      if (at >= 0) left.splice(at, 1);
      return at >= 0;
    })
  );
}

/** An equal key that looks different: another order, another sign of zero, Buffer for Uint8Array. */
function disguised(random: Random, key: unknown): unknown {
  const part = (inner: unknown): unknown => disguised(random, inner);
  if (key === 0) return pick(random, [0, -0]);
  if (typeof key !== 'object' || key === null) return key;
  if (key instanceof Date) return new Date(key.getTime());
  if (key instanceof Uint8Array) return random() < 0.5 ? Buffer.from(key) : new Uint8Array(key);
  if (Array.isArray(key)) return key.map(part);
  if (key instanceof Map) return new Map(shuffled(random, [...key]).map(([k, v]) => [part(k), part(v)]));
  if (key instanceof Set) return new Set(shuffled(random, [...key]).map(part));
  return objectOf(shuffled(random, Object.entries(key)).map(([name, value]) => [name, part(value)]));
}

/** Small keys of few atoms, so that equal ones come up by chance. */
function narrowKey(random: Random, depth: number): unknown {
  const atoms = [
    0,
    -0,
    1,
    '1',
    '',
    1n,
    true,
    null,
    undefined,
    Number.NaN,
    new Date(1),
    Uint8Array.of(1),
    Buffer.from([1]),
    '\0',
  ];
  if (depth === 0 || random() < 0.4) return pick(random, atoms);
  const items = Array.from({ length: intBelow(random, 3) }, () => narrowKey(random, depth - 1));
  switch (intBelow(random, 4)) {
    case 0:
      return items;
    case 1:
      return new Set(items);
    case 2:
      return new Map(items.map(item => [item, 1]));
    default:
      return objectOf(items.map((item, i) => [pick(random, ['a', 'b', '__proto__']) + String(i % 2), item]));
  }
}

describe('value key', () => {
  it('gives equal bytes to equal keys however they are written', () => {
    forSeeds(300, random => {
      const key = randomValue(random, 3);
      const other = disguised(random, key);
      expect(hexOf(other)).to.equal(hexOf(key));
      expect(keyOf(other)).to.deep.equal(keyOf(key));
    });
  });

  it('gives equal bytes and identities exactly to keys that the rules call the same', () => {
    let numSame = 0;
    forSeeds(30, random => {
      const keys = Array.from({ length: 30 }, () => narrowKey(random, 2));
      for (const a of keys) {
        for (const b of keys) {
          const same = sameKey(a, b);
          if (same) numSame++;
          expect(sameBytes(a, b), `${hexOf(a)} and ${hexOf(b)}`).to.equal(same);
          expect(sameIdentity(a, b), `identities of ${hexOf(a)} and ${hexOf(b)}`).to.equal(same);
        }
      }
    });
    expect(numSame).to.be.greaterThan(30 * 30);
  });

  it('tells apart what only looks alike', () => {
    const keys: unknown[] = [
      1, '1', 1n, true, [1], ['1'], { 0: 1 }, new Set([1]), new Map([[0, 1]]), new Date(1), Uint8Array.of(1),
      null, undefined, '', [], {}, new Map(), new Set(), Uint8Array.of(), { a: undefined }, '\0', '\0\x0e\x00', 'é', 'e\u0301', [1, 2], [2, 1], [[1], 2],
    ]; // prettier-ignore
    expect(new Set(keys.map(hexOf)).size).to.equal(keys.length);
    expect(new Set(keys.map(keyOf)).size).to.equal(keys.length);
  });

  it('takes any two numbers as a Map does', () => {
    for (const a of SPECIAL_NUMBERS) {
      for (const b of SPECIAL_NUMBERS) expect(sameBytes(a, b), `${a} and ${b}`).to.equal(new Set([a, b]).size === 1);
    }
  });

  it('is no identity of another kind for strings that look like one', () => {
    for (const key of [...SPECIAL_STRINGS, { a: 1 }, [1]]) {
      const identity = keyOf(key);
      if (typeof identity === 'string') expect(sameIdentity(key, identity)).to.equal(identity === key);
    }
  });

  it('is the key itself for strings and numbers', () => {
    expect(keyOf('user')).to.equal('user');
    expect(keyOf(7)).to.equal(7);
  });

  it('is the same from the bytes as from the key', () => {
    forSeeds(200, random => {
      const key = randomValue(random, 2);
      const bytes = keyBytes(key);
      const padded = new Uint8Array(bytes.length + 7);
      padded.set(bytes, 3);
      expect(keyOfEncoded(decodeValue(bytes), padded, 3, 3 + bytes.length)).to.deep.equal(keyOf(key));
    });
  });

  it('decodes to a key that is the same', () => {
    forSeeds(200, random => {
      const key = randomValue(random, 3);
      const back = decodeValue(keyBytes(key));
      expect(sameKey(back, key)).to.equal(true);
      expect(hexOf(back)).to.equal(hexOf(key));
    });
  });

  it('keeps its bytes from version to version: partitions and checkpoints depend on them', () => {
    expect(hexOf('user-1')).to.equal('46757365722d31');
    expect(hexOf(-0)).to.equal('80');
    expect(hexOf(1_700_000_000_000)).to.equal('0500008056febc7842');
    expect(hexOf({ b: [1, 'x'], a: null })).to.equal(bytesOf('0f02 416101 41620e02814178'));
    expect(hexOf(new Set(['b', 'a']))).to.equal(bytesOf('1102 4161 4162'));
    expect(hexOf(Buffer.from([255]))).to.equal('0c01ff');
  });

  it('refuses what is no data with its path, and leaves nothing of it', () => {
    const writer = new ValueWriter();
    writeKey(writer, 'kept');
    for (const [key, path] of [
      [{ a: [() => 1] }, 'key.a[0] is a function'],
      [Symbol('s'), 'key is a symbol'],
      [[new Set([/x/])], 'key[0].item(0) is an instance of RegExp'],
    ] as const) {
      expect(() => writeKey(writer, key))
        .to.throw(EngineError, path)
        .with.property('code', 'typeMismatch');
      expect(() => keyOf(key)).to.throw(EngineError, path);
    }
    expect(decodeValue(writer.bytes())).to.equal('kept');
    const knot: unknown[] = [];
    knot.push([knot]);
    expect(() => keyBytes(knot)).to.throw(EngineError, 'more than 200 levels');
  });

  it('orders names by their UTF-16 units, whatever order they were added in', () => {
    forSeeds(50, random => {
      const entries = Array.from({ length: 8 }, (_, i): [string, unknown] => [`${i}${randomString(random, 6)}`, i]);
      expect(hexOf(objectOf(shuffled(random, entries)))).to.equal(hexOf(objectOf(entries)));
    });
  });
});
