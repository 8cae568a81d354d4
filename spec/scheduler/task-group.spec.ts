/** The tasks of a small batch in one request to a slot: what is asked, and what becomes of each when something fails. */
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { BlockRef, GroupedTask, TaskResult, WorkerReply } from '../../lib/protocol/messages.js';
import type { TaskFailure } from '../../lib/protocol/task-failure.js';
import { BatchRun } from '../../lib/scheduler/batch-run.js';
import type { BatchFailure, BatchResult } from '../../lib/scheduler/batch.js';
import { SlotHealth } from '../../lib/scheduler/slot-health.js';
import { SlotPool } from '../../lib/scheduler/slot-pool.js';
import { countsPlan, taskReply } from '../helpers/counts-plan.js';
import { turn } from '../helpers/run-engine.js';
import { batchOf, FakeRunner, LOST, type Asked } from '../helpers/scheduler-ports.js';

const THREW: TaskFailure = { kind: 'userError', message: 'no', stack: '' };

const block = (address: number, slot = 0): BlockRef => ({ slot, address, byteLength: 16, numRows: 1 });

function resultOf(parts: Partial<TaskResult>): TaskResult {
  const reply = taskReply(parts);
  if (!reply.ok || reply.kind !== 'task') throw new Error('a result was wanted');
  return reply.result;
}

class Fixture {
  readonly runner = new FakeRunner(2);
  readonly pool: SlotPool;
  readonly retries: string[] = [];
  readonly excluded: string[] = [];
  outcome: BatchResult | BatchFailure | undefined;

  constructor(maxTaskFailures = 4, maxSlotFailures = 100) {
    const health = new SlotHealth({
      ...{ clock: new VirtualClock(0), numSlots: 2, maxFailures: maxSlotFailures, excludeMs: 1000 },
      onExcluded: message => this.excluded.push(message),
    });
    this.pool = new SlotPool(this.runner, 0, health);
    const onRetry = (task: string, attempt: number, reason: string): number =>
      this.retries.push(`${task} #${attempt}: ${reason}`);
    const options = { isSmall: true, maxTaskFailures, taskTimeoutMs: 50, onRetry, onTableSize: () => undefined };
    new BatchRun(countsPlan, this.pool, batchOf(10, [1, 2]), options, outcome => (this.outcome = outcome)).start();
  }

  async on(slot: number): Promise<Asked & { readonly tasks: readonly GroupedTask[] }> {
    await turn();
    const asked = this.runner.take(slot);
    return { ...asked, tasks: asked.request.kind === 'tasks' ? asked.request.tasks : [] };
  }

  async answer(slot: number, reply: WorkerReply): Promise<void> {
    (await this.on(slot)).answer(reply);
    await turn();
  }

  get log(): string[] {
    return this.runner.journal.filter(line => !line.includes('attach'));
  }
}

/** Of a map task: one block for each partition, from this address on. */
const mapped = (address: number): TaskResult =>
  resultOf({ shuffles: { shuffle: [0, 1, 2].map(partition => block(address + partition * 16)) } });

describe('tasks that go to a slot together', () => {
  it('are all that can run there one after another; what is left goes where its state is', async () => {
    const fixture = new Fixture();
    const { tasks, request, timeoutMs, answer } = await fixture.on(0);
    expect(fixture.log).to.deep.equal(['0 tasks 0/0 0/1 1/0 1/2']);
    expect([request.kind, timeoutMs]).to.deep.equal(['tasks', 50]);
    expect(tasks.map(({ inputs }) => inputs)).to.deep.equal([[], [], [[0, 1]], [[0, 1]]]);
    expect(
      tasks.map(({ isInner }) => isInner),
      'partition 1 reads of the first two, on another slot',
    ).to.deep.equal([false, false, true, true]);
    answer({ ok: true, kind: 'tasks', results: [mapped(160), mapped(320), resultOf({}), null] });
    const last = await fixture.on(1);
    expect(last.request).to.deep.include({ kind: 'task', partition: 1, inputs: [[block(176), block(336)]] });
    expect(fixture.outcome).to.equal(undefined);
    last.answer(taskReply({}));
    await turn();
    expect(fixture.outcome).to.include({ numTasks: 4, failedTasks: 0 });
    expect(fixture.pool.numBlocks, 'what was shuffled is given back').to.equal(0);
  });

  it('are accepted up to one that fails; it counts one failure, and all go alone from then on', async () => {
    const fixture = new Fixture(4, 1);
    await fixture.answer(0, { ok: true, kind: 'tasks', results: [mapped(160)], failure: THREW });
    expect(fixture.excluded.length, 'the slot has failed a task').to.equal(1);
    expect(fixture.retries).to.deep.equal(['task_0_1 of batch 10 #1: no']);
    expect(fixture.log.slice(1)).to.deep.equal(['1 task 0/1 #2']);
    for (let attempt = 2; attempt <= 4; attempt++) {
      expect(fixture.outcome).to.equal(undefined);
      await fixture.answer(1, { ok: false, failure: THREW });
    }
    expect(fixture.outcome).to.deep.include({ stage: 0, partition: 1, attempts: 4, failure: THREW });
    expect(fixture.pool.numBlocks).to.equal(0);
  });

  it('that are lost with their thread are nobody’s failure, and each is tried alone', async () => {
    const fixture = new Fixture();
    await fixture.answer(0, LOST);
    expect(fixture.retries).to.deep.equal(['task_0_0 of batch 10 #1: the worker thread was lost: gone']);
    // Rather not on the slot where they were lost.
    expect(fixture.log.slice(1)).to.deep.equal(['1 task 0/0 #2', '0 task 0/1 #2']);
    await fixture.answer(0, taskReply({}));
    for (let attempt = 2; attempt <= 5; attempt++) {
      expect(fixture.outcome, `attempt ${attempt}`).to.equal(undefined);
      const slot = fixture.runner.asked[0]?.slot ?? -1;
      await fixture.answer(slot, LOST);
    }
    expect(fixture.outcome).to.deep.include({ stage: 0, partition: 0, attempts: 5 });
  });

  it('run alone from the start where the first failure is the last', async () => {
    const fixture = new Fixture(1);
    await turn();
    expect(fixture.log).to.deep.equal(['0 task 0/0 #1', '1 task 0/1 #1']);
  });

  it('end with the batch when it is cancelled', async () => {
    const fixture = new Fixture();
    await turn();
    await fixture.pool.stop();
    await turn();
    expect(fixture.outcome).to.deep.include({ failure: { kind: 'cancelled' } });
    expect(fixture.retries).to.deep.equal([]);
  });

  it('that find the memory full wait for it, or are tried again, as they would alone', async () => {
    const full: TaskFailure = { kind: 'engineError', code: 'memoryLimit', message: 'full', detail: '{}' };
    const fixture = new Fixture();
    const other = block(9600);
    fixture.pool.adopt(other);
    await fixture.answer(0, { ok: true, kind: 'tasks', results: [], failure: full });
    expect(fixture.retries, 'no failure while another batch holds memory').to.deep.equal([]);
    expect(fixture.log.slice(1)).to.deep.equal(['1 task 0/1 #2']);
    fixture.pool.release([other]);
    await turn();
    expect(fixture.log.slice(2)).to.deep.equal(['0 free 9600', '0 task 0/0 #2']);
  });
});
