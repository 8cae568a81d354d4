import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { BatchCommitter, type CommitStep } from '../../lib/scheduler/batch-committer.js';
import { turn } from '../helpers/run-engine.js';
import { batchOf, FakeLog, FakeOutput, FakeSource, Gate, resultOf, withOutput } from '../helpers/scheduler-ports.js';

const part = (id: string, numRows = 1) => [id, [{ numRows, bytes: new Uint8Array(numRows) }]] as const;

class Fixture {
  readonly journal: string[] = [];
  readonly log = new FakeLog(this.journal);
  readonly out = new FakeOutput(this.journal);
  readonly all = new FakeOutput(this.journal, 'all', false);
  readonly letters = new FakeOutput(this.journal, 'letters');
  readonly steps: CommitStep[] = [];
  readonly committer: BatchCommitter;

  constructor(
    outputs: 'out' | 'out and all' = 'out',
    log: FakeLog | undefined = this.log,
    onBatchFailure: 'stop' | 'continue' = 'stop',
  ) {
    this.committer = new BatchCommitter({
      log,
      sources: [new FakeSource(this.journal)],
      outputs: outputs === 'out' ? [this.out] : [this.out, this.all],
      deadLetters: this.letters,
      bytesOf: block => new Uint8Array(block.byteLength).fill(block.address),
      onStep: step => this.steps.push(step),
      sinks: { before: 1 },
      onBatchFailure,
    });
  }
}

const block = (address: number) => ({ slot: 0, address, byteLength: 2, numRows: 1 });

