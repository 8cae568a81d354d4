import { expect } from 'chai';
import { SlotMemory } from '../../lib/columnar/slot-memory.js';
import { hashBytes, steerHash } from '../../lib/core/hash.js';
import { applyDelta, DeltaBuilder } from '../../lib/state/delta.js';
import { StateTable } from '../../lib/state/state-table.js';
import * as layout from '../../lib/state/table-layout.js';
import { LIMIT_BYTES, newMemory } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick } from '../helpers/random-values.js';
import {
  apply,
  applyToMap,
  bytesOf,
  deltaOf,
  hashOf,
  newTable,
  rowsOfTable,
  sortedRows,
  textOf,
  type Change,
} from './state-fixture.js';

const keysFrom = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `key ${String(from + i).padStart(12, '0')}`);

/** Slots of a full segment that are used: what its cutting in two moves. */
const LARGEST_STEP = 4096 * 0.75;

describe('state/table-growth', () => {
  it('moves a few thousand rows in a step at the most, and few in all, however large the state becomes', () => {
    const table = newTable(newMemory(), { numKeyGroups: 2, to: 2, valueBytes: 8 });
    let numRows = 0;
    const moved: number[] = [];
    while (numRows < 120_000) {
      const before = table.moved.rows;
      apply(
        table,
        keysFrom(numRows, 2000).map((key): Change => [key, '12345678']),
      );
      numRows += 2000;
      moved.push(table.moved.rows - before);
    }
    expect(table.numRows).to.equal(numRows);
    expect(table.moved.largestStep).to.be.at.most(LARGEST_STEP);
    // Each row is moved once or twice: when its segment was small, and when it was cut.
    expect(table.moved.rows).to.be.below(numRows * 2.5);
    // Two key groups of the same size: their segments are not all full at the same time.
    expect(Math.max(...moved)).to.be.below(numRows / 2);
  });

  it('leaves little empty: a page for each key group, and the index', () => {
    const table = newTable(newMemory(), { valueBytes: 16 });
    const numRows = 100_000;
    const entryBytes = 8 + 16 + 16;
    apply(
      table,
      keysFrom(0, numRows).map((key): Change => [key, '1234567812345678']),
    );
    expect(table.byteLength).to.be.below(numRows * (entryBytes + 12) + 8 * layout.PAGE_BYTES * 1.5);
    expect(table.byteLength).to.equal(table.regions().reduce((sum, { byteLength }) => sum + byteLength, 0));
  });

  it('copies some key groups together with each change, until what was removed is given back', () => {
    const table = newTable(newMemory(), { numKeyGroups: 16, to: 16, valueBytes: 64 });
    const value = 'x'.repeat(64);
    const keys = keysFrom(0, 90_000);
    apply(
      table,
      keys.map((key): Change => [key, value]),
    );
    const before = table.byteLength;
    const left = keys.filter((_, i) => i % 3 === 0);
    apply(
      table,
      keys.filter((_, i) => i % 3 !== 0).map((key): Change => [key, undefined]),
    );
    // Only what one change may copy: 4 MiB are about 45,000 rows of 96 bytes, so all the rest could be; below a part of it.
    for (let i = 0; i < 4; i++) apply(table, [[left[0] ?? '', value]]);
    expect(table.byteLength).to.be.below(before * 0.6);
    expect(rowsOfTable(table).length).to.equal(left.length);
  });

  it('stays as small as it is, however often its rows come and go', () => {
    // As a window's rows do: the room for naming pages doubled with each copying, and ate a slot within minutes.
    for (const [valueBytes, numBatches, most] of [
      [100, 300, 2048],
      [30_000, 40, 8 * layout.PAGE_BYTES],
    ] as const) {
      const table = newTable(newMemory(), { numKeyGroups: 1, to: 1 });
      let largest = 0;
      for (let batch = 0; batch < numBatches; batch++) {
        const [last = '', next = ''] = keysFrom(batch, 2);
        apply(table, [
          [next, 'x'.repeat(valueBytes)],
          [last, undefined],
        ]);
        largest = Math.max(largest, table.byteLength);
      }
      expect(table.numRows).to.equal(1);
      expect(largest, `values of ${valueBytes} bytes`).to.be.below(most);
    }
  });

  it('has entries larger than a page, and those before and after them', () => {
    forSeeds(6, random => {
      const memory = newMemory();
      const table = newTable(memory, { numKeyGroups: 2, to: 2 });
      const oracle = new Map<string, string>();
      for (let step = 0; step < 6; step++) {
        const changes = Array.from({ length: 12 }, (): Change => {
          const length = pick(random, [0, 100, 30_000, 65_500, 65_536, 70_000, 200_000]);
          const key = `k${intBelow(random, 40)}`;
          return random() < 0.2 ? [key, undefined] : [key, String.fromCharCode(97 + step).repeat(length)];
        });
        apply(table, changes);
        applyToMap(oracle, changes, table);
        expect(sortedRows(rowsOfTable(table))).to.deep.equal(sortedRows(oracle));
      }
      const successor = new SlotMemory(0, memory.memory, LIMIT_BYTES);
      successor.adopt(layout.tableRegions(successor, table.address));
      memory.u32[table.address / 4 + layout.T_APPLYING] = 1;
      const found = StateTable.attach(successor, table.address);
      apply(found, [['another', 'row']]);
      oracle.set('another', 'row');
      expect(sortedRows(rowsOfTable(found))).to.deep.equal(sortedRows(oracle));
    });
  });

  it('holds thousands of keys of one hash, which no cutting tells apart', () => {
    const memory = newMemory();
    const table = newTable(memory, { numKeyGroups: 2, to: 2 });
    const hash = 0xfedcba98;
    const builder = new DeltaBuilder(memory);
    const keyOf = (n: number): Uint8Array => {
      const key = new Uint8Array(16);
      new DataView(key.buffer).setUint32(0, n);
      steerHash(key, hash);
      return key;
    };
    for (let n = 0; n < 4000; n++) builder.put(keyOf(n), hash, bytesOf(String(n)));
    applyDelta(table, builder.finish().address);
    expect(table.numRows).to.equal(4000);
    expect(table.withHash(hash).length).to.equal(4000);
    const key = keyOf(3999);
    expect(hashBytes(key, 0, key.length)).to.equal(hash);
    expect(textOf(table.get(key, hash) ?? new Uint8Array(0))).to.equal('3999');
  });

  it('is right after a thread died among many segments and pages, and forgets nothing of what was there', () => {
    const memory = newMemory();
    const table = newTable(memory, { numKeyGroups: 1, to: 1, valueBytes: 8 });
    const first = keysFrom(0, 30_000).map((key): Change => [key, '12345678']);
    apply(table, first);
    const more = deltaOf(
      table,
      keysFrom(20_000, 20_000).map((key): Change => [key, '87654321']),
    );
    memory.u32[table.address / 4 + layout.T_APPLYING] = 1;
    const successor = new SlotMemory(0, memory.memory, LIMIT_BYTES);
    successor.adopt([...layout.tableRegions(successor, table.address), more]);
    const found = StateTable.attach(successor, table.address);
    expect(found.numRows).to.equal(30_000);
    applyDelta(found, more.address);
    expect(found.numRows).to.equal(40_000);
    for (const [key, value] of [['key 000000019999', '12345678'] as const, ['key 000000020000', '87654321'] as const])
      expect(textOf(found.get(bytesOf(key), hashOf(key)) ?? new Uint8Array(0))).to.equal(value);
  });
});
