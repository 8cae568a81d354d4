import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSlotMemory, SlotMemory, type Address } from '../../lib/columnar/slot-memory.js';
import { EngineError } from '../../lib/core/errors.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { applyDelta, type DeltaBlock } from '../../lib/state/delta.js';
import { SnapshotWriter, type WrittenSnapshot } from '../../lib/state/snapshot.js';
import { applyIpc, deltaToIpc, loadArrow } from '../../lib/state/state-ipc.js';
import type { StateSpace } from '../../lib/state/state-space.js';
import { StateTable } from '../../lib/state/state-table.js';
import * as layout from '../../lib/state/table-layout.js';
import { LIMIT_BYTES, newMemory, slicesOf } from '../columnar/key-fixture.js';
import { forSeeds, intBelow, pick, randomOf, type Random } from '../helpers/random-values.js';
import { newSpace, type SpaceLimits } from './space-fixture.js';
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

/** Where what has no room in the table goes. */
const PLACES: readonly (readonly [name: string, limits: SpaceLimits])[] = [
  ['further memories', { homeBytes: 4000, memories: [12, 192 * 1024] }],
  ['a file', { maxBytes: 4000, homeBytes: Infinity, spills: true }],
  ['further memories until they are full, then a file', { homeBytes: 4000, memories: [1, 80 * 1024], spills: true }],
];

const spacedTable = (memory: SlotMemory, space: StateSpace, valueBytes: number | 'variable'): StateTable =>
  StateTable.create(memory, { numKeyGroups: 8, from: 0, to: 8, valueBytes }, space);

const numAway = (table: StateTable): number =>
  Array.from({ length: 8 }, (_, group) => table.away?.runOf(group)).filter(run => run !== undefined).length;

function expectSame(table: StateTable, oracle: ReadonlyMap<string, string>): void {
  expect(table.numRows).to.equal(oracle.size);
  expect(sortedRows(rowsOfTable(table))).to.deep.equal(sortedRows(oracle));
}

/** As a task does: brings the rows of these keys in, then finds them in the table itself. */
function expectFetched(table: StateTable, keys: readonly string[], oracle: ReadonlyMap<string, string>): void {
  const { memory } = table;
  const mark = memory.scratchMark();
  const refs = table.lookup(slicesOf(memory, keys.map(bytesOf)), keys.length);
  keys.forEach((key, i) => {
    const entry = memory.u32[refs / 4 + i];
    const value = memory.bytes(table.valueAddress(entry), table.valueLength(entry));
    expect(entry === 0 ? undefined : textOf(value)).to.equal(oracle.get(key));
  });
  memory.releaseScratch(mark);
}

