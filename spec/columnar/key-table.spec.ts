import { expect } from 'chai';
import { KeyTable, KEYS_AT_ONCE } from '../../lib/columnar/key-table.js';
import { EngineError } from '../../lib/core/errors.js';
import { hashBytes } from '../../lib/core/hash.js';
import { keyBytes, keyOf } from '../../lib/core/value-key.js';
import { intBelow, pick, randomOf, randomValue, type Random } from '../helpers/random-values.js';
import { newMemory, slicesOf, textsOf } from './key-fixture.js';

/** Keys of all kinds, some of them often. */
function randomKeys(random: Random, count: number): unknown[] {
  const pool = Array.from({ length: 200 }, () => randomValue(random));
  return Array.from({ length: count }, () => {
    switch (intBelow(random, 4)) {
      case 0:
        return pick(random, pool);
      case 1:
        return intBelow(random, 300) - 100;
      default:
        return `${'w'.repeat(intBelow(random, 80))}${intBelow(random, 300)}`;
    }
  });
}

describe('columnar/key-table', () => {
  it('numbers keys as a Map of their identities does, and keeps their canonical bytes', () => {
    const random = randomOf(4711);
    const memory = newMemory();
    const table = new KeyTable(memory);
    const oracle = new Map<unknown, number>();
    const first: unknown[] = [];
    for (const n of [1, 0, 5, KEYS_AT_ONCE, 777, KEYS_AT_ONCE]) {
      const keys = randomKeys(random, n);
      const numbers = [...table.numbersOf(keys, n).subarray(0, n)];
      const wanted = keys.map(key => {
        const identity = keyOf(key);
        if (!oracle.has(identity)) {
          oracle.set(identity, oracle.size);
          first.push(key);
        }
        return oracle.get(identity);
      });
      expect(numbers).to.deep.equal(wanted);
      expect(table.size).to.equal(oracle.size);
    }
    const kept = table.keys();
    const bytes = first.map(key => keyBytes(key));
    expect(textsOf(memory, kept, table.size)).to.deep.equal(bytes.map(key => Buffer.from(key).toString('latin1')));
    expect([...memory.u32.subarray(kept.hashes / 4, kept.hashes / 4 + table.size)]).to.deep.equal(
      bytes.map(key => hashBytes(key, 0, key.length)),
    );
  });

  it('knows keys by their bytes in the memory, too', () => {
    const memory = newMemory();
    const table = new KeyTable(memory);
    const keys = ['a', 7, ['a', 7], { b: 1, a: 2 }, 'a longer text than sixteen bytes'];
    expect([...table.numbersOf(keys, 5).subarray(0, 5)]).to.deep.equal([0, 1, 2, 3, 4]);
    const slices = slicesOf(
      memory,
      [{ a: 2, b: 1 }, 'new', 'a', 'a longer text than sixteen bytes'].map(key => keyBytes(key)),
    );
    expect([...table.numbersOfSlices(slices, 4).subarray(0, 4)]).to.deep.equal([3, 5, 0, 4]);
  });

  it('refuses what cannot be a key, counts none of its call, and goes on', () => {
    const table = new KeyTable(newMemory());
    expect(() => table.numbersOf(['a', () => 1], 2))
      .to.throw(EngineError, 'key is a function')
      .with.property('code', 'typeMismatch');
    expect(table.size).to.equal(0);
    expect([...table.numbersOf(['b', 'a'], 2).subarray(0, 2)]).to.deep.equal([0, 1]);
  });

  it('names a text that cannot be one as a key', () => {
    const table = new KeyTable(newMemory());
    expect(() => table.numbersOf([Symbol('s')], 1)).to.throw(EngineError, 'key is a symbol');
  });

  it('leaves nothing in the memory', () => {
    const memory = newMemory();
    const make = (): void => {
      const table = new KeyTable(memory);
      for (let i = 0; i < 4; i++) {
        const keys = Array.from(
          { length: KEYS_AT_ONCE },
          (_, k) => `a key that is longer than sixteen bytes ${i} ${k}`,
        );
        table.numbersOf(keys, KEYS_AT_ONCE);
      }
      expect(table.size).to.equal(4 * KEYS_AT_ONCE);
      table.dispose();
    };
    make();
    const before = [memory.numBlocks, memory.liveBytes];
    make();
    expect([memory.numBlocks, memory.liveBytes]).to.deep.equal(before);
  });
});
