/** Several batches on the same slots: who may do what before its turn, and who gives way when memory is short. */
import { expect } from 'chai';
import type { BlockRef, WorkerReply } from '../../lib/protocol/messages.js';
import { BatchRun } from '../../lib/scheduler/batch-run.js';
import type { BatchFailure, BatchResult } from '../../lib/scheduler/batch.js';
import { SlotPool } from '../../lib/scheduler/slot-pool.js';
import { countsPlan, taskReply } from '../helpers/counts-plan.js';
import { turn } from '../helpers/run-engine.js';
import { batchOf, FakeRunner } from '../helpers/scheduler-ports.js';

const FULL: WorkerReply = {
  ok: false,
  failure: { kind: 'engineError', code: 'memoryLimit', message: 'full', detail: '{}' },
};
const THREW: WorkerReply = { ok: false, failure: { kind: 'userError', message: 'no', stack: '' } };
const APPLIED: WorkerReply = { ok: true, kind: 'applied', numRows: [1] };

class Fixture {
  readonly runner: FakeRunner;
  readonly pool: SlotPool;
  readonly runs = new Map<number, BatchRun>();
  readonly ended: string[] = [];
  readonly outcomes = new Map<number, BatchResult | BatchFailure>();
  /** Batches that have not ended, in order. */
  readonly order: number[] = [];
  #nextAddress = 16;

  constructor(numSlots: number) {
    this.runner = new FakeRunner(numSlots);
    this.pool = new SlotPool(this.runner, 0);
  }

  /** @param appliesLater whether its changes are not applied as soon as it is computed */
  begin(time: number, appliesLater = false): BatchRun {
    this.order.push(time);
    const done = (outcome: BatchResult | BatchFailure): void => {
      this.outcomes.set(time, outcome);
      const leave = (): number => this.order.splice(this.order.indexOf(time), 1).length;
      // Those after it wait for its changes, as the scheduler has it.
      if ('failure' in outcome || appliesLater) leave();
      else run.apply(leave);
      this.ended.push(`${time} ${'failure' in outcome ? outcome.failure.kind : 'well'}`);
    };
    const options = { maxTaskFailures: 4, taskTimeoutMs: 0, onRetry: () => undefined, onTableSize: () => undefined };
    const turnOf = { isTurn: () => this.order[0] === time };
    const run: BatchRun = new BatchRun(countsPlan, this.pool, batchOf(time, [1]), options, done, turnOf);
    this.runs.set(time, run);
    run.start();
    return run;
  }

  /** What is asked of a slot: the batch and the stage. */
  async asks(slot: number): Promise<string> {
    await turn();
    const asked = this.runner.asked.find(one => one.slot === slot);
    if (asked === undefined) return 'nothing';
    const { request } = asked;
    return request.kind === 'task' ? `${request.time}/${request.stage}` : request.kind;
  }

