import { expect } from 'chai';
import { compareKeys } from '../../lib/core/compare-keys.js';
import { keyOf } from '../../lib/core/value-key.js';
import { forSeeds, randomValue, shuffled } from '../helpers/random-values.js';

/** One of each kind and more, in the order that is promised. */
const ASCENDING: readonly unknown[] = [
  undefined,
  null,
  false,
  true,
  Number.NEGATIVE_INFINITY,
  -(10n ** 30n),
  -1.5,
  0,
  0n,
  0.5,
  1,
  1n,
  2 ** 53,
  2n ** 53n,
  2n ** 53n + 1n,
  Number.POSITIVE_INFINITY,
  Number.NaN,
  '',
  '10',
  '9',
  'A',
  'a',
  '\ud83d\ude00',
  '\uffff',
  new Date(-1),
  new Date(5),
  new Date(Number.NaN),
  new Uint8Array([]),
  Buffer.from([1]),
  new Uint8Array([1, 2]),
  new Uint8Array([2]),
  [],
  [1],
  [1, 'a'],
  [1, 'b'],
  [2],
  ['a'],
  {},
  { a: 2 },
  { a: 10 },
  { a: 2, b: 1 },
  { b: 0 },
  new Map([[1, 2]]),
  new Set([1]),
];

describe('compareKeys', () => {
  it('orders keys of all kinds', () => {
    for (const [i, a] of ASCENDING.entries())
      for (const [j, b] of ASCENDING.entries())
        expect(Math.sign(compareKeys(a, b)), `${i}, ${j}`).to.equal(Math.sign(i - j));
  });

  it('is the order of sort, wherever the keys begin', () => {
    forSeeds(20, random => {
      expect(shuffled(random, ASCENDING).sort(compareKeys)).to.deep.equal(
        // sort puts undefined last by itself and asks for everything else.
        [...ASCENDING.slice(1), undefined],
      );
    });
  });

  it('finds the same keys equal', () => {
    const same: readonly (readonly [unknown, unknown])[] = [
      [0, -0],
      [Number.NaN, -Number.NaN],
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      [Buffer.from([1]), new Uint8Array([1])],
      [new Date(3), new Date(3)],
      [
        new Map([
          [1, 2],
          [3, 4],
        ]),
        new Map([
          [3, 4],
          [1, 2],
        ]),
      ],
      [new Set([[1], 'x']), new Set(['x', [1]])],
    ];
    for (const [a, b] of same) expect([compareKeys(a, b), compareKeys(b, a)]).to.deep.equal([0, 0]);
  });

  it('is a total order that is 0 for the same keys only, on random values', () => {
    forSeeds(60, random => {
      const [a, b, c] = [randomValue(random, 2), randomValue(random, 2), randomValue(random, 2)];
      const sign = (x: unknown, y: unknown): number => Math.sign(compareKeys(x, y));
      expect(sign(a, b) + sign(b, a)).to.equal(0);
      expect(sign(a, b) === 0).to.equal(Object.is(keyOf(a), keyOf(b)) || (a === 0 && b === 0));
      if (sign(a, b) <= 0 && sign(b, c) <= 0) expect(sign(a, c)).to.be.at.most(0);
    });
  });

  it('refuses what cannot be a key', () => {
    for (const key of [() => 1, Symbol('s'), new (class Point {})()]) {
      expect(() => compareKeys(key, key))
        .to.throw()
        .with.property('code', 'typeMismatch');
      expect(() => compareKeys([key], [key]))
        .to.throw()
        .with.property('code', 'typeMismatch');
    }
  });
});
