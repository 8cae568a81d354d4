import { expect } from 'chai';
import { kernels } from '../../lib/columnar/kernels.js';
import { createSlotMemory, SlotMemory, type Address } from '../../lib/columnar/slot-memory.js';
import { readDelta } from '../../lib/state/delta-layout.js';
import { applyDelta, type DeltaBlock } from '../../lib/state/delta.js';
import { StateTable } from '../../lib/state/state-table.js';
import * as layout from '../../lib/state/table-layout.js';
import { LIMIT_BYTES, newMemory } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick, type Random } from '../helpers/random-values.js';
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

class Died extends Error {}

/** The memory of a thread that dies in the n-th call of the allocator: between any two steps of a key group's growth. */
class DyingMemory extends SlotMemory {
  callsLeft = Infinity;

  override alloc(byteLength: number): Address {
    if (this.callsLeft-- <= 0) throw new Died();
    return super.alloc(byteLength);
  }

  override free(address: Address): void {
    if (this.callsLeft-- <= 0) throw new Died();
    super.free(address);
  }
}

const dyingMemory = (): DyingMemory => new DyingMemory(0, createSlotMemory(LIMIT_BYTES), LIMIT_BYTES);

/** A new thread takes the slot over with what the driver knows: the table's address and the delta. */
function takeOver(table: StateTable, delta: DeltaBlock): StateTable {
  const successor = new SlotMemory(0, table.memory.memory, LIMIT_BYTES);
  successor.adopt([...layout.tableRegions(successor, table.address), delta]);
  return StateTable.attach(successor, table.address);
}

/** A table with some rows, the same rows in a Map, and changes to come that make key groups grow and shrink. */
function prepare(
  random: Random,
  memory: SlotMemory,
): { table: StateTable; oracle: Map<string, string>; changes: Change[] } {
  const valueBytes = pick(random, ['variable', 16] as const);
  const table = newTable(memory, { valueBytes, numKeyGroups: 4, to: 4 });
  const pool = randomPool(random, 200);
  const oracle = new Map<string, string>();
  const before = randomChanges(random, pool, valueBytes, 150);
  apply(table, before);
  applyToMap(oracle, before, table);
  return { table, oracle, changes: [...new Map(randomChanges(random, pool, valueBytes, 300))] };
}

function expectSame(table: StateTable, oracle: Map<string, string>): void {
  expect(table.numRows).to.equal(oracle.size);
  expect(sortedRows(rowsOfTable(table))).to.deep.equal(sortedRows(oracle));
  for (const key of oracle.keys()) {
    const value = table.get(bytesOf(key), hashOf(key));
    expect(value && textOf(value)).to.equal(oracle.get(key));
  }
}

/** Applies the first rows of a delta and stops there, flag up. */
function applySome(table: StateTable, delta: DeltaBlock, numRows: number): void {
  const { memory, address } = table;
  const k = kernels(memory);
  const parts = readDelta(memory, delta.address);
  const values = memory.scratch(parts.numRows * 4);
  const lengths = memory.scratch(parts.numRows * 4);
  const refs = memory.scratch(parts.numRows * 4);
  k.slicesFromOffsets(parts.keyOffsets, parts.numRows, parts.keys, parts.keyBytes, values, lengths);
  memory.u32[address / 4 + layout.T_APPLYING] = 1;
  for (let done = 0; done < numRows;) {
    const at = done * 4;
    k.stateLookup(address, values + at, lengths + at, parts.hashes + at, numRows - done, refs + at);
    done = k.stateApply(address, delta.address, values, lengths, 0, done, numRows, refs, 0);
    if (done < numRows) table.makeRoom();
  }
}

