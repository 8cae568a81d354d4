import { expect } from 'chai';
import { CheckpointStore } from '../../../lib/checkpoint/checkpoint-store.js';
import { verifyCheckpoint } from '../../../lib/driver/tools/verify-checkpoint.js';
import { repair } from '../../../lib/driver/tools/repair.js';
import { OPTIONS } from '../../checkpoint/scripted-run.js';
import { loaded, refusalOf, worldOf } from '../../checkpoint/tools/tool-world.js';
import type { ModelFileSystem } from '../../helpers/model-file-system.js';
import { tempFolder } from '../../helpers/temp-folder.js';
import { CHECKPOINT, row, runToolJob } from './tool-run.js';

const problemsOf = async (fs: ModelFileSystem, inputs: ReadonlyMap<string, string> = new Map()): Promise<string[]> =>
  (await verifyCheckpoint(fs, CHECKPOINT, { inputs })).findings
    .filter(({ severity }) => severity === 'problem')
    .map(
      ({ path, offset, what }) =>
        `${path.replace(`${CHECKPOINT}/`, '')}${offset === undefined ? '' : `@${offset}`} ${what}`,
    );

describe('verifyCheckpoint', () => {
  let sound: ModelFileSystem;
  before(async () => {
    sound = await runToolJob([[row('ann')], [row('bob')], [row('ann')], [row('eve')], [row('dan')], [row('eve')]]);
  });

  it('finds nothing in a sound one, and reads all of its rows', async () => {
    const { findings, stateRows, numFiles } = await verifyCheckpoint(sound, CHECKPOINT, { inputs: new Map() });
    expect(findings.filter(({ severity }) => severity === 'problem')).to.deep.equal([]);
    expect(stateRows).to.be.greaterThan(10);
    expect(numFiles).to.be.greaterThan(3);
  });

  it('finds a flipped byte in every file that a restart reads, and names the file', async () => {
    const { manifest, previous, log } = await loaded(sound, CHECKPOINT);
    const state = [...manifest.snapshots, ...(previous?.snapshots ?? [])].map(({ path }) => ({ path, at: [0, 700] }));
    const segments = log.segments.map(({ path, end }) => ({ path, at: [8, 70, end - 20].filter(at => at < end) }));
    const manifests = ['MANIFEST', 'MANIFEST.prev'].map(name => ({ path: `${CHECKPOINT}/${name}`, at: [5, 200] }));
    for (const { path, at } of [...state, ...segments, ...manifests]) {
      for (const offset of at) {
        const fs = sound.clone();
        const byte = fs.bytesOf(path)[offset] ?? 0;
        fs.overwrite(path, offset, Uint8Array.of(byte ^ 1));
        const problems = await problemsOf(fs);
        // The last frame of the log may be torn: then it is none of what was reported.
        const isLast = path === log.segments.at(-1)?.path && offset > 70;
        if (!isLast) expect(problems.join('\n'), `${path} ${offset}`).to.contain(path.replace(`${CHECKPOINT}/`, ''));
      }
    }
  });

  it('finds files that are missing', async () => {
    const { manifest, log } = await loaded(sound, CHECKPOINT);
    for (const path of [manifest.snapshots[0]?.path ?? '', log.segments[0]?.path ?? '', `${CHECKPOINT}/MANIFEST`]) {
      const fs = sound.clone();
      fs.lose(path);
      expect((await problemsOf(fs)).join('\n')).to.match(/missing/);
    }
    const fs = sound.clone();
    for (const name of ['MANIFEST', 'MANIFEST.prev']) fs.lose(`${CHECKPOINT}/${name}`);
    expect((await refusalOf(verifyCheckpoint(fs, CHECKPOINT, { inputs: new Map() }))).code).to.equal(
      'checkpointForeign',
    );
  });

  it('finds no problem after a repair, nor after one that was interrupted', async () => {
    const { commits } = await loaded(sound, CHECKPOINT);
    const target = commits[0]?.time ?? 0;
    const repaired = sound.clone();
    await repair(worldOf(repaired), CHECKPOINT, { toBatch: target });
    expect(await problemsOf(repaired)).to.deep.equal([]);
    for (const share of [0.5, 0.7, 0.9, 0.97]) {
      const whole = sound.clone();
      await repair(worldOf(whole), CHECKPOINT, { toBatch: target });
      const fs = sound.clone();
      fs.downAt(fs.numOperations + Math.floor(share * whole.numOperations));
      await repair(worldOf(fs), CHECKPOINT, { toBatch: target }).catch(() => undefined);
      fs.crash({ kind: 'kill' });
      expect(await problemsOf(fs), `down at ${share}`).to.deep.equal([]);
    }
  });

  it('finds input that a batch wants again and that is gone: blocks, versions of tables, files', async () => {
    const folder = tempFolder();
    folder.file('a.csv', 'x\ny\n');
    folder.file('c.csv', 'other\n');
    const fs = sound.clone();
    const { store } = await CheckpointStore.open(fs, CHECKPOINT, {
      ...OPTIONS,
      job: 'tools',
      operators: (await loaded(fs, CHECKPOINT)).manifest.operators,
    });
    const chunks = [{ block: 0, file: '000001.blocks', offset: 32, byteLength: 10, crc32: 0, numRecords: 1 }];
    const piece = (file: string, end: number, print?: readonly [number, string]): object => ({
      file,
      ino: 1,
      start: 0,
      end,
      size: end,
      kind: 'records',
      mtimeMs: 1,
      ...(print && { print }),
    });
    const pieces = [piece('a.csv', 9), piece('b.csv', 3), piece('c.csv', 6, [6, 'abcdefghijkl'])] as never[];
    store.logOffsets(90_000, {
      socket: [{ chunks }],
      'table ads': [{ version: 3, byteLength: 1, crc32: 2 }],
      files: [{ header: null, pieces }],
    });
    await store.close();
    const found = (await problemsOf(fs, new Map([['files', folder.path]]))).join('\n');
    expect(found).to.match(/receivers\/socket\/000001\.blocks .* reads it to byte 42, and it is gone/);
    expect(found).to.match(/tables\/ads\/000003\.table .* it is gone/);
    expect(found).to.match(/a\.csv@4 it has 4 bytes, 9 were read/);
    expect(found).to.match(/c\.csv@6 its first 6 bytes are other ones than were read/);
    expect(found).to.not.match(/b\.csv/);
    // The batches that are to be run again would not find it: such a step back is refused.
    const refusal = await refusalOf(repair(worldOf(fs), CHECKPOINT, { toBatch: 6000 }));
    expect([refusal.code, refusal.message]).to.satisfy(
      ([code, message]: string[]) => code === 'inputChanged' && /000001\.blocks/.test(String(message)),
    );
  });
});
