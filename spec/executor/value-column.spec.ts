import { expect } from 'chai';
import { ValueColumn } from '../../lib/executor/value-column.js';
import { encodeValue } from '../../lib/core/value-codec.js';
import { intBelow, pick, randomOf } from '../helpers/random-values.js';

const bytesOf = (value: unknown): string => Buffer.from(encodeValue(value)).toString('hex');

/** Sets each value at its number, the latest wins; then all must come back with the bytes they would have had. */
function expectKept(entries: readonly (readonly [number, unknown])[]): void {
  const column = new ValueColumn();
  const oracle = new Map<number, unknown>();
  for (const [number, value] of entries) {
    column.set(number, value);
    oracle.set(number, value);
    expect(bytesOf(column.get(number))).to.equal(bytesOf(value));
  }
  for (const [number, value] of oracle)
    expect(bytesOf(column.get(number)), `number ${number}`).to.equal(bytesOf(value));
}

describe('executor/value-column', () => {
  it('keeps any values', () =>
    expectKept([
      [0, 1],
      [1, 'x'],
      [2, undefined],
      [3, { a: 1 }],
      [0, null],
    ]));

  it('keeps lists of numbers: integers, fractions, -0, NaN and infinities', () =>
    expectKept([
      [0, [1, 2]],
      [1, [-(2 ** 31), 2 ** 31 - 1]],
      [2, [2 ** 31, 0.5]],
      [0, [-0, Number.NaN]],
      [3, [Number.NEGATIVE_INFINITY, 2 ** 53]],
    ]));

  for (const [what, odd] of [
    ['another length', [1, 2, 3]],
    ['none', []],
    ['a text in it', [1, '2']],
    ['a hole in it', Object.assign([], { 1: 5, length: 2 })],
    ['no list', 5],
  ] as const) {
    it(`keeps what it has when a list of ${what} comes, for a new number or an old one`, () => {
      expectKept([
        [0, [1, 2]],
        [1, [0.5, 4]],
        [2, odd],
        [3, [5, 6]],
      ]);
      expectKept([
        [0, [1, 2]],
        [1, [3, 4]],
        [0, odd],
        [2, [5, 6]],
      ]);
    });
  }

  it('keeps lists of any length that are set in any order', () => {
    const random = randomOf(99);
    for (const width of [1, 2, 3, 4, 5, 6]) {
      const entries = Array.from({ length: 500 }, (): [number, unknown] => [
        intBelow(random, 300),
        Array.from({ length: width }, () => pick(random, [0, 1, -7, 1e9, 1.25])),
      ]);
      expectKept(entries);
    }
  });

  it('gives lists of their own: changing one changes nothing until it is set', () => {
    const column = new ValueColumn();
    column.set(0, [1, 2]);
    (column.get(0) as number[])[0] = 9;
    expect(column.get(0)).to.deep.equal([1, 2]);
  });
});
