import { expect } from 'chai';
import { encodeValue } from '../../../lib/core/value-codec.js';
import { BlockLog } from '../../../lib/sources/receiver/block-log.js';
import type { LogPosition, ReceiverCommand, StoredBlock } from '../../../lib/sources/receiver/receiver-messages.js';
import { packBlocks, receiverRangeOf } from '../../../lib/sources/receiver/receiver-range.js';
import { ReceiverSourceDriver } from '../../../lib/sources/receiver/receiver-source-driver.js';
import { ReceiverSourceReader } from '../../../lib/sources/receiver/receiver-source-reader.js';
import { scanLog } from '../../../lib/sources/receiver/scan-log.js';
import { newMemory, planLimit, readRange, sourceContract } from '../../contracts/source.js';
import { ModelFileSystem } from '../../helpers/model-file-system.js';
import { randomOf } from '../../helpers/random-values.js';

const FOLDER = '/checkpoint/receivers/spec';
const rows = [1, 'two', null, { three: [3n, new Date(3)] }, new Uint8Array([4]), ['a', 5], 6.5, 'x'.repeat(50)];

const START: LogPosition = { folder: FOLDER, durable: true, segment: 1, previousBytes: 0, firstBlock: 0 };

const block = (...items: readonly unknown[]): { records: Uint8Array[]; byteLength: number } => {
  const records = items.map(item => encodeValue(item));
  return { records, byteLength: records.reduce((sum, record) => sum + record.byteLength, 0) };
};

const driverOf = (fs: ModelFileSystem): ReceiverSourceDriver =>
  new ReceiverSourceDriver({ sourceId: 'spec', folder: FOLDER, fs, durable: true, warn: () => undefined });

async function write(fs: ModelFileSystem, items: readonly unknown[], segmentBytes: number): Promise<StoredBlock[]> {
  const log = new BlockLog(fs, START, segmentBytes);
  const stored: StoredBlock[] = [];
  for (let at = 0; at < items.length; at += 2) stored.push(...(await log.append([block(...items.slice(at, at + 2))])));
  await log.close();
  return stored;
}

sourceContract('ReceiverSource', async () => {
  const fs = new ModelFileSystem();
  await write(fs, rows, 100);
  return {
    makeDriver: () => driverOf(fs),
    reader: new ReceiverSourceReader(fs, FOLDER),
    rows,
    isBounded: true,
    isReplayable: true,
  };
});

