import { expect } from 'chai';
import { CheckpointStore } from '../../../lib/checkpoint/checkpoint-store.js';
import { forkCheckpoint } from '../../../lib/checkpoint/tools/fork-checkpoint.js';
import type { FileSystem } from '../../../lib/core/file-system.js';
import { DIRECTORY, OPTIONS, runBatches } from '../scripted-run.js';
import { contentOf, crashEverywhere, loaded, refusalOf, reopen, scripted, worldOf } from './tool-world.js';

const COPY = '/data/copy';

describe('forkCheckpoint', () => {
  it('makes a checkpoint of its own with the same state and positions, and no handle of an output', async () => {
    const fs = await scripted(7000, [3000, 6000]);
    fs.replace(`${DIRECTORY}/MANIFEST.prev`, fs.bytesOf(`${DIRECTORY}/MANIFEST`));
    await fs.mkdir(`${DIRECTORY}/tables/ads`);
    fs.replace(`${DIRECTORY}/tables/ads/000003.table`, Buffer.from('a,b\n'));
    const before = await contentOf(fs);
    const fork = await forkCheckpoint(worldOf(fs), DIRECTORY, COPY);
    expect(await contentOf(fs)).to.equal(before);
    const [own, copy] = [await loaded(fs), await loaded(fs, COPY)];
    expect(copy.manifest.checkpointId).to.equal(fork.checkpointId).and.not.to.equal(own.manifest.checkpointId);
    expect(copy.manifest.sinks).to.deep.equal({});
    expect(fork.outputs).to.deep.equal(['out']);
    const withoutSinks = (text: string): string => text.replaceAll(/\{"out":\{[^}]*\}\}/g, '{}');
    expect(await contentOf(fs, COPY)).to.equal(withoutSinks(before));
    expect(String(Buffer.from(fs.bytesOf(`${COPY}/tables/ads/000003.table`)))).to.equal('a,b\n');
    expect(fs.paths().filter(path => path.startsWith(`${COPY}/LOCK`))).to.deep.equal([]);
  });

  it('is used beside the first one, and neither sees what becomes of the other', async () => {
    const fs = await scripted(7000);
    await forkCheckpoint(worldOf(fs), DIRECTORY, COPY);
    const { store } = await CheckpointStore.open(fs, COPY, OPTIONS);
    await runBatches(fs, 9000, { planned: 7000, committed: 7000, askedToPlan: 7000, askedToCommit: 7000 });
    store.logOffsets(8000, {});
    await store.logCommit(8000, { sinks: {}, deltas: [] });
    await store.close();
    await reopen(fs);
    expect((await loaded(fs, COPY)).commits.at(-1)?.time).to.equal(8000);
  });

  it('refuses a directory that is there, and a checkpoint that is in use', async () => {
    const fs = await scripted(4000);
    await fs.mkdir(COPY);
    expect((await refusalOf(forkCheckpoint(worldOf(fs), DIRECTORY, COPY))).message).to.match(/copy is there already/);
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    const inUse = forkCheckpoint({ ...worldOf(fs), isAlive: () => true }, DIRECTORY, '/data/other');
    expect((await refusalOf(inUse)).code).to.equal('checkpointLocked');
    await store.close();
  });

  it('is there as a whole or not at all whenever it crashes', async () => {
    const read = (fs: FileSystem): Promise<string> => contentOf(fs, COPY).catch(() => 'nothing');
    await crashEverywhere(
      await scripted(6000),
      fs => forkCheckpoint(worldOf(fs), DIRECTORY, COPY),
      read,
      async fs => {
        await reopen(fs);
        if ((await read(fs)) === 'nothing') await forkCheckpoint(worldOf(fs), DIRECTORY, COPY);
      },
    );
  });
});
