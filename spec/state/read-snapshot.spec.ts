import { expect } from 'chai';
import type { EngineError } from '../../lib/core/errors.js';
import { applySnapshot } from '../../lib/state/read-snapshot.js';
import type { WrittenSnapshot } from '../../lib/state/snapshot.js';
import { loadArrow } from '../../lib/state/state-ipc.js';
import { newMemory } from '../columnar/key-fixture.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { forSeeds, intBelow, randomOf } from '../helpers/random-values.js';
import {
  apply,
  newTable,
  randomChanges,
  randomPool,
  rowsOfTable,
  sortedRows,
  TWO_NUMBERS,
  writeSnapshot,
  type Change,
} from './state-fixture.js';

const PATH = '/state.arrow';

async function written(fs: ModelFileSystem, changes: readonly Change[]): Promise<WrittenSnapshot> {
  const table = newTable(newMemory());
  apply(table, changes);
  return writeSnapshot(table, PATH, 'variable', fs);
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'none',
    (error: EngineError) => error.code,
  );

describe('state/read-snapshot', () => {
  before(loadArrow);

  it('gives the table that was written, of its own key groups', async () => {
    for (const numRows of [0, 1, 300, 40_000]) {
      const fs = new ModelFileSystem();
      const changes = Array.from({ length: numRows }, (_, i): Change => [`key ${i}`, 'v'.repeat(i % 90)]);
      const snapshot = await written(fs, changes);
      const all = newTable(newMemory());
      await applySnapshot(all, PATH, snapshot, 'variable', fs);
      expect(sortedRows(rowsOfTable(all))).to.deep.equal(sortedRows(changes as [string, string][]));
      const low = newTable(newMemory(), { to: 3 });
      const high = newTable(newMemory(), { from: 3 });
      for (const table of [low, high]) await applySnapshot(table, PATH, snapshot, 'variable', fs);
      expect([...rowsOfTable(low), ...rowsOfTable(high)]).to.deep.equal(rowsOfTable(all));
    }
  });

  it('never takes a damaged file for a whole one', async () => {
    const random = randomOf(1);
    const good = new ModelFileSystem();
    const snapshot = await written(good, randomChanges(random, randomPool(random, 100), 'variable', 300));
    const bytes = Buffer.from(good.bytesOf(PATH));
    const damaged: Buffer[] = [
      bytes.subarray(0, 0),
      bytes.subarray(0, bytes.length - 1),
      Buffer.concat([bytes, bytes]),
    ];
    forSeeds(60, seeded => {
      const flipped = Buffer.from(bytes);
      flipped[intBelow(seeded, bytes.length)] ^= 1 << intBelow(seeded, 8);
      damaged.push(flipped, bytes.subarray(0, intBelow(seeded, bytes.length)));
    });
    for (const content of damaged) {
      const fs = new ModelFileSystem();
      const file = await fs.open(PATH, 'w');
      await file.write([content], 0);
      await file.close();
      const table = newTable(newMemory());
      expect(await codeOf(applySnapshot(table, PATH, snapshot, 'variable', fs))).to.equal('checkpointCorrupt');
      expect(table.numRows, 'nothing of it is in the table').to.equal(0);
    }
  });

  it('says when the file is gone, and when it is of other columns', async () => {
    const fs = new ModelFileSystem();
    const snapshot = await written(fs, [['a', 'b']]);
    const table = newTable(newMemory());
    expect(await codeOf(applySnapshot(table, '/other.arrow', snapshot, 'variable', fs))).to.equal('checkpointCorrupt');
    const numbers = newTable(newMemory(), { valueBytes: 16 });
    expect(await codeOf(applySnapshot(numbers, PATH, snapshot, TWO_NUMBERS, fs))).to.equal('typeMismatch');
  });
});
