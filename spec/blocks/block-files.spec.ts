import { expect } from 'chai';
import { crc32 } from 'node:zlib';
import { BlockDamaged } from '../../lib/blocks/block-damaged.js';
import { BlockFiles } from '../../lib/blocks/block-files.js';
import { readBlockFile } from '../../lib/blocks/read-block-file.js';
import type { FilePlace } from '../../lib/core/file-place.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { openBlockFiles } from '../helpers/open-block-files.js';
import { turn } from '../helpers/run-engine.js';

const BLOCKS = [Uint8Array.of(1, 2, 3), Uint8Array.of(4), Uint8Array.of(5, 6)];

function world(): { fs: ModelFileSystem; files: BlockFiles; left: string[] } {
  const fs = new ModelFileSystem();
  const left: string[] = [];
  const files = new BlockFiles({
    fs,
    folder: '/spill',
    makeFolder: () => fs.mkdir('/spill'),
    onLeft: message => left.push(message),
  });
  return { fs, files, left };
}

const damaged = (f: () => unknown): void => void expect(f).to.throw(BlockDamaged);

describe('BlockFiles', () => {
  it('gives each block back as it was, to the driver and to tasks', async () => {
    const { fs, files } = world();
    const places = await files.write(BLOCKS);
    expect(places).to.deep.equal([
      { path: '/spill/blocks-1.spill', position: 0, crc32: crc32(Uint8Array.of(1, 2, 3)) },
      { path: '/spill/blocks-1.spill', position: 3, crc32: crc32(Uint8Array.of(4)) },
      { path: '/spill/blocks-1.spill', position: 4, crc32: crc32(Uint8Array.of(5, 6)) },
    ]);
    for (const [i, place] of places.entries()) {
      const length = BLOCKS[i]?.length ?? 0;
      expect(await files.read(place, length)).to.deep.equal(BLOCKS[i]);
      expect(readBlockFile(openBlockFiles(fs), place, length)).to.deep.equal(BLOCKS[i]);
    }
  });

  it('keeps a file until the last of its blocks is released', async () => {
    const { fs, files } = world();
    const places = await files.write(BLOCKS);
    const [other] = await files.write([Uint8Array.of(9)]);
    for (const [i, place] of places.entries()) {
      expect(fs.has('/spill/blocks-1.spill'), `before release ${i}`).to.equal(true);
      files.release(place);
      await turn();
    }
    expect(fs.paths()).to.deep.equal(['/spill/blocks-2.spill']);
    expect(await files.read(other as FilePlace, 1)).to.deep.equal(Uint8Array.of(9));
    await files.close();
    expect(fs.paths()).to.deep.equal([]);
  });

  it('removes what is still being written when it closes, and a release after that does nothing', async () => {
    const { fs, files } = world();
    const writing = files.write(BLOCKS);
    await files.close();
    expect(fs.paths()).to.deep.equal([]);
    const [place] = await writing;
    fs.resetCounts();
    files.release(place as FilePlace);
    await turn();
    expect(fs.count('remove')).to.equal(0);
  });

  it('refuses a block whose file was changed, cut or is gone', async () => {
    const { fs, files } = world();
    const places = await files.write(BLOCKS);
    const last = places[2] as FilePlace;
    const path = '/spill/blocks-1.spill';
    for (const harm of [
      () => fs.overwrite(path, 5, Uint8Array.of(7)),
      () => fs.replace(path, fs.bytesOf(path).slice(0, 5)),
      () => fs.lose(path),
    ]) {
      harm();
      const error = await files.read(last, 2).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(BlockDamaged);
      damaged(() => readBlockFile(openBlockFiles(fs), last, 2));
    }
  });

  it('leaves no file where the disk refuses one, and makes the next', async () => {
    for (const operation of ['mkdir', 'open', 'write'] as const) {
      const { fs, files } = world();
      const lift = fs.failWhile({ operations: [operation], code: 'ENOSPC', share: 0.5 });
      const error = await files.write(BLOCKS).catch((thrown: unknown) => thrown);
      expect(error, operation).to.have.property('code', 'ENOSPC');
      expect(fs.paths(), operation).to.deep.equal([]);
      lift();
      const [first] = await files.write(BLOCKS);
      expect(await files.read(first as FilePlace, 3)).to.deep.equal(BLOCKS[0]);
    }
  });

  it('tells of a file that cannot be removed, and removes it when it closes', async () => {
    const { fs, files, left } = world();
    const [place] = await files.write([Uint8Array.of(1)]);
    const lift = fs.failWhile({ operations: ['remove'], code: 'EIO' });
    files.release(place as FilePlace);
    await turn();
    expect(left.length).to.equal(1);
    expect(left[0]).to.contain('/spill/blocks-1.spill cannot be removed');
    lift();
    await files.close();
    expect(fs.paths()).to.deep.equal([]);
  });
});
