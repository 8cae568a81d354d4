import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointStore } from '../../lib/checkpoint/checkpoint-store.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { nothingReported, OPTIONS, runBatches } from '../checkpoint/scripted-run.js';

describe('NodeFileSystem', () => {
  const fs = new NodeFileSystem();
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-files-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const at = (...names: string[]): string => join(directory, ...names);
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'fine',
      (thrown: unknown) => (thrown as NodeJS.ErrnoException).code,
    );

  it('creates directories with what is above them, again and again', async () => {
    await fs.mkdir(at('a', 'b'));
    await fs.mkdir(at('a', 'b'));
    expect((await fs.stat(at('a', 'b'))).isDirectory).to.equal(true);
    expect(await fs.readdir(at('a'))).to.deep.equal(['b']);
    await fs.syncDirectory(at('a'));
  });

  it('writes more buffers than one system call takes, in order, with empty and shared ones among them', async () => {
    const buffers = Array.from({ length: 2500 }, (_, i) => {
      const buffer = new Uint8Array(new SharedArrayBuffer(i % 5));
      return buffer.fill(i & 255);
    });
    const file = await fs.open(at('many'), 'wx');
    await file.write(buffers, 3);
    await file.write([], 0);
    await file.sync();
    await file.close();
    const bytes = readFileSync(at('many'));
    expect(bytes.subarray(3).equals(Buffer.concat(buffers))).to.equal(true);
    expect(Buffer.compare(await fs.readFile(at('many')), bytes)).to.equal(0);
  });

  it('reads and writes in place, and cuts', async () => {
    writeFileSync(at('f'), 'hello world');
    const file = await fs.open(at('f'), 'r+');
    await file.write([Buffer.from('W')], 6);
    await file.truncate(8);
    const buffer = new Uint8Array(20);
    expect(await file.read(buffer, 6)).to.equal(2);
    expect(await file.read(buffer, 8)).to.equal(0);
    await file.close();
    expect(readFileSync(at('f'), 'latin1')).to.equal('hello Wo');
  });

  it('opens, links and removes as the contract says', async () => {
    writeFileSync(at('f'), 'x');
    expect(await codeOf(fs.open(at('f'), 'wx'))).to.equal('EEXIST');
    expect(await codeOf(fs.open(at('none'), 'r+'))).to.equal('ENOENT');
    await fs.link(at('f'), at('g'));
    expect(await codeOf(fs.link(at('f'), at('g')))).to.equal('EEXIST');
    expect((await fs.stat(at('g'))).ino).to.equal((await fs.stat(at('f'))).ino);
    await fs.rename(at('g'), at('h'));
    await fs.remove(at('h'));
    await fs.remove(at('h'));
    expect(await codeOf(fs.stat(at('h')))).to.equal('ENOENT');
  });

  it('replaces a file wholly, leaving nothing beside it', async () => {
    await fs.writeFileAtomic(at('f'), Buffer.from('first'));
    await fs.writeFileAtomic(at('f'), Buffer.from('second'));
    expect(readFileSync(at('f'), 'latin1')).to.equal('second');
    expect(await fs.readdir(directory)).to.deep.equal(['f']);
    expect(await codeOf(fs.writeFileAtomic(at('none', 'f'), Buffer.from('x')))).to.equal('ENOENT');
  });

  it('carries a checkpoint over restarts', async () => {
    const reported = nothingReported();
    const options = { ...OPTIONS, owner: { pid: process.pid, host: 'alpha' } };
    for (const until of [3000, 9000, 17_000]) await runBatches(fs, until, reported, options, at('checkpoint'));
    const { store, recovered } = await CheckpointStore.open(fs, at('checkpoint'), options);
    expect(recovered).to.deep.include({ lastCommitted: 17_000, snapshotTime: 16_000, warnings: [] });
    await store.close();
  });
});
