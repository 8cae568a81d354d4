import { expect } from 'chai';
import { encodeCheckedJson } from '../../lib/checkpoint/checked-json.js';
import { CheckpointStore } from '../../lib/checkpoint/checkpoint-store.js';
import { formatCheckpoint } from '../../lib/checkpoint/format-checkpoint.js';
import { readCheckpoint } from '../../lib/checkpoint/read-checkpoint.js';
import { runRecordOf, type RunRecord } from '../../lib/checkpoint/run-record.js';
import type { Json } from '../../lib/core/json.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { DIRECTORY, OPTIONS, rangesOf, takeSnapshot } from './scripted-run.js';

const RUN: RunRecord = {
  jobFile: '/jobs/clicks.ts',
  cwd: '/home/ann',
  args: Object.fromEntries([
    ['input', 'in'],
    ['__proto__', 'x'],
  ]),
  options: { interval: 250 },
};

describe('what a checkpoint says of its run', () => {
  it('is that of its last owner, across snapshots and a crash', async () => {
    const fs = new ModelFileSystem();
    const first = await CheckpointStore.open(fs, DIRECTORY, { ...OPTIONS, run: RUN });
    expect((await readCheckpoint(fs, DIRECTORY)).run).to.deep.equal(RUN);
    first.store.logOffsets(1000, rangesOf(1000));
    await first.store.logCommit(1000, { sinks: {}, deltas: [] });
    await takeSnapshot(fs, first.store, 1000);
    expect((await readCheckpoint(fs, DIRECTORY)).run).to.deep.equal(RUN);
    fs.crash({ kind: 'kill' });
    const other = { ...RUN, jobFile: null, options: {} };
    await CheckpointStore.open(fs, DIRECTORY, { ...OPTIONS, run: other });
    expect((await readCheckpoint(fs, DIRECTORY)).run).to.deep.equal(other);
  });

  it('is shown', async () => {
    const fs = new ModelFileSystem();
    await CheckpointStore.open(fs, DIRECTORY, { ...OPTIONS, run: RUN });
    const summary = await readCheckpoint(fs, DIRECTORY);
    expect(formatCheckpoint(summary)).to.match(/^job file +\/jobs\/clicks\.ts$/m);
    expect(formatCheckpoint({ ...summary, run: undefined })).not.to.contain('job file');
    expect(formatCheckpoint({ ...summary, run: { ...RUN, jobFile: null } })).to.match(
      /^job file +none: made in a program$/m,
    );
  });

  it('is nothing in a checkpoint of a version before there was any', async () => {
    const fs = new ModelFileSystem();
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    await store.close();
    const path = `${DIRECTORY}/MANIFEST`;
    expect(Buffer.from(fs.bytesOf(path)).toString()).not.to.contain('"run"');
    expect((await readCheckpoint(fs, DIRECTORY)).run).to.equal(undefined);
  });

  const wrong: [string, Json][] = [
    ['a list', []],
    ['null', null],
    ['a number as job file', { ...RUN, jobFile: 1 }],
    ['no working directory', { jobFile: null, args: {}, options: {} }],
    ['arguments that are not text', { ...RUN, args: { input: ['in'] } }],
    ['options that are neither numbers nor words', { ...RUN, options: { interval: ['1s'] } }],
  ];
  for (const [what, value] of wrong) {
    it(`is refused as damage where it is ${what}`, async () => {
      expect(() => runRecordOf(value, '/cp/MANIFEST'))
        .to.throw(/MANIFEST: its "run" is not how a run is started/)
        .with.property('code', 'checkpointCorrupt');
      const fs = new ModelFileSystem();
      const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
      await store.close();
      const path = `${DIRECTORY}/MANIFEST`;
      const text = Buffer.from(fs.bytesOf(path)).toString();
      const { format, version, ...content } = JSON.parse(text.slice(0, text.lastIndexOf('crc32'))) as {
        readonly [name: string]: Json;
      };
      expect([format, version]).to.deep.equal(['sluice-manifest', 2]);
      await fs.writeFileAtomic(path, encodeCheckedJson('sluice-manifest', { ...content, run: value }));
      const refused = await readCheckpoint(fs, DIRECTORY).catch((error: { readonly code: string }) => error.code);
      expect(refused).to.equal('checkpointCorrupt');
    });
  }
});
