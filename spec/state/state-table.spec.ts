import { expect } from 'chai';
import { SlotMemory } from '../../lib/columnar/slot-memory.js';
import { hashBytes, keyGroupOf, steerHash } from '../../lib/core/hash.js';
import { applyDelta, DeltaBuilder } from '../../lib/state/delta.js';
import { StateTable, tableRegions } from '../../lib/state/state-table.js';
import { newMemory, slicesOf } from '../columnar/key-fixture.js';
import { forSeeds, pick } from '../helpers/random-values.js';
import {
  apply,
  applyToMap,
  bytesOf,
  deltaOf,
  hashOf,
  newTable,
  randomChanges,
  randomPool,
  rowsOfTable,
  sortedRows,
  textOf,
  type Change,
} from './state-fixture.js';

describe('state/state-table', () => {
  it('holds what a Map holds, for fixed and variable values, on any range of key groups', () => {
    forSeeds(40, random => {
      const memory = newMemory();
      const valueBytes = pick(random, ['variable', 'variable', 0, 8, 16] as const);
      const [from, to] = pick(random, [
        [0, 8],
        [2, 5],
        [7, 8],
        [3, 3],
      ] as const);
      const table = newTable(memory, { from, to, valueBytes });
      const pool = randomPool(random, 150);
      const oracle = new Map<string, string>();
      for (let step = 0; step < 12; step++) {
        const changes = randomChanges(random, pool, valueBytes, Math.floor(random() ** 2 * 400));
        apply(table, changes);
        applyToMap(oracle, changes, table);
        expect(table.numRows).to.equal(oracle.size);
      }
      expect(sortedRows(rowsOfTable(table))).to.deep.equal(sortedRows(oracle));
      for (const key of pool) {
        const value = table.get(bytesOf(key), hashOf(key));
        expect(value && textOf(value)).to.equal(oracle.get(key));
      }
      const refs = table.lookup(slicesOf(memory, pool.map(bytesOf)), pool.length);
      const found = pool.map((_, i) => memory.u32[refs / 4 + i] !== 0);
      expect(found).to.deep.equal(pool.map(key => oracle.has(key)));
    });
  });

  it('finds all keys of one hash, and no others, when some were removed or outgrew their place', () => {
    const memory = newMemory();
    const table = newTable(memory);
    const hash = 0x9abcdef0;
    const keyOf = (n: number): Uint8Array => {
      const key = new Uint8Array(16).fill(n, 0, 12);
      steerHash(key, hash);
      return key;
    };
    const put = (n: number, value: string): void => {
      const delta = new DeltaBuilder(memory);
      if (value === '') delta.remove(keyOf(n), hash);
      else delta.put(keyOf(n), hash, bytesOf(value));
      applyDelta(table, delta.finish().address);
    };
    const found = (): string[] => table.withHash(hash).map(({ key, value }) => `${key[0]} ${textOf(value)}`);
    apply(
      table,
      Array.from({ length: 500 }, (_, i): Change => [`other ${i}`, 'x']),
    );
    expect(found()).to.deep.equal([]);
    for (let n = 1; n <= 5; n++) put(n, `v${n}`);
    expect(found()).to.deep.equal(['1 v1', '2 v2', '3 v3', '4 v4', '5 v5']);
    put(1, '');
    put(4, '');
    put(3, 'long'.repeat(20));
    put(6, 'v6');
    expect(found()).to.have.members(['2 v2', `3 ${'long'.repeat(20)}`, '5 v5', '6 v6']);
    expect(table.withHash(hash ^ 1)).to.deep.equal([]);
    expect(newTable(memory, { from: 0, to: 2 }).withHash(hash)).to.deep.equal([]);
  });

  it('gives the same table when a delta is applied again', () => {
    forSeeds(10, random => {
      const table = newTable(newMemory());
      const pool = randomPool(random, 60);
      for (let step = 0; step < 5; step++) {
        // A key once: what an operator writes.
        const changes = [...new Map(randomChanges(random, pool, 'variable', 60))];
        const delta = deltaOf(table, changes);
        applyDelta(table, delta.address);
        const once = rowsOfTable(table);
        applyDelta(table, delta.address);
        expect(rowsOfTable(table)).to.deep.equal(once);
      }
    });
  });

  it('lists entries key group by key group, in the order in which their keys came', () => {
    const table = newTable(newMemory());
    const keys = Array.from({ length: 200 }, (_, i) => `key${i}`);
    apply(
      table,
      keys.map((key): Change => [key, '1']),
    );
    apply(
      table,
      [...keys].reverse().map((key): Change => [key, '2']),
    );
    const groupOf = (key: string): number => keyGroupOf(hashOf(key), 8);
    const expected = keys.map((key, i) => ({ key, i })).sort((a, b) => groupOf(a.key) - groupOf(b.key) || a.i - b.i);
    expect(rowsOfTable(table)).to.deep.equal(expected.map(({ key }) => [key, '2']));
  });

  it('gives memory back when most of its rows are removed', () => {
    const table = newTable(newMemory(), { valueBytes: 8 });
    const keys = Array.from({ length: 5000 }, (_, i) => `key${i}`);
    apply(
      table,
      keys.map((key): Change => [key, '12345678']),
    );
    const before = table.byteLength;
    apply(
      table,
      keys.slice(0, 4900).map((key): Change => [key, undefined]),
    );
    expect(table.byteLength).to.be.below(before / 4);
    expect(rowsOfTable(table).map(([key]) => key)).to.have.members(keys.slice(4900));
  });

  it('does not grow when the same keys come and go', () => {
    const table = newTable(newMemory(), { valueBytes: 8 });
    const keys = Array.from({ length: 1000 }, (_, i) => `key${i}`);
    let largest = 0;
    for (let round = 0; round < 30; round++) {
      apply(
        table,
        keys.map((key): Change => [key, '12345678']),
      );
      if (round === 3) largest = table.byteLength;
      apply(
        table,
        keys.map((key): Change => [key, undefined]),
      );
      expect(table.numRows).to.equal(0);
    }
    apply(
      table,
      keys.map((key): Change => [key, '12345678']),
    );
    expect(table.byteLength).to.be.at.most(largest);
  });

  it('is found again by a new thread, with nothing but its address', () => {
    const memory = newMemory();
    const table = newTable(memory);
    const other = memory.alloc(100);
    apply(table, [
      ['a', 'one'],
      ['b', 'two'],
    ]);
    const driver = new SlotMemory(0, memory.memory, memory.limitBytes);
    const regions = tableRegions(driver, table.address);
    expect(regions).to.deep.equal(table.regions());
    expect(regions.reduce((sum, region) => sum + region.byteLength, 0)).to.equal(table.byteLength);
    const successor = new SlotMemory(0, memory.memory, memory.limitBytes);
    successor.adopt([...regions, { address: other, byteLength: 100 }]);
    const found = StateTable.attach(successor, table.address);
    apply(found, [
      ['a', 'x'.repeat(1000)],
      ['c', 'three'],
    ]);
    expect(sortedRows(rowsOfTable(found))).to.deep.equal([
      ['a', 'x'.repeat(1000)],
      ['b', 'two'],
      ['c', 'three'],
    ]);
  });

  it('owns all its blocks, and frees them', () => {
    const memory = newMemory();
    memory.scratch(1);
    const blocksBefore = memory.numBlocks;
    const table = newTable(memory);
    apply(
      table,
      Array.from({ length: 3000 }, (_, i): Change => [`key${i}`, 'v'.repeat(i % 50)]),
    );
    expect(memory.numBlocks - blocksBefore).to.equal(table.regions().length);
    table.dispose();
    expect(memory.numBlocks).to.equal(blocksBefore);
  });

  it('is still right after memory ended amid a delta and the delta was applied again', () => {
    const memory = newMemory(8 * 1024 * 1024);
    const table = newTable(memory);
    const changes = Array.from({ length: 8000 }, (_, i): Change => [`key${i}`, 'v'.repeat(100)]);
    const delta = deltaOf(table, changes);
    memory.scratch(100_000);
    memory.resetScratch();
    const taken: number[] = [];
    expect(() => {
      for (;;) taken.push(memory.alloc(16384));
    }).to.throw('limit');
    for (const address of taken.slice(-60)) memory.free(address);
    expect(() => applyDelta(table, delta.address))
      .to.throw('limit')
      .with.property('code', 'memoryLimit');
    expect(table.applying).to.equal(true);
    for (const address of taken.slice(0, -60)) memory.free(address);
    applyDelta(table, delta.address);
    expect(table.applying).to.equal(false);
    expect(sortedRows(rowsOfTable(table))).to.deep.equal(sortedRows(changes as [string, string][]));
  });

  it('keeps 100 k keys in less than 100 bytes each, two numbers included', () => {
    const memory = newMemory();
    const table = StateTable.create(memory, { numKeyGroups: 128, from: 0, to: 128, valueBytes: 16 });
    const builder = new DeltaBuilder(memory, 16);
    const value = new Uint8Array(16);
    for (let i = 0; i < 100_000; i++) {
      const key = Buffer.from(`user${10_000_000 + i}`);
      builder.put(key, hashBytes(key, 0, key.length), value);
    }
    applyDelta(table, builder.finish().address);
    expect(table.numRows).to.equal(100_000);
    expect(table.byteLength / table.numRows).to.be.below(100);
  });

  it('refuses deltas of other values, blocks that are none, and odd value sizes', () => {
    const memory = newMemory();
    const table = newTable(memory, { valueBytes: 8 });
    const variable = deltaOf(newTable(memory), [['a', 'b']]);
    expect(() => applyDelta(table, variable.address))
      .to.throw('variable')
      .with.property('code', 'internal');
    expect(() => applyDelta(table, table.address))
      .to.throw('no state delta')
      .with.property('code', 'internal');
    expect(() => StateTable.attach(memory, variable.address))
      .to.throw('no state table')
      .with.property('code', 'internal');
    expect(() => newTable(memory, { valueBytes: 12 }))
      .to.throw('multiple of 8')
      .with.property('code', 'internal');
    expect(() => new DeltaBuilder(memory, 8).put(bytesOf('a'), 0, bytesOf('b'))).to.throw('8 bytes');
  });
});