describe('ReceiverSource', () => {
  it('puts small blocks together, and large ones into as many ranges as there are tasks, in order', () => {
    const made = (sizes: readonly number[]): StoredBlock[] =>
      sizes.map((byteLength, n) => ({ block: n, file: 'f', offset: 0, byteLength, crc32: 0, numRecords: 1 }));
    const packed = (sizes: readonly number[], parallelism: number): number[][] =>
      packBlocks(made(sizes), parallelism).map(range => receiverRangeOf(range).chunks.map(chunk => chunk.block));
    expect(packed([1, 1, 1], 4)).to.deep.equal([[0, 1, 2]]);
    const large = 1 << 20;
    expect(packed([large, large, large, large], 2)).to.deep.equal([
      [0, 1],
      [2, 3],
    ]);
    expect(packed([large, 1, 1], 8)).to.deep.equal([[0], [1, 2]]);
    expect(packed([], 3)).to.deep.equal([]);
    const random = randomOf(5);
    for (let i = 0; i < 50; i++) {
      const sizes = Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 300_000));
      const ranges = packed(sizes, 1 + (i % 5));
      expect(ranges.flat()).to.deep.equal([...sizes.keys()]);
      expect(ranges.length).to.be.at.most(1 + (i % 5));
    }
  });

  it('refuses a block that is changed, cut off or gone when it is read', async () => {
    const fs = new ModelFileSystem();
    const [first, second] = await write(fs, rows, 1);
    const read = (one: StoredBlock | undefined): Promise<unknown> =>
      readRange(new ReceiverSourceReader(fs, FOLDER), { chunks: [{ ...one }] } as never, newMemory()).catch(
        (error: unknown) => error,
      );
    expect(await read(first)).to.have.deep.property('rows', rows.slice(0, 2));
    fs.overwrite(`${FOLDER}/${first?.file}`, first?.offset ?? 0, new Uint8Array([0]));
    expect(await read(first)).to.include({ code: 'inputChanged' });
    fs.lose(`${FOLDER}/${second?.file}`);
    const gone = await read(second);
    expect(gone).to.include({ code: 'inputChanged' });
    expect(String(gone)).to.match(
      /block 1 of what was received cannot be read from .*000002\.blocks at byte 64: ENOENT/,
    );
    expect(await read({ ...(first as StoredBlock), file: '../MANIFEST' })).to.include({ code: 'internal' });
  });

  it('cuts off a tail that was torn, and gives its number to the next block', async () => {
    const fs = new ModelFileSystem();
    const stored = await write(fs, rows, 1 << 20);
    const path = `${FOLDER}/000001.blocks`;
    const whole = fs.bytesOf(path);
    for (let end = 32; end < whole.length; end += 5) {
      fs.replace(path, whole.slice(0, end));
      const found = await scanLog(fs, FOLDER, 0);
      const sound = stored.filter(one => one.offset + one.byteLength <= end);
      expect(found.blocks, `cut at ${end}`).to.deep.equal(sound);
      expect(found.nextBlock).to.equal(sound.length);
      const driver = driverOf(fs);
      await driver.start(undefined);
      const commands: unknown[] = [];
      driver.launch(command => commands.push(command));
      const last = sound.at(-1);
      const previousBytes = last === undefined ? 32 : last.offset + last.byteLength;
      expect(commands[0]).to.have.deep.property('log', {
        ...START,
        segment: 2,
        previousBytes,
        firstBlock: sound.length,
      });
    }
  });

  it('refuses a log of which something that was acknowledged is damaged, wherever that is', async () => {
    const fs = new ModelFileSystem();
    await write(fs, rows, 100);
    const names = fs.paths();
    expect(names.length).to.be.at.least(2);
    for (const [i, path] of names.entries()) {
      const whole = fs.bytesOf(path);
      const last = i === names.length - 1;
      // In the last block of all nobody can tell damage from a tail that was torn.
      const checked = last ? 28 : whole.length;
      for (let at = 0; at < checked; at++) {
        const flipped = whole.slice();
        flipped[at] = (flipped[at] ?? 0) ^ 0x10;
        fs.replace(path, flipped);
        const error = await scanLog(fs, FOLDER, 0).catch((thrown: unknown) => thrown);
        if (!(error instanceof Error)) {
          // A damaged length of the segment before shows there; any other byte must show here.
          expect.fail(`byte ${at} of ${path} was changed, and nobody saw it`);
        }
        expect(error).to.have.property('code', 'checkpointCorrupt');
      }
      fs.replace(path, whole);
    }
  });

  it('refuses a damaged block in the last segment when a later one says that it was on disk', async () => {
    const fs = new ModelFileSystem();
    const stored = await write(fs, rows, 1 << 20);
    const path = `${FOLDER}/000001.blocks`;
    const whole = fs.bytesOf(path);
    const lastStart = (stored.at(-1)?.offset ?? 0) - 32;
    for (let at = 32; at < lastStart; at += 3) {
      const flipped = whole.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      fs.replace(path, flipped);
      const error = await scanLog(fs, FOLDER, 0).catch((thrown: unknown) => thrown);
      expect(error, `byte ${at}`).to.have.property('code', 'checkpointCorrupt');
    }
  });

  it('tells its receiver the rate limit, again in each new thread, and what batches have taken', async () => {
    const fs = new ModelFileSystem();
    await write(fs, rows, 100);
    const driver = driverOf(fs);
    await driver.start(undefined);
    driver.setRateLimit(50);
    const commands: ReceiverCommand[] = [];
    driver.launch(command => commands.push(command));
    const planned = await driver.plan(planLimit());
    driver.setRateLimit(undefined);
    expect(commands.map(({ kind }) => kind)).to.deep.equal(['start', 'rateLimit', 'taken', 'rateLimit']);
    expect(commands[0]).to.have.property('queuedBytes', planned.bytes);
    expect(commands[1]).to.include({ source: 'spec', recordsPerSecond: 50 });
    expect(commands[2]).to.have.property('bytes', planned.bytes);
    expect(commands[3]).to.have.property('recordsPerSecond', null);
  });

  it('finds what a thread that was lost had stored and not told, once', async () => {
    const fs = new ModelFileSystem();
    const driver = driverOf(fs);
    await driver.start(undefined);
    driver.launch(() => undefined);
    const stored = await write(fs, rows, 100);
    driver.stored(stored.slice(0, 1));
    await driver.scan();
    driver.stored(stored);
    expect((await driver.plan(planLimit())).records).to.equal(rows.length);
    const commands: ReceiverCommand[] = [];
    driver.launch(command => commands.push(command));
    const start = commands[0];
    expect(start?.kind === 'start' && start.log.firstBlock).to.equal(stored.length);
  });

  it('refuses to go on when a segment with blocks that are in no batch is gone', async () => {
    const fs = new ModelFileSystem();
    await write(fs, rows, 1);
    fs.lose(`${FOLDER}/000002.blocks`);
    const driver = driverOf(fs);
    await driver.start(undefined);
    const error = await driver.plan(planLimit()).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'checkpointCorrupt' });
    expect(String(error)).to.match(/stored blocks 0 to 1 in .* and they are gone/);
    const later = driverOf(fs);
    await later.start({ nextBlock: 2 });
    expect((await later.plan(planLimit())).records).to.equal(4);
  });
});
