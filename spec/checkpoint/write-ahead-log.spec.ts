import { expect } from 'chai';
import { readLog } from '../../lib/checkpoint/log-chain.js';
import { OFFSETS_RECORD, PREALLOCATED_BYTES } from '../../lib/checkpoint/log-format.js';
import { WriteAheadLog } from '../../lib/checkpoint/write-ahead-log.js';
import { EngineError } from '../../lib/core/errors.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';

const DIRECTORY = '/log-spec';
const ID = '00112233445566ff';
const START = { checkpointId: ID, epoch: 1, previous: 0, previousEnd: 0, firstSequence: 1, segment: 1 };

async function start(
  afterWrite = (): Promise<void> => Promise.resolve(),
): Promise<{ fs: ModelFileSystem; log: WriteAheadLog }> {
  const fs = new ModelFileSystem();
  await fs.mkdir(`${DIRECTORY}/log`);
  const log = await WriteAheadLog.start(fs, DIRECTORY, START, afterWrite);
  fs.resetCounts();
  return { fs, log };
}

const payload = (value: unknown): Uint8Array[] => [Buffer.from(JSON.stringify({ s: [value] }))];

async function timesIn(fs: ModelFileSystem, last = 1): Promise<number[]> {
  const { segments } = await readLog(fs, DIRECTORY, ID, 1, last);
  return segments.flatMap(segment => segment.records.map(record => record.time));
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'resolved',
    (thrown: unknown) => (thrown instanceof EngineError ? thrown.code : String(thrown)),
  );

describe('the write-ahead log', () => {
  it('writes nothing before sync', async () => {
    const { fs, log } = await start();
    log.append(OFFSETS_RECORD, 1, payload(1));
    await Promise.resolve();
    expect(fs.count('write')).to.equal(0);
    expect(log.numWaiting).to.equal(1);
  });

  it('puts all that waits down with one write and one sync', async () => {
    const { fs, log } = await start();
    for (let time = 1; time <= 20; time++) log.append(OFFSETS_RECORD, time, payload(time));
    await Promise.all([log.sync(), log.sync(), log.sync()]);
    expect([fs.count('write'), fs.count('sync')]).to.deep.equal([1, 1]);
    expect(log.numWaiting).to.equal(0);
    expect(await timesIn(fs)).to.have.length(20);
  });

  it('shares the sync after the one under way among all that asked meanwhile', async () => {
    const { fs, log } = await start();
    log.append(OFFSETS_RECORD, 1, payload(1));
    const first = log.sync();
    while (fs.count('write') === 0) await Promise.resolve();
    const later = [2, 3, 4].map(time => {
      log.append(OFFSETS_RECORD, time, payload(time));
      return log.sync();
    });
    await first;
    expect(fs.count('sync')).to.equal(1);
    await Promise.all(later);
    expect([fs.count('write'), fs.count('sync')]).to.deep.equal([2, 2]);
    expect(await timesIn(fs)).to.deep.equal([1, 2, 3, 4]);
  });

  it('does nothing for a sync when all is durable', async () => {
    const { fs, log } = await start();
    log.append(OFFSETS_RECORD, 1, payload(1));
    await log.sync();
    await log.sync();
    expect(fs.count('sync')).to.equal(1);
  });

  it('never reports before the disk and the check after the write have both said yes', async () => {
    let release = (): void => undefined;
    const { fs, log } = await start(() => new Promise(resolve => (release = resolve)));
    log.append(OFFSETS_RECORD, 1, payload(1));
    let reported = false;
    const synced = log.sync().then(() => (reported = true));
    while (fs.count('sync') === 0) await Promise.resolve();
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(reported).to.equal(false);
    release();
    await synced;
  });

  it('refuses everything after an error, those who wait and those who come', async () => {
    for (const operation of ['write', 'sync'] as const) {
      const { fs, log } = await start();
      fs.failNext(operation, 'ENOSPC');
      log.append(OFFSETS_RECORD, 1, payload(1));
      const waiting = [log.sync(), log.sync()];
      expect(await Promise.all(waiting.map(codeOf))).to.deep.equal(['checkpointUnwritable', 'checkpointUnwritable']);
      fs.resetCounts();
      expect(() => log.append(OFFSETS_RECORD, 2, payload(2))).to.throw(EngineError, /ENOSPC.*free disk space/);
      expect(await codeOf(log.sync())).to.equal('checkpointUnwritable');
      expect(await codeOf(log.roll())).to.equal('checkpointUnwritable');
      await log.close();
      expect(fs.count('write')).to.equal(0);
    }
  });

  it('grows in whole steps, and takes records larger than a segment', async () => {
    const { fs, log } = await start();
    const large = new Uint8Array(PREALLOCATED_BYTES * 2 + 5).fill(0x20);
    large.set(Buffer.from('{"s":[1]}'), 0);
    log.append(OFFSETS_RECORD, 1, payload(1));
    log.append(OFFSETS_RECORD, 2, [large.subarray(0, 1000), large.subarray(1000)]);
    await log.sync();
    log.append(OFFSETS_RECORD, 3, payload(3));
    await log.sync();
    expect([fs.count('write'), fs.count('sync')]).to.deep.equal([2, 2]);
    expect((await fs.stat(`${DIRECTORY}/log/000001.wal`)).size).to.equal(PREALLOCATED_BYTES * 3);
    expect(await timesIn(fs)).to.deep.equal([1, 2, 3]);
  });

  it('goes on in a new segment without losing or doubling what is appended meanwhile', async () => {
    const { fs, log } = await start();
    const syncs: Promise<void>[] = [];
    const rolls: Promise<number>[] = [];
    for (let time = 1; time <= 60; time++) {
      log.append(OFFSETS_RECORD, time, payload(time));
      syncs.push(log.sync());
      if (time % 20 === 0) {
        const roll = log.roll();
        rolls.push(roll);
        log.append(OFFSETS_RECORD, time + 0.5, payload(time));
        syncs.push(log.sync());
        await roll;
      }
      for (let i = 0; i < time % 7; i++) await Promise.resolve();
    }
    await Promise.all(syncs);
    await log.close();
    expect(await Promise.all(rolls)).to.deep.equal([2, 3, 4]);
    const times = await timesIn(fs, 4);
    expect(times).to.have.length(63);
    expect(times).to.deep.equal(times.toSorted((a, b) => a - b));
  });

  it('writes what waits when it is closed', async () => {
    const { fs, log } = await start();
    log.append(OFFSETS_RECORD, 1, payload(1));
    await log.close();
    expect(await timesIn(fs)).to.deep.equal([1]);
    expect(await codeOf(log.sync())).to.equal('contextState');
  });

  it('writes from shared memory', async () => {
    const { fs, log } = await start();
    const shared = new Uint8Array(new SharedArrayBuffer(64)).fill(0x20);
    shared.set(Buffer.from('{"s":[9]}'));
    log.append(OFFSETS_RECORD, 1, [shared]);
    await log.sync();
    const { segments } = await readLog(fs, DIRECTORY, ID, 1, 1);
    expect(segments[0]?.records[0]).to.deep.include({ kind: 'offsets', ranges: { s: [9] } });
  });
});
