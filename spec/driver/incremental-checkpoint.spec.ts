/** What checkpoints of a whole engine write and read: no more than what changed, and by each slot no more than its own. */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { FileHandle } from '../../lib/core/file-system.js';
import { BatchQueue, count, int64, job, max, schema, sum, utf8, type Job } from '../../lib/index.js';
import type { WorkerRequest } from '../../lib/protocol/messages.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, type RunEngineOptions, type TestRun } from '../helpers/run-engine.js';

const events = schema({ user: utf8(), size: int64() });
interface Event {
  readonly user: string;
  readonly size: number;
}

/** Counts what is written, by the folder of the checkpoint it goes to; the zeros that a log is filled with ahead do not count. */
class CountingFiles extends ModelFileSystem {
  written = { log: 0, state: 0 };

  override async open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<FileHandle> {
    const file = await super.open(path, flags);
    const write: FileHandle['write'] = (buffers, position) => {
      for (const buffer of buffers) {
        const isFill = buffer.byteLength >= 4096 && buffer.every(byte => byte === 0);
        if (path.includes('/log/') && !isFill) this.written.log += buffer.byteLength;
        if (path.includes('/state/')) this.written.state += buffer.byteLength;
      }
      return file.write(buffers, position);
    };
    return { ...file, write };
  }
}

const userOf = (i: number): string => `user-${String(i).padStart(11, '0')}`;
const eventsOf = (from: number, to: number): Event[] =>
  Array.from({ length: to - from }, (_, i) => ({ user: userOf(from + i), size: 3 }));

class Fixture {
  readonly fs = new CountingFiles();
  readonly clock = new VirtualClock(0);
  readonly queue = new BatchQueue<Event>();
  readonly requests: { readonly slot: number; readonly request: WorkerRequest }[] = [];
  readonly #job: Job = job('counts', {}, ssc => {
    ssc
      .queueStream(this.queue, { schema: events })
      .groupBy('user')
      .runningAgg({ n: count(), total: sum('size') }, { id: 'counts' })
      .saveAsCsv('/out/counts.csv');
  });
  #batches = 0;

  start(options: Partial<RunEngineOptions> = {}): Promise<TestRun> {
    this.clock.advanceTo(++this.#batches * 1000);
    return runEngine(this.#job, {
      ...{ clock: this.clock, fs: this.fs, checkpoint: '/checkpoint' },
      ...options,
      options: { keyGroups: 64, checkpointInterval: '1h', ...options.options },
      wrapRunner: runner => ({
        numSlots: runner.numSlots,
        memories: runner.memories,
        submit: (slot, request, timeoutMs) => {
          this.requests.push({ slot, request });
          return runner.submit(slot, request, timeoutMs);
        },
        stop: () => runner.stop(),
      }),
    });
  }

  /** One run with one batch, ended in good order: with a snapshot. */
  async runOnce(rows: readonly Event[]): Promise<TestRun> {
    this.queue.push([...rows]);
    const run = await this.start();
    await run.batchesDone(1);
    await run.engine.stop();
    return run;
  }

  stateFiles(): string[] {
    return this.fs.paths().filter(path => path.startsWith('/checkpoint/state/'));
  }

  /** The last line of a user. */
  lineOf(i: number): string | undefined {
    const lines = Buffer.from(this.fs.bytesOf('/out/counts.csv')).toString().split('\n');
    return lines.findLast(line => line.startsWith(userOf(i)));
  }
}

