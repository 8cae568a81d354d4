/** What Spark's own tests say of receivers and their blocks (`behaviourCases` of spark-streaming.json). */
import { expect } from 'chai';
import type { Json } from '../../lib/core/json.js';
import { batchTime } from '../../lib/core/time.js';
import { BlockLog } from '../../lib/sources/receiver/block-log.js';
import { encodeValue } from '../../lib/core/value-codec.js';
import { receiverRangeOf } from '../../lib/sources/receiver/receiver-range.js';
import { ReceiverSourceDriver } from '../../lib/sources/receiver/receiver-source-driver.js';
import { ReceiverSourceReader } from '../../lib/sources/receiver/receiver-source-reader.js';
import type { LogPosition, ReceiverCommand } from '../../lib/sources/receiver/receiver-messages.js';
import { newMemory, planLimit, readRanges } from '../contracts/source.js';
import { HandReceiver } from '../helpers/hand-receiver.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { RunningReceiver } from '../helpers/running-receiver.js';

const FOLDER = '/checkpoint/receivers/spec';

/** A source, and a writer of its log that stores single rows as blocks. */
class Tracked {
  readonly fs: ModelFileSystem;
  readonly driver: ReceiverSourceDriver;
  readonly warnings: string[] = [];
  readonly #segmentBytes: number;
  #log: BlockLog | undefined;

  constructor(fs = new ModelFileSystem(), segmentBytes = 1 << 20) {
    this.fs = fs;
    this.#segmentBytes = segmentBytes;
    const warn = (message: string): void => void this.warnings.push(message);
    this.driver = new ReceiverSourceDriver({ sourceId: 'spec', folder: FOLDER, fs, durable: true, warn });
  }

  launch(): void {
    this.driver.launch((command: ReceiverCommand) => {
      if (command.kind !== 'start') return;
      const position: LogPosition = command.log;
      this.#log = new BlockLog(this.fs, position, this.#segmentBytes);
    });
  }

  async store(...rows: readonly unknown[]): Promise<void> {
    for (const row of rows) {
      const record = encodeValue(row);
      const blocks = await this.#log?.append([{ records: [record], byteLength: record.byteLength }]);
      this.driver.stored(blocks ?? []);
    }
  }

  async plan(time: number): Promise<readonly Json[]> {
    return (await this.driver.plan(planLimit({ time }))).ranges;
  }

  rows(ranges: readonly Json[]): Promise<unknown[]> {
    return readRanges(new ReceiverSourceReader(this.fs, FOLDER), ranges, newMemory());
  }

  files(): string[] {
    return this.fs.paths().map(path => path.slice(FOLDER.length + 1));
  }
}

async function tracked(segmentBytes?: number): Promise<Tracked> {
  const one = new Tracked(new ModelFileSystem(), segmentBytes);
  // The checkpoint directory is there before its first receiver.
  await one.fs.mkdir('/checkpoint');
  await one.fs.syncDirectory('/');
  await one.driver.start(undefined);
  one.launch();
  return one;
}

const blocksIn = (ranges: readonly Json[]): number[] =>
  ranges.flatMap(range => receiverRangeOf(range).chunks.map(({ block }) => block));

describe('conformance with Spark Streaming: receivers', () => {
  it('beh/7 multi-thread receiver: of ten producers with a thousand records each none is lost', async () => {
    const receiver = new HandReceiver();
    const one = new RunningReceiver(receiver);
    await one.started;
    const produce = async (producer: number): Promise<void> => {
      for (let i = 0; i < 1000; i++) {
        // Some hand over and go on, some wait, some store many at once.
        if (producer % 3 === 0) void receiver.store(`${producer}-${i}`);
        else if (producer % 3 === 1) await receiver.store(`${producer}-${i}`);
        else if (i % 100 === 99) await receiver.store(Array.from({ length: 100 }, (_, k) => `${producer}-${i - 99 + k}`));
      }
    };
    await Promise.all(Array.from({ length: 10 }, (_, producer) => produce(producer)));
    await one.end();
    const expected = Array.from({ length: 10_000 }, (_, n) => `${Math.floor(n / 1000)}-${n % 1000}`);
    expect(one.rows().toSorted()).to.deep.equal(expected.toSorted());
  });

  it('beh/8 block allocation: a batch takes all blocks there are, and the same ones whenever it is looked up', async () => {
    const one = await tracked();
    await one.store('a', 'b', 'c');
    const first = await one.plan(1000);
    expect(blocksIn(first)).to.deep.equal([0, 1, 2]);
    expect(await one.plan(2000)).to.deep.equal([]);
    await one.store('d');
    expect(await one.rows(first)).to.deep.equal(['a', 'b', 'c']);
    expect(await one.rows(JSON.parse(JSON.stringify(first)) as Json[])).to.deep.equal(['a', 'b', 'c']);
    expect(blocksIn(await one.plan(3000))).to.deep.equal([3]);
  });

  it('beh/9 recovery and cleanup: after a restart blocks are in the batch they were in, others in the next, and files go', async () => {
    const one = await tracked(1);
    await one.store('a', 'b');
    const first = await one.plan(1000);
    await one.store('c');
    const state = one.driver.state();
    const second = await one.plan(2000);
    await one.store('d', 'e');
    one.fs.crash();

    const two = new Tracked(one.fs, 1);
    await two.driver.start(state);
    two.driver.replay(second);
    two.driver.hold(second, batchTime(2000));
    two.launch();
    expect(await two.rows(second)).to.deep.equal(['c']);
    await two.store('f');
    const third = await two.plan(3000);
    expect(await two.rows(third)).to.deep.equal(['d', 'e', 'f']);
    expect(await two.rows(first)).to.deep.equal(['a', 'b']);
    expect(two.files()).to.have.length(6);

    await two.store('g');
    const fourth = await two.plan(4000);
    await two.driver.commit(batchTime(3000));
    two.driver.checkpointed(batchTime(3000));
    await two.driver.stop();
    expect(await two.rows(second), 'not committed yet').to.deep.equal(['c']);
    await two.driver.commit(batchTime(2000));
    two.driver.checkpointed(batchTime(3000));
    await two.driver.stop();
    expect(two.files()).to.deep.equal(['000007.blocks']);
    expect(await two.rows(fourth)).to.deep.equal(['g']);
  });

  it('beh/10 SPARK-6222: blocks of a batch that is not committed stay when a later batch is in a checkpoint', async () => {
    const one = await tracked(1);
    await one.store('a');
    const first = await one.plan(1000);
    await one.store('b');
    await one.plan(2000);
    await one.store('c');
    await one.plan(3000);
    await one.driver.commit(batchTime(2000));
    one.driver.checkpointed(batchTime(2000));
    await one.driver.stop();
    expect(await one.rows(first)).to.deep.equal(['a']);
    await one.driver.commit(batchTime(1000));
    await one.driver.stop();
    expect(one.files(), 'committed, but no checkpoint since').to.have.length(3);
    await one.driver.commit(batchTime(3000));
    one.driver.checkpointed(batchTime(3000));
    await one.driver.stop();
    expect(one.files(), 'the last one is written to').to.deep.equal(['000003.blocks']);
    expect(one.warnings).to.deep.equal([]);
  });
});
