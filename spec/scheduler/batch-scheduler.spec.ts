import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { EngineError } from '../../lib/core/errors.js';
import type { SnapshotFileRef } from '../../lib/protocol/messages.js';
import { BatchCommitter } from '../../lib/scheduler/batch-committer.js';
import { BatchScheduler, type BatchSchedulerOptions } from '../../lib/scheduler/batch-scheduler.js';
import type { BatchFailure, BatchResult } from '../../lib/scheduler/batch.js';
import { turn } from '../helpers/run-engine.js';
import { batchOf, FakeLog, FakeOutput, FakeSource, Gate, withOutput } from '../helpers/scheduler-ports.js';

const failed = (time: number): BatchFailure => ({
  time: batchOf(time).time,
  stage: 0,
  partition: 0,
  attempts: 4,
  label: 'map',
  failure: { kind: 'workerLost', message: 'gone' },
});

class Fixture {
  readonly clock = new VirtualClock(1000);
  readonly journal: string[] = [];
  readonly source: FakeSource;
  readonly log = new FakeLog(this.journal);
  readonly output = new FakeOutput(this.journal);
  readonly running: {
    readonly time: number;
    readonly end: (outcome?: BatchResult | BatchFailure) => void;
    readonly isTurn: () => boolean;
  }[] = [];
  readonly skipped: string[] = [];
  applyGate: Gate | undefined;
  readonly completed: number[] = [];
  readonly released: BatchResult[] = [];
  snapshotGate: Gate<readonly SnapshotFileRef[]> | undefined;
  readonly scheduler: BatchScheduler;
  ended: 'no' | 'well' | Error = 'no';

  constructor(options: Partial<BatchSchedulerOptions> = {}, left = Number.POSITIVE_INFINITY) {
    this.source = new FakeSource(this.journal, left);
    const committer = new BatchCommitter({
      log: this.log,
      sources: [this.source],
      outputs: [this.output],
      deadLetters: undefined,
      bytesOf: () => new Uint8Array(0),
      sinks: {},
      onBatchFailure: options.onBatchFailure ?? 'stop',
    });
    this.scheduler = new BatchScheduler({
      clock: this.clock,
      intervalMs: 1000,
      jitterOf: () => 0,
      mode: 'clock',
      sources: [this.source],
      parallelism: 2,
      maxBatchBytes: 1,
      maxBatchRecords: 1,
      log: this.log,
      committer,
      checkpointIntervalMs: 1e9,
      lastTime: undefined,
      lastCommitted: undefined,
      rerun: [],
      concurrentJobs: 1,
      onBatchFailure: 'stop',
      compute: (batch, done, turn) => {
        const { time } = batch;
        this.journal.push(`compute ${time}`);
        this.running.push({ time, end: (outcome = withOutput()) => done(outcome), isTurn: () => turn.isTurn() });
        return {
          cancel: () => {
            this.journal.push(`cancel ${time}`);
            const index = this.running.findIndex(run => run.time === time);
            if (index < 0) return;
            this.running.splice(index, 1);
            done({ ...failed(time), failure: { kind: 'cancelled' } });
          },
          apply: applied => {
            this.journal.push(`apply ${time}`);
            void (this.applyGate?.promise ?? Promise.resolve()).then(
              () => applied(undefined),
              () => applied(failed(time)),
            );
          },
        };
      },
      wake: () => undefined,
      onSkipped: ({ time }, step) => this.skipped.push(`${step} ${time}`),
      snapshot: time => {
        this.journal.push(`snapshot ${time}`);
        return this.snapshotGate?.promise ?? Promise.resolve([]);
      },
      release: result => this.released.push(result),
      onCompleted: ({ batch }) => this.completed.push(batch.time),
      onCheckpoint: () => undefined,
      toError: ({ time }) => new EngineError('batchFailed', `batch ${time} failed`),
      ...options,
    });
    this.scheduler.done.then(
      () => (this.ended = 'well'),
      (error: Error) => (this.ended = error),
    );
    this.scheduler.start();
  }

