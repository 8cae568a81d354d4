/** Reading what was received, where the disk does not give it. */
import { expect } from 'chai';
import type { Json } from '../../../lib/core/json.js';
import { batchTime } from '../../../lib/core/time.js';
import { encodeValue } from '../../../lib/core/value-codec.js';
import { isMetAgain } from '../../../lib/protocol/task-failure.js';
import { BlockLog } from '../../../lib/sources/receiver/block-log.js';
import { ReceiverSourceDriver } from '../../../lib/sources/receiver/receiver-source-driver.js';
import { ReceiverSourceReader } from '../../../lib/sources/receiver/receiver-source-reader.js';
import { failureOf } from '../../../lib/executor/failure-of.js';
import { ModelFileSystem, type Fault } from '../../helpers/model-file-system.js';

const FOLDER = '/checkpoint/receivers/spec';

async function stored(fs: ModelFileSystem): Promise<readonly Json[]> {
  const log = new BlockLog(fs, { folder: FOLDER, durable: true, segment: 1, previousBytes: 0, firstBlock: 0 });
  const record = encodeValue('one');
  await log.append([{ records: [record], byteLength: record.byteLength }]);
  await log.close();
  const driver = new ReceiverSourceDriver({
    sourceId: 'spec',
    folder: FOLDER,
    fs,
    durable: true,
    warn: () => undefined,
  });
  await driver.start(undefined);
  const limit = { time: batchTime(1000), parallelism: 1, maxBytes: 1e6, maxRecords: 1e6, drain: true };
  return (await driver.plan(limit)).ranges;
}

async function failureOfRead(change: (fs: ModelFileSystem) => void): Promise<ReturnType<typeof failureOf>> {
  const fs = new ModelFileSystem();
  const [range = null] = await stored(fs);
  change(fs);
  try {
    const context = { onBytes: () => undefined } as never;
    for await (const chunk of new ReceiverSourceReader(fs, FOLDER).read(range, context))
      expect(chunk.numRows).to.equal(1);
  } catch (error) {
    return failureOf(error);
  }
  throw new Error('it was read');
}

describe('ReceiverSourceReader', () => {
  // It counted as input that had changed: no other attempt was made, and the user was told to restore a copy.
  it('lets another attempt read what the disk refuses once', async () => {
    for (const fault of [
      { code: 'EIO', operations: ['read'] },
      { code: 'EMFILE', operations: ['open'] },
    ] satisfies Fault[]) {
      const failure = await failureOfRead(fs => void fs.failWhile(fault));
      expect(failure).to.have.property('code', 'sourceFailed');
      expect(isMetAgain(failure), fault.code).to.equal(false);
      expect(failure)
        .to.have.property('message')
        .that.matches(/block 0 .*000001\.blocks: E\w+: .* start again$/);
    }
  });

  it('makes no other attempt for a block that is gone or damaged', async () => {
    const path = `${FOLDER}/000001.blocks`;
    const flip = (fs: ModelFileSystem): void => fs.overwrite(path, fs.bytesOf(path).length - 1, Uint8Array.of(255));
    for (const change of [flip, (fs: ModelFileSystem) => fs.lose(path)]) {
      const failure = await failureOfRead(change);
      expect(failure).to.have.property('code', 'inputChanged');
      expect(isMetAgain(failure)).to.equal(true);
    }
  });
});
