import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { CheckpointStore } from '../../../lib/checkpoint/checkpoint-store.js';
import type { Json } from '../../../lib/core/json.js';
import { text } from '../../../lib/core/format.js';
import { setOffsets, type NewOffsets } from '../../../lib/driver/tools/set-offsets.js';
import { loadState } from '../../../lib/driver/tools/loaded-state.js';
import { positionText, sourcePositions } from '../../../lib/driver/tools/source-positions.js';
import { FileSourceDriver } from '../../../lib/sources/file-source-driver.js';
import { RateSourceDriver } from '../../../lib/sources/rate-source.js';
import type { SourceDriver } from '../../../lib/sources/source.js';
import { DIRECTORY, OPTIONS } from '../../checkpoint/scripted-run.js';
import { loaded, refusalOf, worldOf } from '../../checkpoint/tools/tool-world.js';
import { ModelFileSystem } from '../../helpers/model-file-system.js';
import { tempFolder } from '../../helpers/temp-folder.js';

const LIMIT = { parallelism: 1, maxBytes: 8, maxRecords: 5, drain: true } as const;

/** A checkpoint of one batch of each source, of a snapshot, and of another batch. */
async function checkpointOf(sources: { readonly [id: string]: SourceDriver }): Promise<ModelFileSystem> {
  const fs = new ModelFileSystem();
  const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
  for (const time of [1000, 2000]) {
    const ranges: [string, readonly Json[]][] = [];
    for (const [id, driver] of Object.entries(sources)) {
      if (time === 1000) await driver.start(undefined);
      ranges.push([id, (await driver.plan({ ...LIMIT, time: time as never })).ranges]);
    }
    store.logOffsets(time, Object.fromEntries(ranges));
    await store.logCommit(time, { sinks: {}, deltas: [] });
    if (time > 1000) continue;
    const sourceStates = Object.fromEntries(Object.entries(sources).map(([id, driver]) => [id, driver.state()]));
    await store.writeManifest({ time, snapshots: [], sourceStates, sinks: {} });
  }
  await store.close();
  return fs;
}

const positionsIn = async (fs: ModelFileSystem): Promise<Record<string, string>> =>
  Object.fromEntries(
    sourcePositions(await loadState(fs, DIRECTORY)).map(([id, position]) => [id, positionText(position, 9)]),
  );

