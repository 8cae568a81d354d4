import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { BatchFailure, BatchResult } from '../../lib/scheduler/batch.js';
import { BatchRun } from '../../lib/scheduler/batch-run.js';
import type { Attempt, Task } from '../../lib/scheduler/batch-task.js';
import { stragglersOf } from '../../lib/scheduler/speculation.js';
import { SlotPool } from '../../lib/scheduler/slot-pool.js';
import { countsPlan, taskReply } from '../helpers/counts-plan.js';
import { turn } from '../helpers/run-engine.js';
import { batchOf, FakeRunner, LOST } from '../helpers/scheduler-ports.js';

const [stage] = countsPlan.stages;
if (stage === undefined) throw new Error('the plan has no stage');

const taskOf = (parts: Partial<Task>): Task => ({
  stage,
  partition: 0,
  range: null,
  rows: undefined,
  kept: [],
  home: undefined,
  status: 'done',
  attempts: 1,
  failures: 0,
  running: [],
  copied: false,
  isInner: false,
  failedOn: new Set(),
  durationMs: 100,
  result: undefined,
  history: [],
  ...parts,
});

function runningSince(startedMs: number, parts: Partial<Task> = {}): Task {
  const task = taskOf({ status: 'running', durationMs: undefined, ...parts });
  const attempt: Attempt = {
    task,
    number: 1,
    slot: 0,
    startedMs,
    inputs: [],
    dropped: false,
    unpin: () => undefined,
  };
  task.running = [attempt];
  return task;
}

describe('stragglersOf', () => {
  const nine = Array.from({ length: 9 }, (_, i) => taskOf({ durationMs: 60 + i * 10 }));

  it('names a task that runs three times as long as the median once nine in ten are done, and when', () => {
    const slow = runningSince(1000);
    expect(stragglersOf([...nine, slow], 10, 1299)).to.deep.equal({ due: [], nextMs: 1300 });
    expect(stragglersOf([...nine, slow], 10, 1300)).to.deep.equal({ due: [slow], nextMs: undefined });
  });

  it('names none while more than a tenth is still to be done', () => {
    const two = [runningSince(0), taskOf({ status: 'pending', durationMs: undefined })];
    expect(stragglersOf([...nine.slice(1), ...two], 10, 9999)).to.deep.equal({ due: [], nextMs: undefined });
  });

  it('wants one done task of a small stage, and none can be had of a stage of one', () => {
    expect(stragglersOf([taskOf({}), runningSince(0)], 10, 300).due.length).to.equal(1);
    expect(stragglersOf([runningSince(0)], 10, 99_999)).to.deep.equal({ due: [], nextMs: undefined });
  });

  it('leaves alone what runs less than the minimum, keeps state, or has a copy', () => {
    const copied = runningSince(0, { copied: true });
    expect(stragglersOf([...nine, runningSince(0)], 5000, 4999)).to.deep.equal({ due: [], nextMs: 5000 });
    expect(stragglersOf([...nine, runningSince(0, { home: 0 })], 10, 9999).due).to.deep.equal([]);
    expect(stragglersOf([...nine, copied], 10, 9999).due).to.deep.equal([]);
  });

  it('does not count partitions that had nothing to read', () => {
    const empty = Array.from({ length: 50 }, () => taskOf({ durationMs: undefined }));
    const three = [taskOf({ durationMs: 10 }), runningSince(0), runningSince(0)];
    expect(stragglersOf([...empty, ...three], 10, 30).due.length, 'one of three is not nine in ten').to.equal(0);
    const ten = Array.from({ length: 9 }, () => taskOf({ durationMs: 10 }));
    expect(stragglersOf([...empty, ...ten, runningSince(0)], 10, 30).due.length).to.equal(1);
  });

  it('takes the middle of an even number of durations', () => {
    const tasks = [10, 20, 30, 1000].map(durationMs => taskOf({ durationMs }));
    expect(stragglersOf([...tasks, runningSince(0)], 1, 0).nextMs).to.equal(75);
  });
});

class Fixture {
  readonly clock = new VirtualClock(1000);
  readonly runner = new FakeRunner(2);
  readonly pool = new SlotPool(this.runner, 0);
  readonly copies: string[] = [];
  outcome: BatchResult | BatchFailure | undefined;
  #nextAddress = 16;

  constructor(ranges = 2) {
    const options = {
      maxTaskFailures: 4,
      taskTimeoutMs: 50_000,
      onRetry: () => undefined,
      onTableSize: () => undefined,
      speculation: {
        clock: this.clock,
        minTaskMs: 100,
        onCopy: (task: string, runningMs: number) => this.copies.push(`${task} after ${runningMs}`),
      },
    };
    const input = Array.from({ length: ranges }, (_, i) => i);
    new BatchRun(countsPlan, this.pool, batchOf(10, input), options, outcome => (this.outcome = outcome)).start();
  }