/** Spoils everything that a thread may have been writing: segments, counts, and what follows the last entry. */
function tear(random: Random, table: StateTable): void {
  const { u8, u32 } = table.memory;
  for (let g = 0; g < table.to - table.from; g++) {
    const pages = u32[table.address / 4 + layout.T_GROUPS + g * 2];
    const index = u32[table.address / 4 + layout.T_GROUPS + g * 2 + 1];
    if (pages === 0) continue;
    const last = layout.pageEntry(pages, u32[pages / 4 + layout.P_LAST]);
    const start = u32[last + layout.E_ADDRESS];
    const end = start + u32[last + layout.E_CAPACITY];
    for (let i = start + u32[last + layout.E_END]; i < end; i++) u8[i] = intBelow(random, 256);
    for (const segment of layout.segmentsOf(u32, index)) {
      const bytes = u32[segment / 4 + layout.S_CAPACITY];
      for (let i = segment + 4; i < segment + bytes; i++) u8[i] = intBelow(random, 256);
    }
    for (const count of [layout.P_ROWS, layout.P_HOLES, layout.P_USED, layout.P_LAST])
      u32[pages / 4 + count] = intBelow(random, 1000);
  }
}

describe('state/state-table after a crash', () => {
  it('is that of an undisturbed run when its thread died at any step of growing, and the delta is applied again', () => {
    forSeeds(12, random => {
      let callsLeft = 0;
      for (let died = true; died; callsLeft += 1 + intBelow(random, 3)) {
        const memory = dyingMemory();
        const { table, oracle, changes } = prepare(random, memory);
        const delta = deltaOf(table, changes);
        memory.callsLeft = callsLeft;
        died = false;
        try {
          applyDelta(table, delta.address);
        } catch (error) {
          if (!(error instanceof Died)) throw error;
          died = true;
        }
        const successor = takeOver(table, delta);
        expect(successor.applying).to.equal(died);
        applyDelta(successor, delta.address);
        expect(successor.applying).to.equal(false);
        applyToMap(oracle, changes, table);
        expectSame(successor, oracle);
        apply(successor, changes);
        expectSame(successor, oracle);
      }
      expect(callsLeft, 'allocator calls while growing').to.be.above(3);
    });
  });

  it('is that of an undisturbed run when its thread died between any two rows, its indexes torn', () => {
    forSeeds(40, random => {
      const { table, oracle, changes } = prepare(random, newMemory());
      const delta = deltaOf(table, changes);
      applySome(table, delta, intBelow(random, changes.length + 1));
      tear(random, table);
      const successor = takeOver(table, delta);
      expect(successor.applying).to.equal(true);
      applyDelta(successor, delta.address);
      applyToMap(oracle, changes, table);
      expectSame(successor, oracle);
    });
  });

  it('takes the later entry when a value outgrew its place and the old entry was not yet a hole', () => {
    const table = newTable(newMemory(), { numKeyGroups: 1, to: 1 });
    apply(table, [
      ['a', 'short'],
      ['b', 'other'],
    ]);
    const delta = deltaOf(table, [['a', 'much longer than before']]);
    applyDelta(table, delta.address);
    const { u32 } = table.memory;
    const pages = u32[table.address / 4 + layout.T_GROUPS];
    const old = u32[layout.pageEntry(pages, 0) + layout.E_ADDRESS] + layout.FIRST_ENTRY;
    expect(u32[old / 4 + 1]).to.equal(layout.REMOVED_BIT + 1);
    u32[old / 4 + 1] = 1;
    u32[table.address / 4 + layout.T_APPLYING] = 1;
    const successor = takeOver(table, delta);
    expect(rowsOfTable(successor)).to.deep.equal([
      ['b', 'other'],
      ['a', 'much longer than before'],
    ]);
    applyDelta(successor, delta.address);
    expectSame(
      successor,
      new Map([
        ['b', 'other'],
        ['a', 'much longer than before'],
      ]),
    );
  });

  it('leaves a table alone that no delta was being applied to', () => {
    const table = newTable(newMemory());
    apply(table, [['a', 'b']]);
    const regions = table.regions();
    const successor = takeOver(table, deltaOf(table, []));
    expect(successor.regions()).to.deep.equal(regions);
    expect(rowsOfTable(successor)).to.deep.equal([['a', 'b']]);
  });
});