describe('positions of sources', () => {
  const folder = tempFolder();
  const input = join(folder.path, 'in');
  const files = (): FileSourceDriver =>
    new FileSourceDriver({ path: input, format: text(), settleMs: 0, onWarning: () => undefined });
  const rate = (): RateSourceDriver => new RateSourceDriver({ rowsPerSecond: 5, seed: 1, total: 100 });

  before(() => {
    folder.file('in/a.txt', 'one\ntwo\nsix\n', 1000);
    folder.file('in/b.txt', 'ten\nyes\n', 2000);
  });

  /** What the source reads next, as text. */
  async function next(fs: ModelFileSystem): Promise<string> {
    const driver = files();
    const { manifest, batches } = await loaded(fs);
    await driver.start(manifest.sourceStates['files']);
    for (const { ranges } of batches) driver.replay(ranges['files'] ?? []);
    let read = '';
    for (let i = 0; i < 5; i++) {
      const { ranges } = await driver.plan({ ...LIMIT, maxBytes: 1000, time: (3000 + i) as never });
      for (const { pieces } of ranges as unknown as { pieces: { file: string; start: number; end: number }[] }[])
        for (const { file, start, end } of pieces) read += readFileSync(join(input, file), 'utf8').slice(start, end);
    }
    return read.replaceAll('\n', ' ');
  }

  const set = async (fs: ModelFileSystem, offsets: NewOffsets, source = 'files'): Promise<string> =>
    (await setOffsets(worldOf(fs), DIRECTORY, source, offsets)).result.after;

  it('are told in words, as of the last batch', async () => {
    expect(await positionsIn(await checkpointOf({ files: files(), rate: rate() }))).to.deep.equal({
      files: '2 files, 16 B: b.txt read to byte 4 of 8; a.txt read to its end (byte 12)',
      rate: 'next row 2, row 0 was due at 1970-01-01T00:00:01.000Z',
    });
  });

  it('are moved to the start, the end or a line of a file, and the source goes on there', async () => {
    const fs = await checkpointOf({ files: files() });
    expect(await next(fs)).to.equal('yes ');
    expect(await set(fs, { files: [['a.txt', '4']], folder: input })).to.match(/a\.txt read to byte 4 of 12/);
    expect(await next(fs)).to.equal('two six yes ');
    await set(fs, {
      files: [
        ['a.txt', 'end'],
        ['b.txt', 'start'],
      ],
      folder: input,
    });
    expect(await next(fs)).to.equal('ten yes ');
    await set(fs, { files: [['a.txt', 'start']] });
    expect(await next(fs)).to.equal('one two six ten yes ');
  });

  it('of a rate source are row numbers', async () => {
    const fs = await checkpointOf({ rate: rate() });
    expect(await set(fs, { next: 3 }, 'rate')).to.match(/^next row 3,/);
    const driver = rate();
    await driver.start((await loaded(fs)).manifest.sourceStates['rate']);
    const { ranges } = await driver.plan({ ...LIMIT, maxBytes: 1000, time: 3000 as never });
    expect(ranges[0]).to.deep.equal({ from: 3, to: 8, startMs: 1000 });
  });

  it('are refused with the reason where they cannot be moved, and nothing is changed', async () => {
    const fs = await checkpointOf({ files: files(), rate: rate() });
    const before = await positionsIn(fs);
    for (const [offsets, source, message] of [
      [
        { files: [['a.txt', '5']], folder: input },
        'files',
        /byte 5 of .*middle of a line: reading can go on at 4 or 8/,
      ],
      [{ files: [['a.txt', '99']], folder: input }, 'files', /wants a byte of the file, and .* has 12/],
      [{ files: [['a.txt', 'half']], folder: input }, 'files', /wants start, end or a byte/],
      [{ files: [['a.txt', '4']] }, 'files', /give the folder that source 'files' reads as --input/],
      [{ files: [['c.txt', 'end']], folder: input }, 'files', /there is no such file/],
      [{ files: [['a.parquet', '4']], folder: input }, 'files', /start or not at all/],
      [{ next: 4 }, 'files', /is read from files/],
      [{ files: [['a.txt', 'start']] }, 'rate', /makes rows by number/],
    ] as const)
      expect((await refusalOf(set(fs, offsets as NewOffsets, source))).message).to.match(message);
    expect(await positionsIn(fs)).to.deep.equal(before);
  });

  it('of other sources are told, and not moved', async () => {
    const states: { readonly [id: string]: Json } = {
      queue: null,
      socket: { nextBlock: 4 },
      'table ads': { latest: { version: 3, byteLength: 1, crc32: 2 }, earlier: [] },
      'broadcast x': { latest: { version: 2, value: '' }, earlier: [] },
    };
    const fs = new ModelFileSystem();
    const { store } = await CheckpointStore.open(fs, DIRECTORY, OPTIONS);
    const chunks = [{ block: 6, file: '000001.blocks', offset: 0, byteLength: 1, crc32: 0, numRecords: 1 }];
    store.logOffsets(1000, { socket: [{ chunks }] });
    await store.logCommit(1000, { sinks: {}, deltas: [] });
    await store.writeManifest({ time: 1000, snapshots: [], sourceStates: states, sinks: {} });
    store.logOffsets(2000, { socket: [{ chunks }], 'table ads': [{ version: 5, byteLength: 1, crc32: 2 }] });
    await store.logCommit(2000, { sinks: {}, deltas: [] });
    await store.close();
    expect(await positionsIn(fs)).to.deep.equal({
      'broadcast x': 'broadcast, version 2',
      queue: 'a queue in the program: what is in no batch dies with the process',
      socket: 'next block 7',
      'table ads': 'table, version 5',
    });
    for (const [id, reason] of [
      ['queue', /push the rows again/],
      ['socket', /its blocks go when they are committed/],
      ['table ads', /follows from the job/],
      ['broadcast x', /follows from the job/],
    ] as const)
      expect((await refusalOf(set(fs, { next: 0 }, id))).message).to.match(reason);
  });
});
