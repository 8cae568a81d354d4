import { expect } from 'chai';
import { SnapshotPieces } from '../../lib/executor/snapshot-pieces.js';
import { StateTables, type OperatorState } from '../../lib/executor/state-tables.js';
import type { WorkerReply } from '../../lib/protocol/messages.js';
import { applyIpc, loadArrow } from '../../lib/state/state-ipc.js';
import { newMemory } from '../columnar/key-fixture.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { apply, newTable, rowsOfTable, type Change } from '../state/state-fixture.js';

const NUM_ROWS = 40_000;
const operator = {
  kind: 'rows',
  keys: undefined,
  value: 'variable',
  numPartitions: 1,
} as const satisfies OperatorState;

function fixture(): { tables: StateTables; fs: ModelFileSystem } {
  const tables = new StateTables(newMemory(), new Map([['o', operator]]), 8);
  apply(
    tables.get('o', 0),
    Array.from({ length: NUM_ROWS }, (_, i): Change => [`key ${i}`, `${i}`]),
  );
  return { tables, fs: new ModelFileSystem() };
}

const ask = (pieces: SnapshotPieces, piece: number, path = '/s.arrow'): Promise<WorkerReply> =>
  pieces.write({ operator: 'o', partition: 0, path, piece });

describe('executor/snapshot-pieces', () => {
  before(loadArrow);

  it('writes the file piece by piece, and says which is next', async () => {
    const { tables, fs } = fixture();
    const pieces = new SnapshotPieces(tables, fs);
    let next = 0;
    let reply = await ask(pieces, next);
    while (reply.ok && reply.kind === 'snapshotPiece') {
      expect(reply.next).to.equal(++next);
      reply = await ask(pieces, next);
    }
    expect(next).to.equal(Math.ceil(NUM_ROWS / 16384));
    expect(reply).to.have.nested.property('file.numRows', NUM_ROWS);
    const restored = newTable(newMemory());
    applyIpc(restored, fs.bytesOf('/s.arrow'), 'variable');
    expect(rowsOfTable(restored)).to.deep.equal(rowsOfTable(tables.get('o', 0)));
  });

  it('has the snapshot begun again by who does not know of the pieces before', async () => {
    const { tables, fs } = fixture();
    const first = new SnapshotPieces(tables, fs);
    await ask(first, 0);
    const successor = new SnapshotPieces(tables, fs);
    for (const piece of [1, 2]) {
      expect(await ask(successor, piece)).to.deep.equal({ ok: true, kind: 'snapshotPiece', next: 0 });
    }
    expect(await ask(successor, 0)).to.have.property('next', 1);
    // A piece of another file, or one that was written already.
    expect(await ask(successor, 1, '/other.arrow')).to.have.property('next', 0);
    expect(await ask(successor, 0)).to.have.property('next', 1);
    expect(await ask(successor, 2)).to.have.property('next', 0);
  });
});
