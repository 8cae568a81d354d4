import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import type { FilePlace } from '../../lib/core/file-place.js';
import { makeBlockStore } from '../../lib/driver/block-store.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';

const nobodyHears = (message: string): void => expect.fail(message);

async function put(fs: ModelFileSystem, path: string): Promise<void> {
  await fs.mkdir(dirname(path));
  await (await fs.open(path, 'w')).close();
}

describe('the place of blocks without room', () => {
  it("is the checkpoint's folder spill, without what a killed run left there, and other files stay", async () => {
    const fs = new ModelFileSystem();
    for (const name of ['blocks-7.spill', 'slot-0.state', 'mine.txt']) await put(fs, `/checkpoint/spill/${name}`);
    const store = makeBlockStore(fs, '/checkpoint', nobodyHears);
    await store.open();
    expect(fs.paths().toSorted()).to.deep.equal(['/checkpoint/spill/mine.txt', '/checkpoint/spill/slot-0.state']);
    const [place] = await store.write([Uint8Array.of(1, 2)]);
    expect(place?.path).to.equal('/checkpoint/spill/blocks-1.spill');
    await store.close();
    expect(fs.paths().length).to.equal(2);
  });

  it('is nowhere until something goes there', async () => {
    const fs = new ModelFileSystem();
    const store = makeBlockStore(fs, '/checkpoint', nobodyHears);
    await store.open();
    await store.close();
    expect(fs.count('mkdir')).to.equal(0);
  });

  it('is a folder for this user alone without a checkpoint; that of a process that is gone is removed', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    const left = join(tmpdir(), `sluice-blocks-${pid}-abcdef`);
    const others = join(tmpdir(), `sluice-blocks-${process.pid}-abcdef`);
    for (const folder of [left, others]) mkdirSync(folder, { recursive: true });
    try {
      const store = makeBlockStore(new NodeFileSystem(), undefined, nobodyHears);
      await store.open();
      const places = await store.write([Uint8Array.of(1, 2), Uint8Array.of(3)]);
      const { path } = places[0] as FilePlace;
      if (process.platform !== 'win32') expect(statSync(dirname(path)).mode & 0o777).to.equal(0o700);
      expect(await store.read(places[1] as FilePlace, 1)).to.deep.equal(Uint8Array.of(3));
      expect([existsSync(left), existsSync(others)]).to.deep.equal([false, true]);
      await store.close();
      expect(existsSync(dirname(path))).to.equal(false);
    } finally {
      for (const folder of [left, others]) rmSync(folder, { recursive: true, force: true });
    }
  });
});