describe('state/away-groups', () => {
  for (const [name, limits] of PLACES) {
    it(`has the state of a run all in memory with most of it in ${name}, whatever comes and goes`, () => {
      let away = 0;
      forSeeds(4, random => {
        const { space, memories, files } = newSpace(limits);
        const valueBytes = pick(random, ['variable', 16] as const);
        const table = spacedTable(newMemory(), space, valueBytes);
        const oracle = new Map<string, string>();
        const pool = randomPool(random, 400);
        for (let batch = 0; batch < 12; batch++) {
          const changes = randomChanges(random, pool, valueBytes, pick(random, [5, 60, 300]));
          apply(table, changes);
          applyToMap(oracle, changes, table);
          expect(table.numRows).to.equal(oracle.size);
          const keys = pool.filter(() => random() < 0.2);
          for (const key of keys.slice(0, 20)) {
            const value = table.get(bytesOf(key), hashOf(key));
            expect(value && textOf(value)).to.equal(oracle.get(key));
          }
          if (random() < 0.7) expectFetched(table, keys, oracle);
          expectSame(table, oracle);
        }
        away += numAway(table);
        if (limits.memories === undefined) expect(files.writes).to.be.above(0);
        table.dispose();
        for (const memory of memories) expect(memory.liveBytes, 'left behind').to.equal(0);
      });
      expect(away, 'key groups that were away').to.be.above(14);
    });
  }

  it('spreads key groups over several memories, the first ones first', () => {
    const { space, memories } = newSpace({ homeBytes: 10_000, memories: [12, 192 * 1024] });
    const table = spacedTable(newMemory(), space, 'variable');
    const oracle = new Map<string, string>();
    for (let batch = 0; batch < 8; batch++) {
      const changes = Array.from({ length: 100 }, (_, i): Change => [`${batch} ${i}`, 'x'.repeat(500)]);
      apply(table, changes);
      applyToMap(oracle, changes, table);
    }
    const used = memories.map(({ liveBytes }) => liveBytes > 0);
    // A memory has room for two of the eight.
    expect(used.filter(Boolean).length, 'memories in use').to.be.within(3, 7);
    expect(used.slice(8)).to.deep.equal([false, false, false, false]);
    expectSame(table, oracle);
  });

  it('reads blocks near one another together, and each once for a batch', () => {
    const { space, files } = newSpace({ maxBytes: 1, homeBytes: Infinity, spills: true });
    const table = spacedTable(newMemory(), space, 16);
    const keys = Array.from({ length: 20_000 }, (_, i) => `key ${i}`);
    apply(
      table,
      keys.map((key): Change => [key, 'sixteen bytes ..']),
    );
    expect(numAway(table)).to.equal(8);
    files.reads = 0;
    table.lookup(slicesOf(table.memory, keys.map(bytesOf)), keys.length);
    expect(files.reads).to.be.within(8, 16);
  });

  it('is what it was, or with the whole change, when a thread died at any step of it', () => {
    let died = 0;
    forSeeds(3, random => {
      for (let callsLeft = 0, isDying = true; isDying; callsLeft += 1 + intBelow(random, 12)) {
        const limits = pick(random, PLACES)[1];
        const { space, successor } = newSpace(limits);
        const memory = new DyingMemory(0, createSlotMemory(LIMIT_BYTES), LIMIT_BYTES);
        const valueBytes = pick(random, ['variable', 16] as const);
        const table = spacedTable(memory, space, valueBytes);
        const oracle = new Map<string, string>();
        const pool = randomPool(random, 150);
        const before = randomChanges(random, pool, valueBytes, 150);
        apply(table, before);
        applyToMap(oracle, before, table);
        const changes = randomChanges(random, pool, valueBytes, 100);
        const delta = deltaOf(table, changes);
        memory.callsLeft = callsLeft;
        isDying = false;
        try {
          expectFetched(table, pool.slice(0, 70), oracle);
          applyDelta(table, delta.address);
        } catch (error) {
          if (!(error instanceof Died)) throw error;
          isDying = true;
          died++;
        }
        const taken = takeOver(table, delta, successor());
        applyDelta(taken, delta.address);
        applyToMap(oracle, changes, table);
        expectSame(taken, oracle);
        const later = randomChanges(random, pool, valueBytes, 100);
        apply(taken, later);
        applyToMap(oracle, later, table);
        expectFetched(taken, pool, oracle);
        expectSame(taken, oracle);
      }
    });
    expect(died).to.be.above(15);
  });

  describe('a snapshot', () => {
    const fs = new NodeFileSystem();
    let folder: string;
    before(async () => {
      await loadArrow();
      folder = mkdtempSync(join(tmpdir(), 'sluice-away-'));
    });
    after(() => rmSync(folder, { recursive: true }));

    it('with the changes since its first piece is the state of its last, whatever goes away between pieces', async () => {
      for (let seed = 1; seed <= 2; seed++) {
        const random = randomOf(seed);
        const { space } = newSpace({
          ...{ maxBytes: 1_500_000, homeBytes: 800_000, memories: [8, 2 ** 20], spills: seed === 2 },
        });
        const table = spacedTable(newMemory(), space, 'variable');
        const oracle = new Map<string, string>();
        const pool = Array.from({ length: 25_000 }, (_, i) => `key ${'.'.repeat(100)} ${i}`);
        const change = (changes: readonly Change[]): Uint8Array => {
          const delta = deltaOf(table, changes);
          applyDelta(table, delta.address);
          const { address, byteLength } = deltaToIpc(table.memory, delta.address, 'variable');
          const bytes = Uint8Array.from(table.memory.bytes(address, byteLength));
          for (const block of [address, delta.address]) table.memory.free(block);
          applyToMap(oracle, changes, table);
          return bytes;
        };
        for (const share of [0.9, 0.3]) change(valuesOf(random, pool, share));
        const path = join(folder, `${seed}.arrow`);
        const snapshot = await SnapshotWriter.create(table, path, 'variable', fs);
        const since: Uint8Array[] = [];
        let written: WrittenSnapshot | undefined;
        while (written === undefined) {
          written = await snapshot.writePiece();
          since.push(change(valuesOf(random, pool, 0.05)));
        }
        await snapshot.close();
        expect(numAway(table)).to.be.above(3);
        expect(since.length).to.be.above(3);
        const restored = newTable(newMemory());
        applyIpc(restored, readFileSync(path), 'variable');
        for (const bytes of since) applyIpc(restored, bytes, 'variable');
        expect(sortedRows(rowsOfTable(restored)), `seed ${seed}`).to.deep.equal(sortedRows(oracle));
      }
    });
  });

  describe('on a disk that fails', () => {
    it('is refused with stateSpill when any byte of it was changed, and gives no wrong value', () => {
      forSeeds(12, random => {
        const { table, files, keys, oracle } = onDisk(random);
        const flipped = intBelow(random, files.byteLength);
        files.damage(bytes => {
          bytes[flipped] = (bytes[flipped] ?? 0) ^ (1 << intBelow(random, 8));
          return bytes;
        });
        let refused = 0;
        for (const key of keys) {
          try {
            const value = table.get(bytesOf(key), hashOf(key));
            expect(value && textOf(value)).to.equal(oracle.get(key));
          } catch (error) {
            expect((error as EngineError).code).to.equal('stateSpill');
            refused++;
          }
        }
        // A byte between two extents belongs to no block.
        if (refused === 0) expect(rowsOfTable(table).length).to.equal(oracle.size);
        else expect(() => rowsOfTable(table)).to.throw(EngineError, /cannot be read back: its checksum is another/);
      });
    });

    it('is refused when the file was cut off, is gone for the next thread, or cannot be read', () => {
      const { table, files, keys, successor } = onDisk(randomOf(1));
      const fetchAll = (of: StateTable) => () => of.lookup(slicesOf(of.memory, keys.map(bytesOf)), keys.length);
      files.failing = { call: 'read', code: 'EIO' };
      expect(fetchAll(table)).to.throw(EngineError, /byte \d+ of spill\/0\.state cannot be read back: EIO/);
      files.failing = undefined;
      files.damage(bytes => bytes.subarray(0, 1000));
      expect(fetchAll(table)).to.throw(EngineError, /cannot be read back: it has \d+ of \d+ bytes there/);
      files.files.clear();
      const taken = takeOver(table, undefined, successor());
      expect(fetchAll(taken)).to.throw(EngineError, /ENOENT.*restores the state from the checkpoint/);
    });

    it('leaves the table as it was when the disk is full, and goes on when there is room', () => {
      const random = randomOf(7);
      const { table, files, oracle } = onDisk(random);
      const runs = table.away?.byteLength;
      files.spaceBytes = 0;
      const changes = valuesOf(random, [...oracle.keys()], 0.5);
      const delta = deltaOf(table, changes);
      expect(() => applyDelta(table, delta.address))
        .to.throw(
          EngineError,
          /wants to be written to spill\/0\.state: ENOSPC.*Free space there or raise maxStateBytes/,
        )
        .with.property('code', 'stateSpill');
      applyToMap(oracle, changes, table);
      expectSame(table, oracle);
      files.spaceBytes = Infinity;
      apply(table, []);
      expectSame(table, oracle);
      expect(table.away?.byteLength).to.be.within((runs ?? 0) / 2, (runs ?? 0) * 2);
    });
  });
});