describe('BatchCommitter', () => {
  it('makes offsets durable, then commits dead letters, outputs in order, the log, and the sources', async () => {
    const { committer, journal, log } = new Fixture('out and all');
    const collected = new Map([part('all'), part('out')]);
    const deadLetters = [{ numRows: 2, blocks: [block(7)] }];
    const deltas = [{ operator: 'o', partition: 1, ipc: block(9) }];
    const committed = await committer.commit(batchOf(10), resultOf({ collected, deadLetters, deltas }));
    expect(journal).to.deep.equal(['sync', 'letters 10', 'out 10', 'all 10', 'commit 10', 'source 10']);
    const sinks = { letters: { at: 10 }, out: { at: 10 }, all: { at: 10 } };
    expect(log.commits).to.deep.equal([{ time: 10, sinks, deltas: ['o/1:9,9'] }]);
    expect(committed).to.deep.equal({ outputRows: 2, sinks: { before: 1, ...sinks } });
  });

  it('hands staged blocks over as bytes, task by task', async () => {
    const { committer, out } = new Fixture();
    const staged = new Map([
      [
        'out',
        [
          { numRows: 2, blocks: [block(1), block(2)] },
          { numRows: 1, blocks: [block(3)] },
        ],
      ],
    ]);
    await committer.commit(batchOf(10), resultOf({ staged }));
    expect(out.taken[0]?.staged.map(({ bytes }) => bytes.map(piece => piece.join()))).to.deep.equal([
      ['1,1', '2,2'],
      ['3,3'],
    ]);
  });

  it('skips outputs without rows, and the sync, where nothing has to wait for it', async () => {
    const { committer, journal } = new Fixture();
    await committer.commit(batchOf(10), resultOf({ collected: new Map([part('out', 0)]) }));
    expect(journal).to.deep.equal(['commit 10', 'source 10']);
  });

  it('syncs before a commit with changed state alone', async () => {
    const { committer, journal } = new Fixture();
    await committer.commit(batchOf(10), resultOf({ deltas: [{ operator: 'o', partition: 0, ipc: block(1) }] }));
    expect(journal).to.deep.equal(['sync', 'commit 10', 'source 10']);
  });

  it('calls an output that wants every batch without rows too', async () => {
    const { committer, journal } = new Fixture('out and all');
    await committer.commit(batchOf(10), resultOf());
    expect(journal).to.include('all 10');
    expect(journal).not.to.include('out 10');
  });

  it('commits in order of the calls: nothing of a batch before the one before is in the log', async () => {
    const { committer, journal, out } = new Fixture();
    out.gate = new Gate();
    const first = committer.commit(batchOf(10), withOutput());
    const second = committer.commit(batchOf(20), withOutput());
    await turn();
    expect(journal).to.deep.equal(['sync', 'out 10']);
    out.gate.open();
    expect((await first).sinks).to.deep.equal({ before: 1, out: { at: 10 } });
    expect((await second).sinks).to.deep.equal({ before: 1, out: { at: 20 } });
    expect(journal.slice(2)).to.deep.equal(['commit 10', 'source 10', 'sync', 'out 20', 'commit 20', 'source 20']);
  });

  it('commits nothing after a batch that failed, and keeps the handles of the last good one', async () => {
    const { committer, journal, out } = new Fixture();
    await committer.commit(batchOf(10), withOutput());
    out.gate = new Gate();
    const failing = committer.commit(batchOf(20), withOutput());
    const later = committer.commit(batchOf(30), withOutput());
    out.gate.fail(new Error('disk full'));
    const errors = await Promise.all([failing, later].map(commit => commit.catch((error: Error) => error)));
    for (const error of errors) {
      expect(error).to.have.property('code', 'sinkFailed');
      expect(error).to.have.property('message', 'output out could not commit batch 20: disk full');
    }
    await committer.commit(batchOf(40), withOutput()).catch(() => undefined);
    expect(journal.filter(line => /[234]0/.test(line))).to.deep.equal(['out 20']);
    expect(committer.sinks).to.deep.equal({ before: 1, out: { at: 10 } });
  });

  it('tells of each output that it begins and ends, dead letters left out, and once of a batch that failed', async () => {
    const { committer, out, steps } = new Fixture('out and all');
    const deadLetters = [{ numRows: 2, blocks: [block(7)] }];
    await committer.commit(batchOf(10), withOutput({ deadLetters }));
    expect(steps.map(({ kind, time, ...step }) => [kind, time, 'output' in step ? step.output : ''])).to.deep.equal([
      ['outputStarted', 10, 'out'],
      ['outputCompleted', 10, 'out'],
      ['outputStarted', 10, 'all'],
      ['outputCompleted', 10, 'all'],
    ]);
    steps.length = 0;
    out.gate = new Gate();
    const commits = [20, 30].map(time => committer.commit(batchOf(time), withOutput()).catch(() => undefined));
    out.gate.fail(new Error('disk full'));
    await Promise.all(commits);
    const why = 'output out could not commit batch 20: disk full';
    expect(steps.map(step => [step.kind, step.time, 'error' in step ? step.error?.message : ''])).to.deep.equal([
      ['outputStarted', 20, ''],
      ['outputCompleted', 20, why],
      ['failed', 20, why],
    ]);
  });

  it('does not call an output whose offsets could not be made durable', async () => {
    const { committer, journal, log } = new Fixture();
    log.syncGate = new Gate();
    const commit = committer.commit(batchOf(10), withOutput());
    log.syncGate.fail(new Error('no space'));
    expect(await commit.catch((error: Error) => error.message)).to.equal('no space');
    expect(journal).to.deep.equal(['sync']);
  });

  describe('that leaves out what fails', () => {
    it('takes a batch back from all outputs that had it, and commits the later ones', async () => {
      const { committer, journal, out, log } = new Fixture('out and all', undefined, 'continue');
      await committer.commit(batchOf(10), withOutput());
      out.gate = new Gate();
      const deadLetters = [{ numRows: 2, blocks: [block(7)] }];
      const failing = committer.commit(batchOf(20), withOutput({ deadLetters }));
      out.gate.fail(new Error('disk full'));
      const left = await failing;
      expect(left.failure).to.have.property('code', 'sinkFailed');
      expect(left.sinks).to.deep.equal(committer.sinks);
      out.gate = undefined;
      expect((await committer.commit(batchOf(30), withOutput())).failure).to.equal(undefined);
      expect(journal.filter(line => !/sync/.test(line)).slice(4)).to.deep.equal([
        'letters 20',
        'out 20',
        'letters back to undefined',
        'out back to {"at":10}',
        'all back to {"at":10}',
        'out 30',
        'all 30',
        'commit 30',
        'source 30',
      ]);
      expect(log.commits.map(({ time }) => time)).to.deep.equal([10, 30]);
    });

    it('rejects with what the log says, and commits nothing after that', async () => {
      const { committer, journal, log } = new Fixture('out', undefined, 'continue');
      log.syncGate = new Gate();
      const commits = [committer.commit(batchOf(10), withOutput()), committer.commit(batchOf(20), withOutput())];
      log.syncGate.fail(new EngineError('checkpointUnwritable', 'no space'));
      for (const commit of commits)
        expect(await commit.catch((error: Error) => error)).to.have.property('code', 'checkpointUnwritable');
      expect(journal).to.deep.equal(['sync']);
    });
  });

  // Each wait for the job's own code was kept by the promise of an abort that may come: 400 bytes a batch, for ever.
  it('keeps nothing of a commit that is through', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { committer, log, out } = new Fixture();
    const handles: WeakRef<object>[] = [];
    const commit = async (time: number): Promise<object> => {
      const handle = { at: time };
      handles.push(new WeakRef(handle));
      return handle;
    };
    Object.assign(out, { runsUserCode: true, commit });
    for (const time of [10, 20, 30]) await committer.commit(batchOf(time), withOutput());
    log.commits.length = 0;
    await turn();
    collectGarbage();
    expect(handles.map(handle => handle.deref())).to.deep.equal([undefined, undefined, { at: 30 }]);
  });

  describe('when it is aborted', () => {
    const aborted = new EngineError('stopTimeout', 'no more');

    for (const policy of ['stop', 'continue'] as const) {
      it(`does not wait for the job's own code, and puts out and logs nothing more (${policy})`, async () => {
        const { committer, journal, out } = new Fixture('out and all', undefined, policy);
        Object.assign(out, { runsUserCode: true });
        out.gate = new Gate();
        const commits = [committer.commit(batchOf(10), withOutput()), committer.commit(batchOf(20), withOutput())];
        await turn();
        committer.abort(aborted);
        for (const commit of commits) expect(await commit.catch((error: Error) => error)).to.equal(aborted);
        out.gate.open();
        await turn();
        expect(journal).to.deep.equal(['sync', 'out 10']);
      });
    }

    it('waits for an output of its own that is just writing', async () => {
      const { committer, journal, out } = new Fixture('out and all');
      out.gate = new Gate();
      let ended = false;
      const commit = committer.commit(batchOf(10), withOutput()).catch(() => (ended = true));
      await turn();
      committer.abort(aborted);
      await turn();
      expect(ended).to.equal(false);
      out.gate.open();
      await commit;
      expect(journal).to.deep.equal(['sync', 'out 10']);
    });
  });
});
