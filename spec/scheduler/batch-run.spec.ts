import { expect } from 'chai';
import type { BlockRef, WorkerReply } from '../../lib/protocol/messages.js';
import { BatchRun } from '../../lib/scheduler/batch-run.js';
import type { BatchFailure, BatchResult } from '../../lib/scheduler/batch.js';
import { SlotPool } from '../../lib/scheduler/slot-pool.js';
import { countsPlan, taskReply } from '../helpers/counts-plan.js';
import { turn } from '../helpers/run-engine.js';
import { batchOf, FakeRunner, LOST, type Asked } from '../helpers/scheduler-ports.js';

class Fixture {
  readonly runner: FakeRunner;
  readonly pool: SlotPool;
  readonly retries: string[] = [];
  readonly sizes: string[] = [];
  outcome: BatchResult | BatchFailure | undefined;
  /** How the applying ended that is begun with the outcome. */
  readonly applied: (BatchFailure | undefined)[] = [];
  #nextAddress = 16;

  constructor(ranges = 2, numSlots = 2) {
    this.runner = new FakeRunner(numSlots);
    this.pool = new SlotPool(this.runner, 0);
    const options = {
      maxTaskFailures: 4,
      taskTimeoutMs: 50,
      onRetry: (task: string, attempt: number, reason: string) => this.retries.push(`${task} #${attempt}: ${reason}`),
      onTableSize: (operator: string, partition: number, numRows: number) =>
        this.sizes.push(`${operator}/${partition} ${numRows}`),
    };
    const batch = batchOf(
      10,
      Array.from({ length: ranges }, (_, i) => i),
    );
    const run: BatchRun = new BatchRun(countsPlan, this.pool, batch, options, outcome => {
      this.outcome = outcome;
      if (!('failure' in outcome)) run.apply(failure => this.applied.push(failure));
    });
    run.start();
  }

