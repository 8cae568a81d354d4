/** Receivers in a whole engine, in one thread, on a virtual clock and a file system in memory. */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { int64, schema, utf8, type RowOf } from '../../lib/core/schema.js';
import { sum } from '../../lib/expr/aggregate.js';
import { job, type Job } from '../../lib/api/job.js';
import type { RunEvent } from '../../lib/metrics/run-events.js';
import type { Receiver } from '../../lib/sources/receiver/receiver.js';
import { expectNothingLeft } from '../helpers/expect-stream.js';
import { HandReceiver } from '../helpers/hand-receiver.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { randomOf } from '../helpers/random-values.js';
import { runEngine, turn, type RunEngineOptions, type TestRun } from '../helpers/run-engine.js';

const events = schema({ user: utf8(), size: int64() });
type Event = RowOf<typeof events>;

/** A job that puts out what its receiver stores, batch by batch. */
class Fixture {
  readonly clock = new VirtualClock(0);
  readonly fs = new ModelFileSystem();
  readonly batches = new Map<number, unknown[]>();
  readonly made: HandReceiver[] = [];
  readonly job: Job = job('spec', {}, ssc => {
    const make = (): Receiver<unknown> => {
      this.made.push(new HandReceiver());
      return this.receiver;
    };
    ssc.receiverStream(make, { id: 'hand' }).foreachRDD(async (rdd, time) => {
      const rows = await rdd.collect();
      // A batch that a crash has kept from being committed is run again on the same blocks.
      if (this.batches.has(time)) expect(rows, `batch ${time} again`).to.deep.equal(this.batches.get(time));
      this.batches.set(time, rows);
    });
  });

  get receiver(): HandReceiver {
    const last = this.made.at(-1);
    if (last === undefined) throw new Error('no receiver was made');
    return last;
  }

  get rows(): unknown[] {
    return [...this.batches.values()].flat();
  }

  async start(options: Partial<RunEngineOptions> = {}): Promise<TestRun> {
    const run = await runEngine(this.job, { clock: this.clock, fs: this.fs, checkpoint: '/checkpoint', ...options });
    while (options.once !== true && !run.events.some(({ kind }) => kind === 'receiverStarted')) await turn();
    return run;
  }

  logFiles(): string[] {
    return this.fs.paths().filter(path => path.endsWith('.blocks'));
  }
}

const kindsOf = (run: TestRun): RunEvent['kind'][] => run.events.map(({ kind }) => kind);

