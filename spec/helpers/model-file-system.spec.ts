/** The file system that crash specs trust: what it keeps and what it may lose is itself a claim to be tried. */
import { expect } from 'chai';
import { ModelFileSystem, type Operation } from './model-file-system.js';
import { randomOf } from './random-values.js';

const SECTOR_BYTES = 512;

async function written(fs: ModelFileSystem, path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  const file = await fs.open(path, 'w');
  await file.write([bytes], 0);
  if (sync) await file.sync();
}

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const text = (fs: ModelFileSystem, path: string): string => Buffer.from(fs.bytesOf(path)).toString();

/** What is left after a loss of power, over many choices of what survives. */
async function leftOver<T>(
  make: (fs: ModelFileSystem) => Promise<void>,
  look: (fs: ModelFileSystem) => T,
): Promise<Set<T>> {
  const seen = new Set<T>();
  for (let seed = 1; seed <= 60; seed++) {
    const fs = new ModelFileSystem();
    await make(fs);
    fs.crash({ kind: 'power', random: randomOf(seed) });
    seen.add(look(fs));
  }
  return seen;
}

const failureOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { readonly code?: string }) => error.code ?? String(error),
  );

describe('the model of a file system', () => {
  it('keeps all that was written when the process is killed, synced or not', async () => {
    const fs = new ModelFileSystem();
    await fs.mkdir('/a/b');
    await written(fs, '/a/b/f', Buffer.from('x'), false);
    fs.crash({ kind: 'kill' });
    expect(text(fs, '/a/b/f')).to.equal('x');
  });

  it('loses a file without a sync of its directory, whatever of its content was synced', async () => {
    const fs = new ModelFileSystem();
    await written(fs, '/f', Buffer.from('x'), true);
    fs.crash();
    expect(fs.paths()).to.deep.equal([]);
  });

  it('keeps the name of a file whose content was not synced, and nothing in it', async () => {
    const fs = new ModelFileSystem();
    await written(fs, '/f', Buffer.from('x'), false);
    await fs.syncDirectory('/');
    fs.crash();
    expect(fs.bytesOf('/f')).to.have.length(0);
  });

  it('keeps synced sectors, and of the others some and not others', async () => {
    const patterns = await leftOver(
      async fs => {
        await written(fs, '/f', filled(4 * SECTOR_BYTES, 1), true);
        await fs.syncDirectory('/');
        const file = await fs.open('/f', 'r+');
        await file.write([filled(3 * SECTOR_BYTES, 2)], SECTOR_BYTES);
      },
      fs => [0, 1, 2, 3].map(sector => fs.bytesOf('/f')[sector * SECTOR_BYTES]).join(''),
    );
    expect([...patterns].every(pattern => /^1[12]{3}$/.test(pattern))).to.equal(true);
    // A later one without an earlier one: writes are reordered.
    expect([...patterns]).to.include.members(['1111', '1112', '1121', '1211', '1222']);
  });

  it('may take back what a truncation cut off, or leave zeros of it', async () => {
    const sizes = await leftOver(
      async fs => {
        await written(fs, '/f', filled(2 * SECTOR_BYTES, 1), true);
        await fs.syncDirectory('/');
        const file = await fs.open('/f', 'r+');
        await file.truncate(SECTOR_BYTES);
      },
      fs => `${fs.bytesOf('/f').length} ${fs.bytesOf('/f')[2 * SECTOR_BYTES - 1]}`,
    );
    expect([...sizes].toSorted()).to.deep.equal(['1024 0', '1024 1', '512 undefined']);
  });

  it('may undo a rename without a sync of the directory, and never one with it', async () => {
    const replaced = (sync: boolean) => async (fs: ModelFileSystem) => {
      await written(fs, '/to', Buffer.from('old'), true);
      await written(fs, '/from', Buffer.from('new'), true);
      await fs.syncDirectory('/');
      await fs.rename('/from', '/to');
      if (sync) await fs.syncDirectory('/');
    };
    const look = (fs: ModelFileSystem): string => text(fs, '/to');
    expect([...(await leftOver(replaced(false), look))].toSorted()).to.deep.equal(['new', 'old']);
    expect([...(await leftOver(replaced(true), look))]).to.deep.equal(['new']);
  });

  it('may lose a link and bring back a removed file without a sync of the directory', async () => {
    const names = await leftOver(
      async fs => {
        await written(fs, '/a', Buffer.from('x'), true);
        await fs.syncDirectory('/');
        await fs.link('/a', '/b');
        await fs.remove('/a');
      },
      fs => fs.paths().join(),
    );
    expect([...names].toSorted()).to.deep.equal(['', '/a', '/a,/b', '/b']);
  });

  it('loses with a directory all that is in it, synced or not', async () => {
    const fs = new ModelFileSystem();
    await fs.mkdir('/a');
    await written(fs, '/a/f', Buffer.from('x'), true);
    await fs.syncDirectory('/a');
    fs.crash();
    expect(fs.paths()).to.deep.equal([]);
  });

  it('goes down in the middle of an operation: nothing, half or all of a write is done, and nothing after it', async () => {
    const sizes = new Set<number>();
    for (const skipped of [0, 1, 2]) {
      const fs = new ModelFileSystem();
      for (let i = 0; i < skipped; i++) await fs.readdir('/');
      fs.downAt(skipped + 1);
      const file = await fs.open('/f', 'w');
      expect(await failureOf(file.write([filled(8, 1)], 0))).to.equal('EIO');
      expect(fs.isDown).to.equal(true);
      expect(await failureOf(fs.readdir('/'))).to.equal('EIO');
      fs.crash({ kind: 'kill' });
      sizes.add(fs.bytesOf('/f').length);
      expect(await failureOf(file.sync()), 'a handle of the world before').to.equal('EIO');
    }
    expect([...sizes].toSorted()).to.deep.equal([0, 4, 8]);
  });

  it('fails what a fault names from an operation on, until it is lifted', async () => {
    const fs = new ModelFileSystem();
    const lift = fs.failWhile({ code: 'ENOSPC', operations: ['write'], from: 2, path: 'f', share: 0.5 });
    const file = await fs.open('/f', 'w');
    await file.write([filled(4, 1)], 0);
    const other = await fs.open('/g', 'w');
    await other.write([filled(4, 1)], 0);
    expect(await failureOf(file.write([filled(4, 1)], 4))).to.equal('ENOSPC');
    expect(await failureOf(file.write([filled(4, 1)], 4))).to.equal('ENOSPC');
    expect(fs.bytesOf('/f'), 'what had room').to.have.length(6);
    lift();
    expect(await failureOf(file.write([filled(4, 1)], 4))).to.equal('done');
  });

  it('forgets what a failed sync was to write, also when the next sync succeeds, until it is written again', async () => {
    for (const again of [false, true]) {
      const fs = new ModelFileSystem();
      const operations: Operation[] = ['sync'];
      const lift = fs.failWhile({ code: 'EIO', operations, forgetsWrites: true });
      const file = await fs.open('/f', 'w');
      await fs.syncDirectory('/');
      await file.write([filled(8, 1)], 0);
      expect(await failureOf(file.sync())).to.equal('EIO');
      lift();
      expect(fs.bytesOf('/f'), 'still read').to.have.length(8);
      if (again) await file.write([filled(8, 1)], 0);
      await file.sync();
      fs.crash({ kind: 'power', random: () => 0 });
      expect(fs.bytesOf('/f'), 'after the power').to.have.length(again ? 8 : 0);
    }
  });
});