  block(slot: number): BlockRef {
    return { slot, address: (this.#nextAddress += 16), byteLength: 16, numRows: 1 };
  }

  /** The request under way on a slot. */
  async on(slot: number): Promise<Asked> {
    await turn();
    return this.runner.take(slot);
  }

  /** Answers the map task on a slot with a block for each of the given reduce partitions. */
  async map(slot: number, partitions: readonly number[] = [0, 1, 2]): Promise<(BlockRef | null)[]> {
    const asked = await this.on(slot);
    const blocks = [0, 1, 2].map(partition => (partitions.includes(partition) ? this.block(slot) : null));
    asked.answer(taskReply({ shuffles: { shuffle: blocks } }));
    await turn();
    return blocks;
  }

  /** Answers the reduce task on a slot with a change of state, or without. */
  async reduce(slot: number, changed = true): Promise<Asked> {
    const asked = await this.on(slot);
    const { request } = asked;
    const partition = request.kind === 'task' ? request.partition : -1;
    const table = { operator: 'counts', partition, address: 9000 + partition };
    const [delta, ipc] = changed ? [this.block(slot), this.block(slot)] : [null, null];
    asked.answer(taskReply({ deltas: { counts: { delta, ipc, table } } }));
    await turn();
    return asked;
  }

  async apply(slot: number, reply: WorkerReply = { ok: true, kind: 'applied', numRows: [5, 5] }): Promise<void> {
    const asked = await this.on(slot);
    expect(asked.request.kind).to.equal('applyDeltas');
    asked.answer(reply);
    await turn();
  }

  get log(): string[] {
    return this.runner.journal.filter(line => !line.includes('attach'));
  }
}

const threw: WorkerReply = { ok: false, failure: { kind: 'userError', message: 'no', stack: '' } };
const lostBlock = (block: BlockRef | null): WorkerReply => ({
  ok: false,
  failure: { kind: 'blockLost', blockId: `block_${block?.slot}_${block?.address}` },
});

describe('BatchRun', () => {
  it('runs map tasks on any slots, reduce tasks where their state lives, and applies what is accepted at the end', async () => {
    const fixture = new Fixture();
    const first = await fixture.map(0);
    expect(fixture.log).to.deep.equal(['0 task 0/0 #1', '1 task 0/1 #1']);
    const second = await fixture.map(1);
    const reduce = await fixture.reduce(0);
    expect(reduce.timeoutMs).to.equal(50);
    expect(reduce.request)
      .to.have.property('inputs')
      .that.deep.equals([[first[0], second[0]]]);
    await fixture.reduce(1);
    // Partition 2 waits for its own slot, though the other is idle.
    expect(fixture.log.slice(2)).to.deep.equal(['0 task 1/0 #1', '1 task 1/1 #1', '0 task 1/2 #1']);
    await fixture.reduce(0, false);
    // What was shuffled is given back as soon as nobody will read it.
    const shuffled = [...first, ...second].map(block => block?.address);
    expect(shuffled.length).to.equal(6);
    expect(fixture.log.slice(5)).to.deep.equal([
      `0 free ${shuffled.slice(0, 3).join(',')}`,
      '0 apply counts/0',
      `1 free ${shuffled.slice(3).join(',')}`,
      '1 apply counts/1',
    ]);
    await fixture.apply(0);
    expect(fixture.applied).to.deep.equal([]);
    await fixture.apply(1);
    expect(fixture.applied).to.deep.equal([undefined]);
    const result = fixture.outcome as BatchResult;
    expect(result.deltas.map(({ operator, partition }) => `${operator}/${partition}`)).to.deep.equal([
      'counts/0',
      'counts/1',
    ]);
    expect(result).to.include({ numTasks: 5, failedTasks: 0, inputRecords: 5 });
    expect(fixture.sizes).to.deep.equal(['counts/0 5', 'counts/1 5']);
    expect(result.blocks.length).to.equal(fixture.pool.numBlocks);
    fixture.pool.release(result.blocks);
    expect(fixture.pool.numBlocks).to.equal(0);
  });

  it('ends a batch without input without asking anyone', () => {
    const fixture = new Fixture(0);
    expect(fixture.outcome).to.include({ numTasks: 0 });
    expect(fixture.runner.journal).to.deep.equal([]);
  });

  it('does not run partitions that nothing was written for', async () => {
    const fixture = new Fixture(1);
    await fixture.map(0, [1]);
    expect(fixture.log.slice(1)).to.deep.equal(['1 task 1/1 #1']);
    await fixture.reduce(1);
    await fixture.apply(1);
    expect(fixture.outcome).to.include({ numTasks: 2 });
  });

  it('queues more ranges than there are slots', async () => {
    const fixture = new Fixture(5);
    for (const slot of [0, 1, 1, 0, 1]) await fixture.map(slot, []);
    expect(fixture.log.map(line => line.slice(2))).to.deep.equal(
      [0, 1, 2, 3, 4].map(partition => `task 0/${partition} #1`),
    );
    expect(fixture.outcome).to.include({ numTasks: 5 });
  });

  it('retries a task that fails, and fails the batch after the last attempt, all others having ended', async () => {
    const fixture = new Fixture();
    for (let attempt = 1; attempt <= 4; attempt++) {
      const asked = await fixture.on(0);
      expect(asked.request).to.include({ kind: 'task', partition: 0, attempt });
      asked.answer(threw);
      await turn();
    }
    expect(fixture.outcome, 'the other task is under way').to.equal(undefined);
    await fixture.map(1);
    expect(fixture.outcome).to.deep.include({ time: 10, stage: 0, partition: 0, attempts: 4 });
    expect(fixture.retries.length).to.equal(3);
    expect(fixture.retries[0]).to.equal('task_0_0 of batch 10 #1: no');
    expect(fixture.pool.numBlocks, 'what the other task left is given back').to.equal(0);
    expect(fixture.runner.asked).to.deep.equal([]);
  });

  it('tries a task again on another slot than where it failed, when there is a choice', async () => {
    const fixture = new Fixture(2, 3);
    (await fixture.on(1)).answer(threw);
    await turn();
    (await fixture.on(2)).answer(threw);
    await turn();
    // All slots that are idle have failed it by now: then any will do.
    expect(fixture.log.map(line => line.slice(0, 12))).to.deep.equal([
      '0 task 0/0 #',
      '1 task 0/1 #',
      '2 task 0/1 #',
      '1 task 0/1 #',
    ]);
  });

  it('does not retry what the same input will meet again, such as a function as a key', async () => {
    for (const code of ['badRecord', 'typeMismatch']) {
      const fixture = new Fixture(1);
      const failure = { kind: 'engineError', code, message: 'bad', detail: '{}' } as const;
      (await fixture.on(0)).answer({ ok: false, failure });
      await turn();
      expect(fixture.outcome, code).to.deep.include({ attempts: 1, failure });
    }
  });

  it('ends at once when it is cancelled', async () => {
    const fixture = new Fixture();
    await turn();
    await fixture.pool.stop();
    await turn();
    expect(fixture.outcome).to.deep.include({ failure: { kind: 'cancelled' } });
  });

  it('attaches a new thread with what was accepted, after one was lost', async () => {
    const fixture = new Fixture();
    (await fixture.on(1)).answer(LOST);
    await turn();
    expect(fixture.runner.journal.slice(-2)).to.deep.equal(['1 attach 0 blocks, 0 tables', '1 task 0/1 #2']);
    await fixture.map(0);
    await fixture.map(1);
    await fixture.reduce(0);
    (await fixture.on(0)).answer(LOST);
    await turn();
    // Three blocks of the map task, and the change of partition 0 twice: for its table and for the log.
    expect(fixture.runner.journal.slice(-2)).to.deep.equal(['0 attach 5 blocks, 1 tables', '0 task 1/2 #2']);
  });

  it('makes a lost block again, whoever finds it, and gives back what it replaces at the end', async () => {
    const fixture = new Fixture();
    const [lost] = await fixture.map(0);
    await fixture.map(1);
    (await fixture.on(0)).answer(lostBlock(lost ?? null));
    await fixture.reduce(1);
    const again = await fixture.map(0);
    const reader = await fixture.reduce(0);
    expect(reader.request).to.have.nested.property('inputs[0][0]').that.deep.equals(again[0]);
    await fixture.reduce(0);
    // Partitions 0 and 2 in one request.
    for (const slot of [0, 1]) await fixture.apply(slot);
    expect(fixture.sizes).to.deep.equal(['counts/0 5', 'counts/2 5', 'counts/1 5']);
    const result = fixture.outcome as BatchResult;
    expect(result).to.include({ failedTasks: 1, numTasks: 7 });
    // What was shuffled is gone, of the task that ran twice both times: what is left is each change, for the table and for
    // the log.
    expect(fixture.pool.numBlocks).to.equal(result.blocks.length);
    expect(result.blocks.length).to.equal(6);
  });

  it('waits without a failure for memory that an earlier batch still holds', async () => {
    const full = { kind: 'engineError', code: 'memoryLimit', message: 'full', detail: '{}' } as const;
    const fixture = new Fixture(1, 1);
    const earlier = fixture.block(0);
    const asked = (): number => fixture.runner.journal.filter(line => line.includes('task')).length;
    // More often than a task may fail.
    for (let i = 1; i <= 6; i++) {
      fixture.pool.adopt(earlier);
      (await fixture.on(0)).answer({ ok: false, failure: full });
      await turn();
      expect(asked(), 'nothing is tried while the memory is held').to.equal(i);
      fixture.pool.release([earlier]);
    }
    expect(fixture.outcome).to.equal(undefined);
    for (let i = 0; i < 4; i++) {
      (await fixture.on(0)).answer({ ok: false, failure: full });
      await turn();
    }
    expect(fixture.outcome).to.deep.include({ stage: 0, failure: full });
    expect(fixture.pool.numBlocks).to.equal(0);
  });

  it('gives up a batch whose blocks are lost again and again', async () => {
    const fixture = new Fixture(1, 1);
    for (let i = 0; fixture.outcome === undefined && i < 200; i++) {
      const [lost] = await fixture.map(0, [0]);
      (await fixture.on(0)).answer(lostBlock(lost ?? null));
      await turn();
    }
    expect(fixture.outcome).to.have.nested.property('failure.kind', 'blockLost');
    expect(fixture.pool.numBlocks).to.equal(0);
  });

  it('applies a change again when the thread is lost on it, and fails when it cannot be applied', async () => {
    const full = { kind: 'engineError', code: 'memoryLimit', message: 'full', detail: '{}' } as const;
    for (const [failure, times] of [
      [{ kind: 'workerLost', message: 'gone' }, 4],
      [full, 1],
    ] as const) {
      const fixture = new Fixture(1);
      await fixture.map(0, [0]);
      await fixture.reduce(0);
      for (let i = 0; i < times; i++) {
        expect(fixture.applied).to.deep.equal([]);
        // A lost thread says nothing; a full memory is told with the changes that still fitted.
        const reply = failure.kind === 'workerLost' ? { ok: false as const, failure } : undefined;
        await fixture.apply(0, reply ?? { ok: true, kind: 'applied', numRows: [], failure });
      }
      expect(fixture.applied.length).to.equal(1);
      expect(fixture.applied[0]).to.deep.include({ stage: 1, partition: 0, failure });
      fixture.pool.release((fixture.outcome as BatchResult).blocks);
      expect(fixture.pool.numBlocks).to.equal(0);
    }
  });

  it('leaves a slot that becomes idle to the oldest batch, also one that began later or whose own task did not end', async () => {
    const runner = new FakeRunner(1);
    const pool = new SlotPool(runner, 0);
    const ended: number[] = [];
    const options = { maxTaskFailures: 4, taskTimeoutMs: 0, onRetry: () => undefined, onTableSize: () => undefined };
    const begin = (time: number): void =>
      new BatchRun(countsPlan, pool, batchOf(time, [1, 2]), options, () => ended.push(time)).start();
    for (const time of [30, 10, 20]) begin(time);
    const served: number[] = [];
    for (let i = 0; i < 6; i++) {
      await turn();
      const { request, answer } = runner.take(0);
      if (request.kind === 'task') served.push(request.time);
      answer(taskReply({}));
    }
    await turn();
    expect(served).to.deep.equal([30, 10, 10, 20, 20, 30]);
    expect(ended).to.deep.equal([10, 20, 30]);
  });
});