  async advanceTo(ms: number): Promise<void> {
    this.clock.advanceTo(ms);
    await turn();
  }

  async end(outcome?: BatchResult | BatchFailure): Promise<void> {
    const next = this.running.shift();
    if (next === undefined) throw new Error(`no batch is computed: ${this.journal.join('; ')}`);
    next.end(outcome);
    await turn();
  }

  of(what: string): string[] {
    return this.journal.filter(line => line.startsWith(what));
  }
}

describe('BatchScheduler', () => {
  it('plans, computes and commits a batch at each interval', async () => {
    const fixture = new Fixture();
    await turn();
    await fixture.end();
    await fixture.advanceTo(2500);
    await fixture.end();
    expect(fixture.completed).to.deep.equal([1000, 2000]);
    expect(fixture.released.length).to.equal(2);
    expect(fixture.journal.slice(0, 8)).to.deep.equal([
      'plan 1000',
      'offsets 1000',
      'sync',
      'compute 1000',
      'sync',
      'out 1000',
      'commit 1000',
      'source 1000',
    ]);
  });

  it('plans one batch ahead and merges the ticks that find it waiting', async () => {
    const fixture = new Fixture();
    for (const ms of [1000, 2000, 3000, 4000, 5000]) await fixture.advanceTo(ms);
    expect(fixture.of('plan')).to.deep.equal(['plan 1000', 'plan 2000']);
    await fixture.end();
    await fixture.advanceTo(6000);
    expect(fixture.of('plan')).to.deep.equal(['plan 1000', 'plan 2000', 'plan 6000']);
    expect(fixture.of('compute')).to.deep.equal(['compute 1000', 'compute 2000']);
  });

  it('starts a batch later by its jitter, under its own time', async () => {
    const fixture = new Fixture({ jitterOf: time => (time === 3000 ? 0 : 300) });
    await turn();
    await fixture.end();
    const plansBy: number[] = [];
    for (const ms of [2000, 2299, 2300, 3000, 4299, 4300]) {
      await fixture.advanceTo(ms);
      plansBy.push(fixture.of('plan').length);
      if (fixture.running.length > 0) await fixture.end();
    }
    expect(plansBy).to.deep.equal([1, 1, 2, 3, 3, 4]);
    expect(fixture.completed).to.deep.equal([1000, 2000, 3000, 4000]);
  });

  it('merges ticks while a source is slow to answer', async () => {
    const fixture = new Fixture();
    await turn();
    fixture.source.gate = new Gate();
    for (const ms of [2000, 3000, 4000]) await fixture.advanceTo(ms);
    fixture.source.gate.open();
    await turn();
    await fixture.end();
    expect(fixture.of('plan')).to.deep.equal(['plan 1000', 'plan 2000']);
    expect(fixture.of('compute')).to.deep.equal(['compute 1000', 'compute 2000']);
  });

  it('has at most two batches committing while a third waits', async () => {
    const fixture = new Fixture();
    fixture.output.gate = new Gate();
    for (const ms of [1000, 2000, 3000, 4000]) {
      await fixture.advanceTo(ms);
      if (fixture.running.length > 0) await fixture.end();
    }
    expect(fixture.of('compute')).to.deep.equal(['compute 1000', 'compute 2000']);
    expect(fixture.of('out')).to.deep.equal(['out 1000']);
    expect(fixture.released.length).to.equal(0);
    fixture.output.gate.open();
    await turn();
    expect(fixture.completed).to.deep.equal([1000, 2000]);
    expect(fixture.of('compute')).to.deep.equal(['compute 1000', 'compute 2000', 'compute 3000']);
  });

  it('drains: batches one after another until the sources have nothing left', async () => {
    const fixture = new Fixture({ mode: 'drain' }, 3);
    for (let i = 0; i < 3; i++) {
      await turn();
      await fixture.end();
    }
    await turn();
    expect(fixture.ended).to.equal('well');
    expect(fixture.completed).to.deep.equal([1000, 2000, 3000]);
    expect(fixture.clock.numTimers).to.equal(0);
  });

  it('drains nothing from a source that has nothing', async () => {
    const fixture = new Fixture({ mode: 'drain' }, 0);
    await turn();
    expect(fixture.ended).to.equal('well');
    expect(fixture.journal).to.deep.equal(['plan 1000']);
  });

  it('computes the batches of an earlier process first, in order, before any new one', async () => {
    const rerun = [batchOf(400, [1], true), batchOf(500, [1], true), batchOf(600, [1], true)];
    const fixture = new Fixture({ rerun, lastTime: 600, lastCommitted: 300 });
    for (let i = 0; i < 3; i++) {
      await turn();
      await fixture.end();
    }
    await fixture.advanceTo(2000);
    await fixture.end();
    expect(fixture.completed).to.deep.equal([400, 500, 600, 2000]);
    expect(fixture.of('offsets')).to.deep.equal(['offsets 2000']);
  });

  it('waits for the next interval when the batch of this one was planned before the restart', async () => {
    const fixture = new Fixture({ lastTime: 1000, lastCommitted: 1000 });
    await turn();
    expect(fixture.of('plan')).to.deep.equal([]);
    await fixture.advanceTo(2000);
    expect(fixture.of('plan')).to.deep.equal(['plan 2000']);
  });

  it('goes on at once, ahead of the clock, when an earlier process planned ahead of it', async () => {
    // A drain of a long backlog cuts batches faster than time passes; the live run after it must not wait for the clock.
    const fixture = new Fixture({ lastTime: 900_000, lastCommitted: 900_000 });
    await turn();
    await fixture.end();
    await fixture.advanceTo(2000);
    expect(fixture.of('plan')).to.deep.equal(['plan 901000', 'plan 902000']);
  });

  it('finishes and commits what is planned when it is stopped, and leaves no timer', async () => {
    const fixture = new Fixture();
    await turn();
    await fixture.advanceTo(2000);
    fixture.scheduler.stop();
    await fixture.end();
    expect(fixture.ended).to.equal('no');
    await fixture.end();
    expect(fixture.completed).to.deep.equal([1000, 2000]);
    expect(fixture.ended).to.equal('well');
    expect(fixture.clock.numTimers).to.equal(0);
    fixture.scheduler.stop();
    fixture.scheduler.start();
    await turn();
    expect(fixture.clock.numTimers).to.equal(0);
  });

  it('sees a batch through that was being planned when it was stopped', async () => {
    const fixture = new Fixture();
    await turn();
    await fixture.end();
    fixture.source.gate = new Gate();
    await fixture.advanceTo(2000);
    fixture.scheduler.stop();
    await turn();
    expect(fixture.ended).to.equal('no');
    fixture.source.gate.open();
    await turn();
    await fixture.end();
    expect(fixture.completed).to.deep.equal([1000, 2000]);
    expect(fixture.ended).to.equal('well');
  });

  it('finishes all batches of an earlier process when it is stopped among them', async () => {
    const fixture = new Fixture({ rerun: [batchOf(500, [1], true), batchOf(600, [1], true)], lastTime: 600 });
    fixture.scheduler.stop();
    await turn();
    while (fixture.running.length > 0) await fixture.end();
    expect(fixture.completed.slice(0, 2)).to.deep.equal([500, 600]);
    expect(fixture.ended).to.equal('well');
  });

  it('ends with the error of a source that cannot plan, after what is computed is committed', async () => {
    const fixture = new Fixture();
    await turn();
    fixture.source.gate = new Gate();
    await fixture.advanceTo(2000);
    fixture.source.gate.fail(new Error('no such bucket'));
    await turn();
    expect(fixture.ended).to.equal('no');
    await fixture.end();
    expect(fixture.completed).to.deep.equal([1000]);
    expect(fixture.ended).to.have.property('code', 'sourceFailed');
    expect(fixture.clock.numTimers).to.equal(0);
  });

  it('names the source whose rows are no data', async () => {
    const fixture = new Fixture();
    await turn();
    fixture.source.gate = new Gate();
    await fixture.advanceTo(2000);
    fixture.source.gate.fail(new EngineError('typeMismatch', 'value[1].a is a function'));
    await turn();
    await fixture.end();
    expect(fixture.ended)
      .to.be.instanceOf(EngineError)
      .with.property('message')
      .that.matches(/^rows of source \w+: value\[1\]\.a is a function/);
    expect(fixture.ended).to.have.property('code', 'typeMismatch');
  });

  it('ends with the error of a batch that cannot be computed, after those before it are committed; those after it stay planned', async () => {
    const fixture = new Fixture();
    fixture.output.gate = new Gate();
    await turn();
    await fixture.end();
    await fixture.advanceTo(2000);
    await fixture.advanceTo(3000);
    await fixture.end(failed(2000));
    expect(fixture.ended).to.equal('no');
    fixture.output.gate.open();
    await turn();
    expect(fixture.completed).to.deep.equal([1000]);
    expect(fixture.ended).to.have.property('message', 'batch 2000 failed');
    expect(fixture.of('compute')).to.deep.equal(['compute 1000', 'compute 2000']);
    expect(fixture.of('offsets')).to.include('offsets 3000');
    expect(fixture.of('manifest')).to.deep.equal([]);
  });

  it('ends with the error of a commit, and commits nothing after it', async () => {
    const fixture = new Fixture();
    fixture.output.gate = new Gate();
    await turn();
    await fixture.end();
    await fixture.advanceTo(2000);
    await fixture.end();
    fixture.output.gate.fail(new Error('disk full'));
    await turn();
    expect(fixture.ended).to.have.property('code', 'sinkFailed');
    expect(fixture.completed).to.deep.equal([]);
    expect(fixture.of('out')).to.deep.equal(['out 1000']);
    expect(fixture.of('commit')).to.deep.equal([]);
    expect(fixture.released.length, 'a batch that waits for memory must not wait forever').to.equal(2);
  });

  describe('checkpoints', () => {
    it('take a snapshot while batches go on, and write it with the sources and outputs as of its batch', async () => {
      const fixture = new Fixture({ checkpointIntervalMs: 1500 });
      await turn();
      await fixture.end();
      await fixture.advanceTo(2000);
      await fixture.end();
      fixture.snapshotGate = new Gate();
      await fixture.advanceTo(3000);
      await fixture.end();
      expect(fixture.of('snapshot')).to.deep.equal(['snapshot 3000']);
      await fixture.advanceTo(4000);
      await fixture.end();
      expect(fixture.completed).to.deep.equal([1000, 2000, 3000, 4000]);
      expect(fixture.log.manifests).to.deep.equal([]);
      fixture.snapshotGate.open([]);
      await turn();
      expect(fixture.log.manifests).to.deep.equal([
        { time: 3000, snapshots: [], sourceStates: { source: 3 }, sinks: { out: { at: 3000 } }, leftOut: [] },
      ]);
    });

    it('are not written before all that may be in the snapshot is committed, and never when it is not', async () => {
      for (const commits of [true, false]) {
        const fixture = new Fixture({ checkpointIntervalMs: 0 });
        fixture.log.bytesSinceSnapshot = 10;
        fixture.snapshotGate = new Gate();
        await turn();
        await fixture.end();
        await fixture.advanceTo(2000);
        await fixture.end();
        await fixture.advanceTo(3000);
        // This batch may have changed the state when the last piece of the snapshot was written.
        expect(fixture.of('compute').at(-1)).to.equal('compute 3000');
        fixture.snapshotGate.open([]);
        await turn();
        expect(fixture.log.manifests).to.deep.equal([]);
        if (commits) await fixture.end();
        else await fixture.end(failed(3000));
        expect(fixture.log.manifests.map(({ time }) => time)).to.deep.equal(commits ? [2000] : []);
        if (!commits) expect(fixture.ended).to.have.property('message', 'batch 3000 failed');
      }
    });

    it('are not due while the log has not grown by half of the last snapshot', async () => {
      const fixture = new Fixture({ checkpointIntervalMs: 0 });
      const file = { operator: 'o', partition: 0, path: '/o', byteLength: 100, crc32: 0, numRows: 1 };
      fixture.snapshotGate = new Gate();
      fixture.snapshotGate.open([file]);
      for (let ms = 1000; ms <= 10_000; ms += 1000) {
        await fixture.advanceTo(ms);
        await fixture.end();
      }
      // Each batch adds 20 bytes to the log: the first checkpoint is due after any, the next when there are more than 50.
      expect(fixture.log.manifests.map(({ time }) => time)).to.deep.equal([2000, 6000, 10_000]);
    });

    it('are written once more at the end, when there was anything since the last', async () => {
      const fixture = new Fixture();
      await turn();
      fixture.scheduler.stop();
      await fixture.end();
      expect(fixture.ended).to.equal('well');
      expect(fixture.log.manifests.map(({ time }) => time)).to.deep.equal([1000]);
      const nothing = new Fixture();
      nothing.log.bytesSinceSnapshot = 0;
      nothing.scheduler.stop();
      await turn();
      await nothing.end();
      expect(nothing.log.manifests.length).to.equal(1);
    });

    it('that cannot be written end the run with the error, the batch being committed', async () => {
      const fixture = new Fixture({ checkpointIntervalMs: 0 });
      fixture.snapshotGate = new Gate();
      fixture.log.bytesSinceSnapshot = 10;
      await turn();
      await fixture.end();
      await fixture.advanceTo(2000);
      await fixture.end();
      fixture.snapshotGate.fail(new EngineError('checkpointUnwritable', 'disk full'));
      await turn();
      expect(fixture.ended).to.have.property('code', 'checkpointUnwritable');
      expect(fixture.completed).to.deep.equal([1000, 2000]);
    });
  });

  describe('with several jobs at once', () => {
    it('computes so many batches, and gives the turn to the oldest', async () => {
      const fixture = new Fixture({ concurrentJobs: 2 });
      for (const ms of [1000, 2000, 3000, 4000]) await fixture.advanceTo(ms);
      expect(fixture.of('compute')).to.deep.equal(['compute 1000', 'compute 2000']);
      expect(fixture.of('plan'), 'one more is planned and waits').to.deep.equal([
        'plan 1000',
        'plan 2000',
        'plan 3000',
      ]);
      expect(fixture.running.map(({ isTurn }) => isTurn())).to.deep.equal([true, false]);
      await fixture.end();
      expect(fixture.of('compute').at(-1)).to.equal('compute 3000');
      expect(fixture.running.map(({ isTurn }) => isTurn())).to.deep.equal([true, false]);
      await fixture.end();
      await fixture.end();
      expect(fixture.completed).to.deep.equal([1000, 2000, 3000]);
    });

    it('wakes the others whenever the turn may have come to them', async () => {
      let wakes = 0;
      const fixture = new Fixture({ concurrentJobs: 2, wake: () => wakes++ });
      for (const ms of [1000, 2000]) await fixture.advanceTo(ms);
      const before = wakes;
      await fixture.end();
      expect(wakes).to.be.greaterThan(before);
    });

    it('looks at a batch that ended too early when those before it have ended', async () => {
      const fixture = new Fixture({ concurrentJobs: 3 });
      for (const ms of [1000, 2000, 3000]) await fixture.advanceTo(ms);
      const [first, second, third] = fixture.running.splice(0);
      third?.end();
      second?.end(failed(2000));
      await turn();
      expect(fixture.of('out')).to.deep.equal([]);
      expect(fixture.ended).to.equal('no');
      first?.end();
      await turn();
      expect(fixture.completed).to.deep.equal([1000]);
      expect(fixture.ended).to.have.property('message', 'batch 2000 failed');
      expect(fixture.released.length, 'what the third one made is given back too').to.equal(2);
    });

    it('cancels what comes after a batch that fails, and commits none of it', async () => {
      const fixture = new Fixture({ concurrentJobs: 3 });
      for (const ms of [1000, 2000, 3000]) await fixture.advanceTo(ms);
      await fixture.end();
      await fixture.end(failed(2000));
      expect(fixture.of('cancel')).to.deep.equal(['cancel 3000']);
      expect(fixture.completed).to.deep.equal([1000]);
      expect(fixture.ended).to.have.property('message', 'batch 2000 failed');
      expect(fixture.running).to.deep.equal([]);
    });
  });

  describe('that goes on after a failed batch', () => {
    const goesOn = { onBatchFailure: 'continue' } as const;

    it('commits later batches, and leaves it planned in the last checkpoint', async () => {
      const fixture = new Fixture(goesOn);
      await turn();
      await fixture.end();
      await fixture.advanceTo(2000);
      await fixture.end(failed(2000));
      await fixture.advanceTo(3000);
      await fixture.end();
      expect(fixture.completed).to.deep.equal([1000, 3000]);
      expect(fixture.skipped).to.deep.equal(['compute 2000']);
      expect(fixture.of('source')).to.deep.equal(['source 1000', 'source 3000']);
      fixture.scheduler.stop();
      await turn();
      expect(fixture.ended).to.equal('well');
      expect(fixture.log.manifests.map(({ time, leftOut }) => [time, leftOut])).to.deep.equal([[3000, [2000]]]);
    });

    it('names the last planned batch in the last checkpoint also when that is the one that failed', async () => {
      const fixture = new Fixture(goesOn);
      await turn();
      await fixture.end();
      await fixture.advanceTo(2000);
      await fixture.end(failed(2000));
      fixture.scheduler.stop();
      await turn();
      // The state of the sources is that after batch 2000.
      expect(fixture.log.manifests.map(({ time, leftOut }) => [time, leftOut])).to.deep.equal([[2000, [2000]]]);
    });

    it('puts out, logs, and only then changes the state; the next batch waits for that', async () => {
      const fixture = new Fixture(goesOn);
      fixture.applyGate = new Gate();
      await turn();
      const deltas = [{ operator: 'o', partition: 0, ipc: { slot: 0, address: 16, byteLength: 1, numRows: 1 } }];
      await fixture.end(withOutput({ deltas }));
      await fixture.advanceTo(2000);
      expect(fixture.journal.slice(4, 8)).to.deep.equal(['sync', 'out 1000', 'commit 1000', 'source 1000']);
      expect(fixture.of('apply')).to.deep.equal(['apply 1000']);
      expect(fixture.released.length, 'the changes are still needed').to.equal(0);
      expect(fixture.running.map(({ isTurn }) => isTurn())).to.deep.equal([false]);
      fixture.applyGate.open();
      await turn();
      expect(fixture.released.length).to.equal(1);
      expect(fixture.running.map(({ isTurn }) => isTurn())).to.deep.equal([true]);
      expect(fixture.completed).to.deep.equal([1000]);
    });

    // The computation waited to be applied, and a later batch that had given it memory waited for its end: the run hung.
    it('cancels what is not going to be applied when the log fails, and ends', async () => {
      const fixture = new Fixture(goesOn);
      fixture.log.syncGate = new Gate();
      await turn();
      await fixture.end();
      fixture.log.syncGate.fail(new EngineError('checkpointUnwritable', 'disk full'));
      await turn();
      expect(fixture.of('cancel')).to.deep.equal(['cancel 1000']);
      expect(fixture.of('apply')).to.deep.equal([]);
      expect(fixture.released.length).to.equal(1);
      expect(fixture.ended).to.have.property('code', 'checkpointUnwritable');
    });

    it('takes a batch back from the outputs, and does not change the state, when an output fails', async () => {
      const fixture = new Fixture(goesOn);
      await turn();
      await fixture.end();
      fixture.output.gate = new Gate();
      await fixture.advanceTo(2000);
      await fixture.end();
      fixture.output.gate.fail(new Error('disk full'));
      await turn();
      fixture.output.gate = undefined;
      await fixture.advanceTo(3000);
      await fixture.end();
      expect(fixture.of('out')).to.deep.equal(['out 1000', 'out 2000', 'out back to {"at":1000}', 'out 3000']);
      expect(fixture.of('apply')).to.deep.equal(['apply 1000', 'apply 3000']);
      expect(fixture.of('cancel')).to.deep.equal(['cancel 2000']);
      expect(fixture.skipped).to.deep.equal(['commit 2000']);
      expect(fixture.completed).to.deep.equal([1000, 3000]);
      expect(fixture.released.length).to.equal(3);
      expect(fixture.ended).to.equal('no');
    });

    it('takes the snapshot when the changes are in the state, and tries again later when its batch failed', async () => {
      const fixture = new Fixture({ ...goesOn, checkpointIntervalMs: 0 });
      await turn();
      await fixture.end();
      // The snapshot was to be taken after this one.
      await fixture.advanceTo(2000);
      await fixture.end(failed(2000));
      await fixture.advanceTo(3000);
      await fixture.end();
      expect(fixture.journal.filter(line => /apply|snapshot|manifest/.test(line))).to.deep.equal([
        'apply 1000',
        'apply 3000',
        'snapshot 3000',
        'manifest 3000',
      ]);
      expect(fixture.log.manifests[0]).to.have.deep.property('leftOut', [2000]);
    });

    it('ends when the changes of a committed batch cannot be applied, or it cannot be logged', async () => {
      const fixture = new Fixture(goesOn);
      fixture.applyGate = new Gate();
      await turn();
      await fixture.end();
      fixture.applyGate.fail(new Error('no memory'));
      await turn();
      expect(fixture.ended).to.have.property('message', 'batch 1000 failed');
      const other = new Fixture(goesOn);
      other.log.syncGate = new Gate();
      await turn();
      await other.end();
      other.log.syncGate.fail(new EngineError('checkpointUnwritable', 'no space'));
      await turn();
      expect(other.ended).to.have.property('code', 'checkpointUnwritable');
      expect(other.skipped).to.deep.equal([]);
    });

    it('ends when it is aborted: what that cancels has not failed', async () => {
      const fixture = new Fixture(goesOn);
      await turn();
      await fixture.end({ ...failed(1000), failure: { kind: 'cancelled' } });
      expect(fixture.ended).to.have.property('code', 'batchFailed');
      expect(fixture.skipped).to.deep.equal([]);
    });
  });

  describe('changes of state', () => {
    const deltas = [{ operator: 'o', partition: 0, ipc: { slot: 0, address: 16, byteLength: 1, numRows: 1 } }];

    it('are applied while the batch is committed, and the next batch waits for both where it must', async () => {
      const fixture = new Fixture();
      fixture.applyGate = new Gate();
      fixture.log.syncGate = new Gate();
      await turn();
      await fixture.end(withOutput({ deltas }));
      await fixture.advanceTo(2000);
      expect(fixture.of('apply'), 'before anything is durable').to.deep.equal(['apply 1000']);
      expect(fixture.of('out')).to.deep.equal([]);
      expect(fixture.of('compute')).to.deep.equal(['compute 1000', 'compute 2000']);
      expect(
        fixture.running.map(({ isTurn }) => isTurn()),
        'not the state of before',
      ).to.deep.equal([false]);
      fixture.applyGate.open();
      await turn();
      expect(
        fixture.running.map(({ isTurn }) => isTurn()),
        'the commit has no part in it',
      ).to.deep.equal([true]);
      expect(fixture.released.length, 'the commit reads them').to.equal(0);
      fixture.log.syncGate.open();
      await turn();
      expect(fixture.released.length).to.equal(1);
      expect(fixture.completed).to.deep.equal([1000]);
    });

    it('keep their blocks until they are applied, though the batch is committed', async () => {
      const fixture = new Fixture();
      fixture.applyGate = new Gate();
      await turn();
      await fixture.end(withOutput({ deltas }));
      expect(fixture.of('commit')).to.deep.equal(['commit 1000']);
      expect(fixture.released.length).to.equal(0);
      fixture.scheduler.stop();
      await turn();
      expect(fixture.ended, 'a stop waits for them').to.equal('no');
      fixture.applyGate.open();
      await turn();
      expect(fixture.released.length).to.equal(1);
      expect(fixture.ended).to.equal('well');
    });

    it('are in the snapshot that begins after their batch; what later ones add is committed before it is a checkpoint', async () => {
      const fixture = new Fixture({ checkpointIntervalMs: 0 });
      await turn();
      await fixture.end(withOutput({ deltas }));
      await fixture.advanceTo(2000);
      fixture.applyGate = new Gate();
      fixture.snapshotGate = new Gate();
      await fixture.end(withOutput({ deltas }));
      await fixture.advanceTo(3000);
      expect(fixture.of('snapshot')).to.deep.equal([]);
      fixture.applyGate.open();
      await turn();
      expect(fixture.of('snapshot')).to.deep.equal(['snapshot 2000']);
      expect(fixture.running.map(({ isTurn }) => isTurn())).to.deep.equal([true]);
      fixture.snapshotGate.open([]);
      await turn();
      expect(fixture.log.manifests.map(({ time }) => time)).to.deep.equal([]);
      await fixture.end(withOutput({ deltas }));
      expect(fixture.log.manifests.map(({ time }) => time)).to.deep.equal([2000]);
    });

    it('end the run when they cannot be applied, and when their commit fails what is applied is waited for', async () => {
      const fixture = new Fixture();
      fixture.applyGate = new Gate();
      await turn();
      await fixture.end(withOutput({ deltas }));
      fixture.applyGate.fail(new Error('no memory'));
      await turn();
      expect(fixture.ended).to.have.property('message', 'batch 1000 failed');
      expect(fixture.of('commit'), 'the next run applies them from the log').to.deep.equal(['commit 1000']);
      expect(fixture.released.length).to.equal(1);
      const other = new Fixture();
      other.applyGate = new Gate();
      other.log.syncGate = new Gate();
      await turn();
      await other.end(withOutput({ deltas }));
      other.log.syncGate.fail(new EngineError('checkpointUnwritable', 'no space'));
      await turn();
      expect(other.ended).to.equal('no');
      other.applyGate.open();
      await turn();
      expect(other.ended).to.have.property('code', 'checkpointUnwritable');
      expect(other.completed).to.deep.equal([]);
    });

    it('of a batch that is cancelled are never applied', async () => {
      const fixture = new Fixture({ concurrentJobs: 2 });
      await turn();
      await fixture.advanceTo(2000);
      const [first, second] = fixture.running.splice(0);
      second?.end(withOutput({ deltas }));
      first?.end(failed(1000));
      await turn();
      expect(fixture.of('apply')).to.deep.equal([]);
      expect(fixture.ended).to.have.property('message', 'batch 1000 failed');
    });
  });
});