  /** Answers the request on a slot with one block for partition 0 of the shuffle. */
  async map(slot: number): Promise<void> {
    await turn();
    const block = { slot, address: (this.#nextAddress += 16), byteLength: 16, numRows: 1 };
    this.runner.take(slot).answer(taskReply({ shuffles: { shuffle: [block, null, null] } }));
    await turn();
  }

  async advanceTo(ms: number): Promise<void> {
    this.clock.advanceTo(ms);
    await turn();
  }

  get tasks(): string[] {
    return this.runner.journal.filter(line => line.includes('task'));
  }
}

describe('speculation', () => {
  it('starts a copy on another slot when it is due, and accepts the one that ends first', async () => {
    const fixture = new Fixture();
    await turn();
    fixture.clock.advanceTo(1050);
    await fixture.map(0);
    await fixture.advanceTo(1149);
    expect(fixture.copies, 'too early').to.deep.equal([]);
    await fixture.advanceTo(1150);
    expect(fixture.copies).to.deep.equal(['task_0_1 of batch 10 after 150']);
    expect(fixture.tasks).to.deep.equal(['0 task 0/0 #1', '1 task 0/1 #1', '0 task 0/1 #2']);
    await fixture.map(0);
    // The stage is done: the next one runs while slot 1 still computes what nobody waits for.
    expect(fixture.tasks.at(-1)).to.equal('0 task 1/0 #1');
    await fixture.map(0);
    const result = fixture.outcome as BatchResult;
    expect(result).to.include({ failedTasks: 0, numTasks: 4 });
    expect(fixture.clock.numTimers).to.equal(0);
  });

  it('keeps what a late attempt reads until it has ended, and frees what it leaves', async () => {
    const fixture = new Fixture();
    await turn();
    await fixture.advanceTo(1050);
    await fixture.map(0);
    await fixture.advanceTo(1150);
    await fixture.map(0);
    await fixture.map(0);
    const result = fixture.outcome as BatchResult;
    fixture.pool.release(result.blocks);
    expect(fixture.pool.numBlocks).to.equal(0);
    await fixture.map(1);
    expect(fixture.pool.numBlocks, 'the late one left a block').to.equal(0);
    expect(fixture.runner.asked).to.deep.equal([]);
  });

  it('accepts the first attempt when that is the first to end, and drops its copy', async () => {
    const fixture = new Fixture();
    await turn();
    await fixture.advanceTo(1050);
    await fixture.map(0);
    await fixture.advanceTo(1150);
    await fixture.map(1);
    expect(fixture.runner.asked.map(({ request }) => request.kind)).to.deep.equal(['task']);
    await fixture.map(0);
    await fixture.map(0);
    const result = fixture.outcome as BatchResult;
    expect(result.blocks.length).to.equal(fixture.pool.numBlocks);
  });

  it('goes on with the copy when the first attempt loses its thread, and with the first when the copy does', async () => {
    for (const lost of [1, 0]) {
      const fixture = new Fixture();
      await turn();
      await fixture.advanceTo(1050);
      await fixture.map(0);
      await fixture.advanceTo(1150);
      await turn();
      fixture.runner.take(lost).answer(LOST);
      await turn();
      expect(fixture.tasks.length, 'no third attempt while one is under way').to.equal(3);
      await fixture.map(1 - lost);
      await fixture.map(0);
      expect(fixture.outcome, `slot ${lost} was lost`).to.include({ failedTasks: 1 });
      expect(fixture.clock.numTimers).to.equal(0);
    }
  });

  it('starts no copy of tasks that keep state', async () => {
    const fixture = new Fixture(0);
    await turn();
    expect(fixture.outcome).to.include({ numTasks: 0 });
    const busy = new Fixture(1);
    await turn();
    const blocks = [0, 1, 2].map(i => ({ slot: 0, address: 1000 + 16 * i, byteLength: 16, numRows: 1 }));
    busy.runner.take(0).answer(taskReply({ shuffles: { shuffle: blocks } }));
    await turn();
    busy.runner.take(0).answer(taskReply());
    await turn();
    busy.runner.take(0).answer(taskReply());
    await turn();
    expect(busy.tasks.slice(1)).to.deep.equal(['0 task 1/0 #1', '1 task 1/1 #1', '0 task 1/2 #1']);
    await busy.advanceTo(1_000_000);
    expect(busy.copies).to.deep.equal([]);
    expect(busy.clock.numTimers).to.equal(0);
  });
});