class Died extends Error {}

/** The memory of a thread that dies in the n-th call of the allocator. */
class DyingMemory extends SlotMemory {
  callsLeft = Infinity;

  override alloc(byteLength: number, life?: 'task' | 'lasting'): Address {
    if (this.callsLeft-- <= 0) throw new Died();
    return super.alloc(byteLength, life);
  }

  override free(address: Address): void {
    if (this.callsLeft-- <= 0) throw new Died();
    super.free(address);
  }
}

/** A new thread takes the slot over with what the driver knows: the table's address and the delta. */
function takeOver(table: StateTable, delta: DeltaBlock | undefined, space: StateSpace): StateTable {
  const successor = new SlotMemory(0, table.memory.memory, LIMIT_BYTES);
  successor.adopt([...layout.tableRegions(successor, table.address), ...(delta === undefined ? [] : [delta])]);
  space.adopt(successor, [table.address]);
  return StateTable.attach(successor, table.address, space);
}

const valuesOf = (random: Random, keys: readonly string[], share: number): Change[] =>
  keys
    .filter(() => random() < share)
    .map((key): Change => [
      key,
      random() < 0.2 ? undefined : `${'v'.repeat(intBelow(random, 40))}${intBelow(random, 1000)}`,
    ]);

/** A table of which all is in a file. */
function onDisk(random: Random) {
  const { space, files, successor } = newSpace({ maxBytes: 1, homeBytes: Infinity, spills: true });
  const table = spacedTable(newMemory(), space, 'variable');
  const oracle = new Map<string, string>();
  const keys = Array.from({ length: 600 }, (_, i) => `key ${i}`);
  for (let batch = 0; batch < 2; batch++) {
    const changes = valuesOf(random, keys, 0.8);
    apply(table, changes);
    applyToMap(oracle, changes, table);
  }
  return { table, files, keys, oracle, successor };
}