describe('a checkpoint of a large state', () => {
  const NUM_USERS = 40_000;

  it('writes anew only the files of key groups that changed, keeps what it names, and removes the rest', async () => {
    const fixture = new Fixture();
    await fixture.runOnce(eventsOf(0, NUM_USERS));
    const first = fixture.stateFiles();
    const all = fixture.fs.written.state;
    expect(first.length).to.be.within(4, 12);
    for (const n of [2, 3, 4]) {
      const before = new Set(fixture.stateFiles());
      fixture.fs.written.state = 0;
      await fixture.runOnce(eventsOf(7, 8));
      const fresh = fixture.stateFiles().filter(path => !before.has(path));
      expect(fresh.length, `snapshot ${n}`).to.equal(1);
      expect(fixture.fs.written.state).to.be.below((all / first.length) * 2);
      expect(fixture.lineOf(7)).to.equal(`${userOf(7)},${n},${n * 3}`);
    }
    // All but one of the first snapshot, and that one as the two manifests have it.
    expect(fixture.stateFiles().length).to.equal(first.length + 1);
    expect(fixture.stateFiles().filter(path => first.includes(path)).length).to.equal(first.length - 1);
    await fixture.runOnce(eventsOf(0, NUM_USERS));
    for (const i of [0, 7, NUM_USERS - 1]) {
      const n = i === 7 ? 5 : 2;
      expect(fixture.lineOf(i)).to.equal(`${userOf(i)},${n},${n * 3}`);
    }
  }).timeout(60_000);

  it('logs a batch in at most one and a half times the bytes of the keys and values that it changed', async () => {
    const fs = new CountingFiles();
    const clock = new VirtualClock(0);
    // Ranges of a rate are a few bytes: what is in the log is the changes.
    const numbers = job('numbers', {}, ssc => {
      ssc
        .rateStream({ rowsPerSecond: 4000 })
        .groupBy('value')
        .runningAgg({ n: count(), last: max('timestamp') }, { id: 'counts' })
        .saveAsCsv('/out/counts.csv');
    });
    const run = await runEngine(numbers, {
      ...{ clock, fs, checkpoint: '/checkpoint' },
      options: { checkpointInterval: '1h', backpressure: false },
    });
    await run.batchesDone(1);
    fs.written.log = 0;
    for (let batch = 0; batch < 5; batch++) await run.next();
    const changed = run.batches.slice(1).reduce((sum, batch) => sum + batch.outputRows, 0);
    expect(changed).to.be.above(15_000);
    // A key of 8 bytes, two values.
    expect(fs.written.log / (changed * (8 + 2 * 8))).to.be.within(1, 1.5);
    await run.engine.stop();
  });

  it('is restored by all slots at once, each from the parts of its own key groups, and tells how far it is', async () => {
    const fixture = new Fixture();
    await fixture.runOnce(eventsOf(0, 20_000));
    fixture.queue.push(eventsOf(0, 50));
    const crashed = await fixture.start();
    await crashed.batchesDone(1);
    await crashed.engine.abort();
    fixture.fs.crash({ kind: 'kill' });
    fixture.requests.length = 0;
    fixture.queue.push(eventsOf(0, 100));
    const run = await fixture.start();
    await run.batchesDone(1);
    const pieces = fixture.requests.flatMap(({ slot, request }) =>
      request.kind === 'restoreSnapshot' || request.kind === 'restoreDeltas'
        ? request.pieces.map(({ path, position = 0 }) => ({ slot, name: `${path} ${position}` }))
        : [],
    );
    expect(new Set(pieces.map(({ name }) => name)).size).to.equal(pieces.length);
    expect(pieces.filter(({ name }) => name.includes('.wal')).map(({ slot }) => slot)).to.have.members([0, 1]);
    const told = run.events.flatMap(event => (event.kind === 'restoring' ? [event] : []));
    expect(told.length).to.equal(4);
    expect(told.map(event => event.doneBytes)).to.deep.equal(
      told.map(event => event.doneBytes).toSorted((a, b) => a - b),
    );
    expect(told.at(-1)?.doneBytes).to.equal(told[0]?.totalBytes);
    expect([fixture.lineOf(1), fixture.lineOf(99)]).to.deep.equal([`${userOf(1)},3,9`, `${userOf(99)},2,6`]);
    await run.engine.stop();
  });

  it('is not read again for a worker that is lost: its state stayed in memory, and its thread is told where', async () => {
    const fixture = new Fixture();
    await fixture.runOnce(eventsOf(0, 20_000));
    let lose = false;
    const run = await fixture.start({
      faults: (slot, request) => {
        if (!lose || slot !== 1 || request.kind !== 'task') return undefined;
        lose = false;
        return 'runThenLose';
      },
      options: { smallBatchRecords: 0 },
    });
    await run.batchesDone(1);
    fixture.requests.length = 0;
    lose = true;
    fixture.queue.push(eventsOf(0, 20_000));
    await run.next();
    expect(lose).to.equal(false);
    const kinds = fixture.requests.map(({ slot, request }) => `${slot} ${request.kind}`);
    expect(kinds.filter(kind => kind.includes('restore') || kind.includes('seed'))).to.deep.equal([]);
    expect(kinds.filter(kind => kind.endsWith('attach'))).to.deep.equal(['1 attach']);
    expect(fixture.lineOf(19_999)).to.equal(`${userOf(19_999)},2,6`);
    await run.engine.stop();
  });
});
