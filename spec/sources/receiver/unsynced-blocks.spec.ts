/** Blocks that were stored and not acknowledged: whoever stored them was killed before the sync. */
import { expect } from 'chai';
import { batchTime } from '../../../lib/core/time.js';
import { BlockLog } from '../../../lib/sources/receiver/block-log.js';
import { receiverRangeOf } from '../../../lib/sources/receiver/receiver-range.js';
import { ReceiverSourceDriver } from '../../../lib/sources/receiver/receiver-source-driver.js';
import { decodeRows } from '../../helpers/decode-rows.js';
import { ModelFileSystem } from '../../helpers/model-file-system.js';
import { encodeValue } from '../../../lib/core/value-codec.js';

const FOLDER = '/checkpoint/receivers/spec';
const limit = { time: batchTime(1000), parallelism: 1, maxBytes: 1e6, maxRecords: 1e6, drain: true };

async function store(fs: ModelFileSystem, rows: readonly string[]): Promise<void> {
  const log = new BlockLog(fs, { folder: FOLDER, durable: true, segment: 1, previousBytes: 0, firstBlock: 0 });
  for (const row of rows) {
    const record = encodeValue(row);
    await log.append([{ records: [record], byteLength: record.byteLength }]);
  }
}

const driverOf = (fs: ModelFileSystem, warnings: string[] = []): ReceiverSourceDriver =>
  new ReceiverSourceDriver({ sourceId: 'spec', folder: FOLDER, fs, durable: true, warn: text => warnings.push(text) });

describe('blocks of a receiver that may not be on disk', () => {
  // A batch was planned with such a block; power was lost before its commit, and the log named a block that was gone.
  it('are there for a batch that was planned with them, when power is lost after the plan', async () => {
    let numPlanned = 0;
    for (let operation = 0; ; operation++) {
      const fs = new ModelFileSystem();
      await fs.mkdir('/checkpoint');
      await fs.syncDirectory('/');
      fs.downAt(operation + 2);
      await store(fs, ['one', 'two']).catch(() => undefined);
      const ended = !fs.isDown;
      fs.crash({ kind: 'kill' });
      const driver = driverOf(fs);
      await driver.start(undefined);
      const { ranges } = await driver.plan(limit);
      fs.crash();
      const blocks = ranges.flatMap(range => receiverRangeOf(range).chunks);
      const rows = blocks.flatMap(block => decodeRows(fs, FOLDER, block));
      expect(rows, `killed in operation ${operation}`).to.deep.equal(['one', 'two'].slice(0, rows.length));
      numPlanned += rows.length;
      if (ended) break;
    }
    expect(numPlanned).to.be.above(5);
  });

  it('are left out with a warning where the write was not finished', async () => {
    const fs = new ModelFileSystem();
    await store(fs, ['one', 'two']);
    const [path = ''] = fs.paths();
    const bytes = fs.bytesOf(path);
    fs.replace(path, bytes.subarray(0, bytes.length - 1));
    const warnings: string[] = [];
    const driver = driverOf(fs, warnings);
    await driver.start(undefined);
    expect((await driver.plan(limit)).records).to.equal(1);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(
      /^source spec: .*000001\.blocks ends in an unfinished write \(\d+ bytes at byte \d+\)/,
    );
  });
});