describe('receivers in an engine', () => {
  it('brings what is stored into batches, each item once and in order', async () => {
    const fixture = new Fixture();
    const run = await fixture.start();
    await fixture.receiver.store([1, 'two']);
    await run.next();
    await run.next();
    await fixture.receiver.store([{ three: [3n] }]);
    await fixture.receiver.store([4]);
    await run.next();
    expect([...fixture.batches.values()].filter(rows => rows.length > 0)).to.deep.equal([
      [1, 'two'],
      [{ three: [3n] }, 4],
    ]);
    await run.engine.stop();
    expectNothingLeft(run, fixture.clock);
    expect(kindsOf(run)).to.include.members(['receiverStarted', 'receiverStopped']);
  });

  it('cuts items that are stored one by one into a block at the block interval', async () => {
    const fixture = new Fixture();
    const run = await fixture.start();
    await fixture.receiver.store('one');
    await fixture.receiver.store('by');
    await fixture.receiver.store('one');
    expect(fixture.logFiles()).to.deep.equal([]);
    await run.next();
    while (fixture.logFiles().length === 0) await turn();
    await run.next();
    expect(fixture.rows).to.deep.equal(['one', 'by', 'one']);
    await run.engine.stop();
  });

  it('gives rows of a declared schema, which columns are made of', async () => {
    const clock = new VirtualClock(0);
    const receiver = new HandReceiver();
    const counts: unknown[] = [];
    const typed = job('typed', {}, ssc => {
      ssc
        .receiverStream(() => receiver as Receiver<Event>, { schema: events })
        .groupBy('user')
        .agg({ total: sum('size') })
        .foreachRDD(async rdd => void counts.push(...(await rdd.collect())));
    });
    const run = await runEngine(typed, { clock, fs: new ModelFileSystem(), checkpoint: '/checkpoint' });
    while (!kindsOf(run).includes('receiverStarted')) await turn();
    await receiver.store([
      { user: 'a', size: 2 },
      { user: 'b', size: 3, more: true },
      { user: 'a', size: 4 },
    ]);
    await run.next();
    await run.next();
    expect(counts).to.have.deep.members([
      { user: 'a', total: 6 },
      { user: 'b', total: 3 },
    ]);
    await run.engine.stop();
  });

  it('bounds a batch as sources do, but by whole blocks', async () => {
    const fixture = new Fixture();
    const run = await fixture.start({ options: { maxBatchRecords: 3 } });
    await fixture.receiver.store([1, 2]);
    await fixture.receiver.store([3, 4]);
    await fixture.receiver.store([5, 6, 7, 8]);
    for (let i = 0; i < 5; i++) await run.next();
    expect([...fixture.batches.values()].filter(rows => rows.length > 0)).to.deep.equal([
      [1, 2],
      [3, 4],
      [5, 6, 7, 8],
    ]);
    await run.engine.stop();
  });

  it('processes after a crash what was stored before it, in no batch twice', async () => {
    const fixture = new Fixture();
    let run = await fixture.start();
    await fixture.receiver.store(['a']);
    await run.next();
    await fixture.receiver.store(['b', 'c']);
    await run.engine.abort();
    fixture.fs.crash();
    run = await fixture.start();
    await fixture.receiver.store(['d']);
    await run.next();
    await run.next();
    expect(fixture.rows).to.deep.equal(['a', 'b', 'c', 'd']);
    await run.engine.stop();
    expectNothingLeft(run, fixture.clock);
  });

  it('stops the receivers first at a graceful stop, and processes what they have stored', async () => {
    const fixture = new Fixture();
    const run = await fixture.start();
    await run.next();
    await fixture.receiver.store(['last']);
    const stopped = run.engine.stop();
    while (!kindsOf(run).includes('receiverStopped')) await turn();
    expect(fixture.rows).to.deep.equal([]);
    const late = await fixture.receiver.store(['too late']).catch((error: unknown) => error);
    expect(late).to.have.property('code', 'contextState');
    fixture.clock.advanceTo(fixture.clock.now() + 1000);
    await stopped;
    expect((await run.engine.done).reason).to.equal('stopped');
    expect(fixture.rows).to.deep.equal(['last']);
    expect(fixture.receiver.calls).to.deep.equal(['onStart', 'onStop']);
    expectNothingLeft(run, fixture.clock);
  });

  it('with --once starts no receiver, processes what an earlier run stored, and ends', async () => {
    const fixture = new Fixture();
    const live = await fixture.start();
    await live.batchesDone(1);
    await fixture.receiver.store(['left', 'over']);
    await live.engine.abort();
    const once = await fixture.start({ once: true });
    expect((await once.engine.done).reason).to.equal('finished');
    expect(fixture.rows).to.deep.equal(['left', 'over']);
    expect(fixture.made).to.have.length(1);
    const warnings = once.events.filter(event => event.kind === 'warning').map(({ message }) => message);
    expect(warnings.join()).to.match(/source hand has no end: --once starts no receiver/);
  });

  it('keeps nothing of a run without a checkpoint', async () => {
    const fixture = new Fixture();
    const { checkpoint: _, ...rest } = { checkpoint: undefined };
    const run = await runEngine(fixture.job, { clock: fixture.clock, fs: fixture.fs, ...rest });
    while (!kindsOf(run).includes('receiverStarted')) await turn();
    await fixture.receiver.store(['volatile']);
    expect(fixture.fs.count('sync')).to.equal(0);
    await run.next();
    await run.next();
    expect(fixture.rows).to.deep.equal(['volatile']);
    await run.engine.stop();
  });

  it('ends the run with an error when the log cannot be written, and acknowledges nothing then', async () => {
    const fixture = new Fixture();
    const run = await fixture.start();
    await fixture.receiver.store(['good']);
    fixture.fs.failNext('write', 'ENOSPC', '.blocks');
    const refused = await fixture.receiver.store(['bad']).catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'checkpointUnwritable');
    fixture.clock.advanceTo(fixture.clock.now() + 1000);
    const error = await run.engine.done.catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'checkpointUnwritable');
    expect(error)
      .to.have.property('message')
      .that.matches(/source hand: .*ENOSPC/);
  });

  it('ends the run when a receiver cannot be made', async () => {
    const clock = new VirtualClock(0);
    const broken = job('broken', {}, ssc => {
      const make = (): Receiver<number> => {
        throw new TypeError('no such thing');
      };
      ssc.receiverStream(make, { id: 'mine' }).print();
    });
    const run = await runEngine(broken, { clock, fs: new ModelFileSystem(), checkpoint: '/checkpoint' });
    await turn();
    clock.advanceTo(1000);
    const error = await run.engine.done.catch((thrown: unknown) => thrown);
    expect(error).to.include({
      code: 'jobInvalid',
      message: 'source mine: its receiver could not be made: no such thing',
    });
    expectNothingLeft(run, clock);
  });

  it('removes the files of which every batch is committed and in a checkpoint, and no others', async () => {
    const fixture = new Fixture();
    const options = { options: { checkpointInterval: 1 } };
    for (let start = 0; start < 3; start++) {
      const run = await fixture.start(options);
      await fixture.receiver.store([start]);
      await run.engine.abort();
    }
    expect(fixture.logFiles()).to.have.length(3);
    const run = await fixture.start(options);
    await run.next();
    await fixture.receiver.store([3]);
    await run.next();
    await run.next();
    await run.engine.stop();
    expect(fixture.rows).to.deep.equal([0, 1, 2, 3]);
    expect(fixture.logFiles()).to.deep.equal(['/checkpoint/receivers/hand/000004.blocks']);
    const again = await fixture.start(options);
    await fixture.receiver.store([4]);
    await again.next();
    await again.engine.stop();
    expect(fixture.rows).to.deep.equal([0, 1, 2, 3, 4]);
    expect(fixture.logFiles()).to.deep.equal(['/checkpoint/receivers/hand/000005.blocks']);
  });

  it('acknowledges nothing any more once another driver has taken the checkpoint over', async () => {
    const fixture = new Fixture();
    const first = await fixture.start();
    const fenced = fixture.receiver;
    await fenced.store(['before']);
    const second = await fixture.start();
    const error = await fenced.store(['after']).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'checkpointFenced');
    await fixture.receiver.store(['mine']);
    await second.next();
    await second.next();
    expect(fixture.rows).to.deep.equal(['before', 'mine']);
    await second.engine.stop();
    expect(await first.engine.done.catch((thrown: unknown) => thrown)).to.have.property('code', 'checkpointFenced');
  });

  it('loses nothing acknowledged and puts nothing out twice, whatever crashes when', async () => {
    for (const power of [false, true]) {
      const clean = await storedOverCrash(undefined, power);
      expect(clean.rows).to.deep.equal(clean.acknowledged);
      for (let operation = clean.firstOperation; operation < clean.numOperations; operation += 3) {
        const { acknowledged, tried, rows } = await storedOverCrash(operation, power);
        const where = `${power ? 'power lost' : 'killed'} at operation ${operation}`;
        // What was not acknowledged may be there or not; what is there is there once and in order.
        expect(new Set(rows).size, where).to.equal(rows.length);
        expect(
          rows.filter(row => acknowledged.includes(Number(row))),
          where,
        ).to.deep.equal(acknowledged);
        expect(tried, where).to.include.members(rows);
      }
    }
  }).timeout(60_000);
});

