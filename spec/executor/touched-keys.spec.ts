import { expect } from 'chai';
import { keyBytes } from '../../lib/core/value-key.js';
import { TouchedKeys } from '../../lib/executor/touched-keys.js';
import { DeltaBuilder, type DeltaBlock } from '../../lib/state/delta.js';
import { deltaOfKeys } from '../../lib/state/key-delta.js';
import type { StateTable } from '../../lib/state/state-table.js';
import { encodeTimed } from '../../lib/state/timed-value.js';
import { slicesOf } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import { hashOfKey, newTimedTable, setStates } from './leaf-fixture.js';

const TIME = 5000;

/** What is done with a key. */
type Act = 'nothing' | 'update' | 'remove' | 'refresh';
const ACTS: readonly Act[] = ['nothing', 'update', 'remove', 'refresh'];

const bytesOf = (table: StateTable, { address, byteLength }: DeltaBlock): Buffer =>
  Buffer.from(table.memory.bytes(address, byteLength));

/** The delta that the same acts leave when each row is put on its own. */
function plainDelta(
  table: StateTable,
  stored: ReadonlyMap<string, unknown>,
  acts: ReadonlyMap<string, readonly [Act, unknown]>,
): DeltaBlock {
  const delta = new DeltaBuilder(table.memory);
  for (const [key, [act, state]] of acts) {
    const [bytes, hash] = [keyBytes(key), hashOfKey(key)];
    if (act === 'update') delta.put(bytes, hash, encodeTimed(TIME, state));
    else if (act === 'remove' && stored.has(key)) delta.remove(bytes, hash);
    else if (act === 'refresh' && stored.has(key)) delta.put(bytes, hash, encodeTimed(TIME, stored.get(key)));
  }
  return delta.finish();
}

describe('executor/touched-keys', () => {
  it('leaves, byte by byte, the delta of rows that are put one by one', () => {
    forSeeds(4, random => {
      const table = newTimedTable();
      const name = (i: number): string => `${'k'.repeat(intBelow(random, 30))}${i}`;
      const names = Array.from({ length: 1200 }, (_, i) => name(i));
      const stateOf = (): unknown => pick(random, [[1, 2], 'text', 7, { n: [0.5] }]);
      const stored = new Map(names.filter(() => random() < 0.5).map(key => [key, stateOf()]));
      setStates(
        table,
        [...stored].map(([key, state]) => [key, [state, 1]]),
      );
      const acts = new Map<string, readonly [Act, unknown]>();
      const touched = new TouchedKeys(table);
      for (let start = 0; start < names.length; start += 500) {
        const keys = names.slice(start, start + 500);
        const slices = slicesOf(
          table.memory,
          keys.map(key => keyBytes(key)),
        );
        const numbers = [...touched.touch(slices, keys.length).subarray(0, keys.length)];
        keys.forEach((key, i) => {
          const number = numbers[i];
          expect(touched.exists(number)).to.equal(stored.has(key));
          if (stored.has(key)) expect(touched.stateOf(number)).to.deep.equal(stored.get(key));
          const act = pick(random, ACTS);
          const state = stateOf();
          acts.set(key, [act, state]);
          if (act === 'update') touched.update(number, state);
          if (act === 'remove') touched.remove(number);
          if (act === 'refresh') touched.refresh(number);
        });
      }
      const delta = deltaOfKeys(table.memory, touched.keys(), touched.size, touched.changes(TIME));
      touched.dispose();
      const plain = plainDelta(table, stored, acts);
      expect({ ...delta, address: 0 }).to.deep.equal({ ...plain, address: 0 });
      expect(withoutSpare(bytesOf(table, delta))).to.deep.equal(withoutSpare(bytesOf(table, plain)));
    });
  });

  it('forgets what was done when a key is removed and updated again', () => {
    const table = newTimedTable();
    setStates(table, [['a', [1, 1]]]);
    const touched = new TouchedKeys(table);
    const touch = (...keys: string[]): number[] =>
      [
        ...touched.touch(
          slicesOf(
            table.memory,
            keys.map(key => keyBytes(key)),
          ),
          keys.length,
        ),
      ].slice(0, keys.length);
    expect(touch('a', 'b', 'a')).to.deep.equal([0, 1, 0]);
    touched.remove(0);
    touched.update(1, [2]);
    expect(touch('b', 'c')).to.deep.equal([1, 2]);
    expect([0, 1, 2].map(number => touched.exists(number))).to.deep.equal([false, true, false]);
    touched.update(0, 'again');
    touched.remove(1);
    const { rows, removed } = touched.changes(TIME);
    expect([[...rows], removed]).to.deep.equal([[0], []]);
  });
});

/** What lies between the parts of a delta is whatever the memory held; keys and values are compared without it. */
function withoutSpare(bytes: Buffer): unknown {
  const u32 = (at: number): number => bytes.readUInt32LE(at);
  const n = u32(4);
  const part = (field: number, length: number): string =>
    bytes.subarray(u32(field), u32(field) + length).toString('hex');
  return [
    bytes.subarray(0, 52).toString('hex'),
    part(24, n * 4),
    part(28, (n + 1) * 4),
    part(32, (n + 7) >> 3),
    part(36, (n + 1) * 4),
    part(40, u32(16)),
    part(44, u32(20)),
  ];
}
