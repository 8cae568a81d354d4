import { expect } from 'chai';
import { steerHash } from '../../lib/core/hash.js';
import { decodeValue } from '../../lib/core/value-codec.js';
import { IdleIndex } from '../../lib/executor/idle-index.js';
import { applyDelta, DeltaBuilder } from '../../lib/state/delta.js';
import { StateTable } from '../../lib/state/state-table.js';
import { encodeTimed } from '../../lib/state/timed-value.js';
import { forSeeds, intBelow } from '../helpers/random-values.js';
import { hashOfKey, newTimedTable, setStates } from './leaf-fixture.js';

const keysBefore = (table: StateTable, time: number): unknown[] =>
  IdleIndex.of(table)
    .before(time)
    .map(({ key }) => decodeValue(key));

/** Counts the entries that are looked at from now on, and fails at a scan. */
function watch(table: StateTable): { looks: number } {
  const counter = { looks: 0 };
  const withHash = table.withHash.bind(table);
  table.withHash = hash => {
    const entries = withHash(hash);
    counter.looks += entries.length;
    return entries;
  };
  table.entries = () => {
    throw new Error('the whole table is scanned');
  };
  return counter;
}

describe('executor/idle-index', () => {
  it('names the keys that were updated before a time, whatever was put and removed, and again until they are gone', () => {
    forSeeds(30, random => {
      const table = newTimedTable();
      const oracle = new Map<number, number>();
      const timeout = 1 + intBelow(random, 12);
      for (let time = 1; time <= 40; time++) {
        const expected = [...oracle].filter(([, updated]) => updated < time - timeout).map(([key]) => key);
        // An attempt that is lost has asked, and announced keys that never come to be.
        if (random() < 0.3) {
          expect(keysBefore(table, time - timeout)).to.have.members(expected);
          IdleIndex.of(table).add(time, hashOfKey(1000 + time));
        }
        const found = keysBefore(table, time - timeout);
        expect(found).to.have.members(expected).and.to.have.length(expected.length);
        const changes = new Map<number, [unknown, number] | undefined>(expected.map(key => [key, undefined]));
        for (let n = intBelow(random, 8); n > 0; n--) {
          changes.set(intBelow(random, 30), random() < 0.3 ? undefined : ['s', time]);
        }
        for (const [key, made] of changes) {
          if (made !== undefined && !oracle.has(key)) IdleIndex.of(table).add(time, hashOfKey(key));
          if (made === undefined) oracle.delete(key);
          else oracle.set(key, time);
        }
        setStates(table, changes);
      }
    });
  });

  it('is made from the table by a thread that takes it over, and names the same keys in the same order', () => {
    const table = newTimedTable();
    IdleIndex.of(table);
    for (let i = 0; i < 200; i++) {
      const time = 1000 * (i % 7);
      IdleIndex.of(table).add(time, hashOfKey(i));
      setStates(table, [[i, ['s', time]]]);
    }
    const taken = StateTable.attach(table.memory, table.address);
    expect(keysBefore(taken, 4000)).to.deep.equal(keysBefore(table, 4000)).and.to.have.length(116);
  });

  it('looks at the 10 of 100,000 keys that are due, and at no other', () => {
    const table = newTimedTable();
    setStates(
      table,
      Array.from({ length: 100_000 }, (_, i) => [i, ['s', i % 10_000 === 7 ? 1000 : 2000]] as const),
    );
    const index = IdleIndex.of(table);
    const counter = watch(table);
    expect(index.before(1000)).to.deep.equal([]);
    expect(counter.looks).to.equal(0);
    expect(keysBefore(table, 1001)).to.have.length(10);
    expect(counter.looks).to.equal(10);
  });

  it('looks at a key that is updated all the time once a timeout', () => {
    const table = newTimedTable();
    const keys = Array.from({ length: 100 }, (_, i) => i);
    setStates(
      table,
      keys.map(key => [key, ['s', 0]]),
    );
    const index = IdleIndex.of(table);
    const counter = watch(table);
    for (let time = 1; time <= 1000; time++) {
      expect(index.before(time - 100)).to.deep.equal([]);
      setStates(
        table,
        keys.map(key => [key, ['s', time]]),
      );
    }
    expect(counter.looks).to.be.within(keys.length * 9, keys.length * 10);
  });

  it('tells keys of one hash apart', () => {
    const table = newTimedTable();
    const delta = new DeltaBuilder(table.memory);
    const keys = [1, 2, 3].map(first => {
      const key = new Uint8Array(16).fill(first, 0, 12);
      steerHash(key, 0x12345678);
      delta.put(key, 0x12345678, encodeTimed(first === 2 ? 5000 : 1000, first));
      return key;
    });
    applyDelta(table, delta.finish().address);
    const found = (time: number): number[] =>
      IdleIndex.of(table)
        .before(time)
        .map(({ key }) => key[0] ?? 0);
    expect(keys.map(key => table.get(key, 0x12345678)?.length)).to.deep.equal([9, 9, 9]);
    expect(found(1001)).to.deep.equal([1, 3]);
    expect(found(5001)).to.deep.equal([1, 3, 2]);
  });
});