/** Stores and runs batches until the file system goes down, then starts again and processes what is there. */
async function storedOverCrash(downAt: number | undefined, power: boolean) {
  const fixture = new Fixture();
  const acknowledged: number[] = [];
  const tried: number[] = [];
  const options = { options: { workers: 1, checkpointInterval: 1, slotMemory: '16MiB' } };
  let run = await fixture.start(options);
  const firstOperation = fixture.fs.numOperations;
  if (downAt !== undefined) fixture.fs.downAt(downAt);
  const storeSome = async (): Promise<void> => {
    const items = [tried.length, tried.length + 1];
    tried.push(...items);
    await fixture.receiver.store(items).then(
      () => acknowledged.push(...items),
      () => undefined,
    );
  };
  for (let batch = 0; batch < 4 && !fixture.fs.isDown; batch++) {
    await storeSome();
    await storeSome();
    await run.next();
  }
  const { numOperations } = fixture.fs;
  await run.engine.abort();
  fixture.fs.crash(power ? { kind: 'power', random: randomOf(downAt ?? 0) } : { kind: 'kill' });
  run = await fixture.start(options);
  await run.next();
  await run.next();
  await run.engine.stop();
  await run.engine.done;
  return { acknowledged, tried, rows: fixture.rows, firstOperation, numOperations };
}