  /** Answers the request on a slot; by default with a block for partition 0, or a change of partition 0's state. */
  async answer(slot: number, reply?: WorkerReply): Promise<void> {
    await turn();
    const asked = this.runner.take(slot);
    asked.answer(reply ?? this.#replyTo(asked.request.kind === 'task' ? asked.request.stage : -1, slot));
    await turn();
  }

  #replyTo(stage: number, slot: number): WorkerReply {
    if (stage < 0) return APPLIED;
    if (stage === 0) return taskReply({ shuffles: { shuffle: [this.#block(slot), null, null] } });
    const table = { operator: 'counts', partition: 0, address: 9000 };
    return taskReply({ deltas: { counts: { delta: this.#block(slot), ipc: this.#block(slot), table } } });
  }

  #block(slot: number): BlockRef {
    return { slot, address: (this.#nextAddress += 16), byteLength: 16, numRows: 1 };
  }

  /** The turn has come to another batch. */
  wake(): void {
    this.pool.offer();
  }

  release(time: number): void {
    const outcome = this.outcomes.get(time);
    if (outcome !== undefined && 'blocks' in outcome) this.pool.release(outcome.blocks);
  }
}

describe('batches that are computed at once', () => {
  it('run ahead up to their state, which waits until the changes before are applied', async () => {
    const fixture = new Fixture(2);
    fixture.begin(10);
    fixture.begin(20);
    expect([await fixture.asks(0), await fixture.asks(1)]).to.deep.equal(['10/0', '20/0']);
    await fixture.answer(1);
    expect(await fixture.asks(1), 'its state task has another home, and no turn').to.equal('nothing');
    await fixture.answer(0);
    expect(await fixture.asks(0)).to.equal('10/1');
    await fixture.answer(0);
    expect(fixture.ended).to.deep.equal(['10 well']);
    expect(await fixture.asks(0)).to.equal('applyDeltas');
    await fixture.answer(0);
    fixture.wake();
    expect(await fixture.asks(0)).to.equal('20/1');
    await fixture.answer(0);
    await fixture.answer(0);
    expect(fixture.ended).to.deep.equal(['10 well', '20 well']);
  });

  it('fail in their order too', async () => {
    const fixture = new Fixture(2);
    fixture.begin(10);
    fixture.begin(20);
    for (let attempt = 1; attempt <= 4; attempt++) await fixture.answer(1, THREW);
    expect(fixture.ended).to.deep.equal([]);
    await fixture.answer(0, taskReply());
    expect(fixture.ended).to.deep.equal(['10 well', '20 userError']);
  });

  it('end when they are cancelled, as soon as nothing of them runs, and leave nothing', async () => {
    const fixture = new Fixture(2);
    fixture.begin(10);
    const run = fixture.begin(20);
    await turn();
    run.cancel();
    expect(fixture.ended).to.deep.equal([]);
    await fixture.answer(1);
    expect(fixture.ended).to.deep.equal(['20 cancelled']);
    run.cancel();
    expect(fixture.pool.numBlocks).to.equal(0);
    expect(await fixture.asks(0)).to.equal('10/0');
  });

  it('have their changes applied when they are told to, where that is left to the time after the commit', async () => {
    const fixture = new Fixture(1);
    const run = fixture.begin(10, true);
    await fixture.answer(0);
    await fixture.answer(0);
    expect(fixture.ended).to.deep.equal(['10 well']);
    expect(await fixture.asks(0)).to.equal('nothing');
    const applied: unknown[] = [];
    run.apply(failure => applied.push(failure));
    await fixture.answer(0);
    expect(applied).to.deep.equal([undefined]);
    fixture.release(10);
    expect(fixture.pool.numBlocks).to.equal(0);
  });

  it('tell why their changes cannot be applied, and are not applied at all once they are cancelled', async () => {
    const fixture = new Fixture(1);
    const run = fixture.begin(10, true);
    await fixture.answer(0);
    await fixture.answer(0);
    const applied: unknown[] = [];
    run.apply(failure => applied.push(failure?.failure.kind));
    await fixture.answer(0, THREW);
    expect(applied).to.deep.equal(['userError']);
    const other = fixture.begin(20, true);
    await fixture.answer(0);
    await fixture.answer(0);
    other.cancel();
    expect(await fixture.asks(0)).to.equal('nothing');
    expect(fixture.ended).to.deep.equal(['10 well', '20 well']);
  });

  it('give up what they made when an older one is short of memory, and make it again at their turn', async () => {
    const fixture = new Fixture(2);
    fixture.begin(10);
    fixture.begin(20);
    await fixture.answer(1);
    expect(fixture.pool.numBlocks).to.equal(1);
    await fixture.answer(0, FULL);
    expect(fixture.pool.numBlocks, 'the younger has given way').to.equal(0);
    expect(await fixture.asks(0), 'tried again at once').to.equal('10/0');
    expect(await fixture.asks(1), 'and waits').to.equal('nothing');
    await fixture.answer(0, taskReply());
    expect(fixture.ended).to.deep.equal(['10 well']);
    expect(await fixture.asks(0)).to.equal('20/0');
    await fixture.answer(0);
    await fixture.answer(0);
    await fixture.answer(0);
    expect(fixture.ended).to.deep.equal(['10 well', '20 well']);
    fixture.release(20);
    expect(fixture.pool.numBlocks).to.equal(0);
  });

  it('are waited for by an older one that is short of memory while they run, and what they leave then is dropped', async () => {
    const fixture = new Fixture(2);
    fixture.begin(10);
    fixture.begin(20);
    await fixture.answer(0, FULL);
    expect(await fixture.asks(0), 'nothing is tried while the memory is held').to.equal('nothing');
    await fixture.answer(1);
    expect(fixture.pool.numBlocks).to.equal(0);
    expect(await fixture.asks(0)).to.equal('10/0');
    await fixture.answer(0, taskReply());
    expect(await fixture.asks(0)).to.equal('20/0');
  });

  it('give way to an older job in the middle of their turn, once: what needs more than there is fails', async () => {
    const fixture = new Fixture(2);
    fixture.begin(20);
    await turn();
    const ended: string[] = [];
    // As actions of foreachRDD are run.
    const waits = { mayWait: false, maxTaskFailures: 2, taskTimeoutMs: 0 };
    const options = { ...waits, onRetry: () => undefined, onTableSize: () => undefined };
    new BatchRun(countsPlan, fixture.pool, batchOf(10, [1]), options, outcome =>
      ended.push('failure' in outcome ? outcome.failure.kind : 'well'),
    ).start();
    expect([await fixture.asks(0), await fixture.asks(1)]).to.deep.equal(['20/0', '10/0']);
    await fixture.answer(1, FULL);
    await fixture.answer(0);
    expect(fixture.pool.numBlocks).to.equal(0);
    for (let attempt = 1; attempt <= 2; attempt++) {
      expect(ended).to.deep.equal([]);
      const slot = (await fixture.asks(0)) === '10/0' ? 0 : 1;
      expect(await fixture.asks(1 - slot)).to.equal('nothing');
      await fixture.answer(slot, FULL);
    }
    expect(ended).to.deep.equal(['engineError']);
    expect(await fixture.asks(0)).to.equal('20/0');
  });

  // Under onBatchFailure 'continue' a batch stays until its outputs are through: two actions of one function, of which one
  // had given way to the other, waited for it, and it for them.
  it('do not have the actions of one function give way to each other', async () => {
    const fixture = new Fixture(2);
    const run = fixture.begin(10, true);
    await fixture.answer(0);
    await fixture.answer(0);
    expect(fixture.ended).to.deep.equal(['10 well']);
    const ended: string[] = [];
    const waits = { mayWait: false, maxTaskFailures: 2, taskTimeoutMs: 0 };
    const options = { ...waits, onRetry: () => undefined, onTableSize: () => undefined };
    for (const name of ['first', 'second']) {
      new BatchRun(countsPlan, fixture.pool, batchOf(10, [1]), options, outcome =>
        ended.push(`${name} ${'failure' in outcome ? 'failed' : 'well'}`),
      ).start();
    }
    await fixture.answer(0, FULL);
    await fixture.answer(1, taskReply());
    await fixture.answer(0, taskReply());
    expect(ended).to.have.members(['first well', 'second well']);
    run.cancel();
    fixture.release(10);
    expect(fixture.pool.numBlocks).to.equal(0);
  });

  it('wait for memory before their turn without a failure', async () => {
    const fixture = new Fixture(2);
    fixture.begin(10);
    fixture.begin(20);
    await fixture.answer(1, FULL);
    expect(await fixture.asks(1)).to.equal('nothing');
    await fixture.answer(0, taskReply());
    expect(await fixture.asks(0)).to.equal('20/0');
    for (let attempt = 1; attempt <= 4; attempt++) {
      const slot = (await fixture.asks(0)) === 'nothing' ? 1 : 0;
      await fixture.answer(slot, FULL);
    }
    expect(fixture.ended, 'alone it has nobody to wait for').to.deep.equal(['10 well', '20 engineError']);
  });
});
