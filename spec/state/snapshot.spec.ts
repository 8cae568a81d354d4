import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { SnapshotWriter, type WrittenSnapshot } from '../../lib/state/snapshot.js';
import { applyIpc, deltaToIpc, loadArrow } from '../../lib/state/state-ipc.js';
import type { StateTable } from '../../lib/state/state-table.js';
import { applyDelta } from '../../lib/state/delta.js';
import { newMemory } from '../columnar/key-fixture.js';
import { intBelow, pick, randomOf, type Random } from '../helpers/random-values.js';
import { apply, applyToMap, deltaOf, newTable, rowsOfTable, sortedRows, type Change } from './state-fixture.js';

const NUM_KEYS = 60_000;
const KEYS = Array.from({ length: NUM_KEYS }, (_, i) => `key ${i}`);
const valueOf = (random: Random): string => 'v'.repeat(1 + intBelow(random, 3)) + intBelow(random, 1000);

describe('state/snapshot', () => {
  const fs = new NodeFileSystem();
  let folder: string;
  before(async () => {
    await loadArrow();
    folder = mkdtempSync(join(tmpdir(), 'sluice-snapshot-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('with the changes since its first piece is the state of its last, whatever came and went between pieces', async () => {
    for (let seed = 1; seed <= 2; seed++) {
      const random = randomOf(seed);
      const table = newTable(newMemory(), { numKeyGroups: 4, to: 4 });
      const oracle = new Map<string, string>();
      const change = (changes: readonly Change[]): Uint8Array => {
        const delta = deltaOf(table, changes);
        applyDelta(table, delta.address);
        const { address, byteLength } = deltaToIpc(table.memory, delta.address, 'variable');
        const bytes = Uint8Array.from(table.memory.bytes(address, byteLength));
        table.memory.free(address);
        table.memory.free(delta.address);
        applyToMap(oracle, changes, table);
        return bytes;
      };
      change(KEYS.map((key): Change => [key, valueOf(random)]));
      const path = join(folder, `snapshot-${seed}.arrow`);
      const snapshot = await SnapshotWriter.create(table, path, 'variable', fs);
      const since: Uint8Array[] = [];
      let written: WrittenSnapshot | undefined;
      let movedBefore = table.moved.rows;
      let numCompacted = 0;
      while (written === undefined) {
        written = await snapshot.writePiece();
        // Most keys of a stretch go at once, so that key groups that are half written are copied together.
        const from = intBelow(random, NUM_KEYS / 4);
        const gone = KEYS.slice(from, from + pick(random, [10, NUM_KEYS * 0.7])).map((key): Change => [key, undefined]);
        const kept = KEYS.filter(() => random() < 0.05).map((key): Change => [key, valueOf(random)]);
        since.push(change([...new Map([...gone, ...kept])]));
        if (table.moved.rows > movedBefore) numCompacted++;
        movedBefore = table.moved.rows;
      }
      await snapshot.close();
      expect(numCompacted, `seed ${seed}`).to.be.above(0);
      const restored = newTable(newMemory(), { numKeyGroups: 4, to: 4 });
      applyIpc(restored, readFileSync(path), 'variable');
      for (const bytes of since) applyIpc(restored, bytes, 'variable');
      expect(sortedRows(rowsOfTable(restored)), `seed ${seed}`).to.deep.equal(sortedRows(oracle));
    }
  });

  it('handles a bounded number of rows in a piece, and leaves nothing in the memory', async () => {
    const table: StateTable = newTable(newMemory(), { valueBytes: 8 });
    apply(
      table,
      KEYS.map((key): Change => [key, '12345678']),
    );
    table.memory.resetScratch();
    const blocks = table.memory.numBlocks;
    const snapshot = await SnapshotWriter.create(
      table,
      join(folder, 'pieces.arrow'),
      [{ name: 'n', kind: 'int64', nullable: false }],
      fs,
    );
    let written: WrittenSnapshot | undefined;
    while (written === undefined) written = await snapshot.writePiece();
    await snapshot.close();
    expect(snapshot.numPieces).to.equal(Math.ceil(NUM_KEYS / 16384));
    expect(written.numRows).to.equal(NUM_KEYS);
    table.memory.resetScratch();
    expect(table.memory.numBlocks - blocks).to.be.at.most(1);
  });
});
