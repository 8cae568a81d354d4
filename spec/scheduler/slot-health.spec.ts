import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { TaskFailure } from '../../lib/protocol/task-failure.js';
import { SlotHealth } from '../../lib/scheduler/slot-health.js';
import { SlotPool } from '../../lib/scheduler/slot-pool.js';
import { taskReply } from '../helpers/counts-plan.js';
import { turn } from '../helpers/run-engine.js';
import { FakeRunner } from '../helpers/scheduler-ports.js';

const LOST: TaskFailure = { kind: 'workerLost', message: 'gone' };
const taskOf = (partition: number) =>
  ({
    kind: 'task',
    stage: 0,
    partition,
    attempt: 1,
    time: 10,
    previousTime: 9,
    plan: null,
    broadcasts: [],
    range: null,
    inputs: [],
  }) as const;

class Fixture {
  readonly clock = new VirtualClock(0);
  readonly told: string[] = [];
  readonly health: SlotHealth;

  constructor(numSlots = 3) {
    this.health = new SlotHealth({
      clock: this.clock,
      numSlots,
      maxFailures: 3,
      excludeMs: 1000,
      onExcluded: message => this.told.push(message),
    });
  }

  fail(slot: number, partition: number, failure: TaskFailure = LOST): void {
    this.health.note(slot, taskOf(partition), { ok: false, failure });
  }

  get excluded(): number[] {
    return [0, 1, 2].filter(slot => this.health.isExcluded(slot));
  }
}

describe('SlotHealth', () => {
  it('excludes a slot that fails three tasks in a row, says so, and takes it back later', () => {
    const fixture = new Fixture();
    let back = 0;
    fixture.health.onBack(() => back++);
    for (const partition of [1, 2, 3]) fixture.fail(1, partition);
    expect(fixture.excluded).to.deep.equal([1]);
    expect(fixture.told.join()).to.match(/^slot 1 failed 3 tasks in a row .* for 1 s; the last: .*gone$/);
    fixture.clock.advanceTo(999);
    expect(fixture.excluded).to.deep.equal([1]);
    fixture.clock.advanceTo(1000);
    expect(fixture.excluded).to.deep.equal([]);
    expect(back).to.equal(1);
    fixture.fail(1, 4);
    expect(fixture.excluded, 'it begins anew').to.deep.equal([]);
  });

  it('counts from the last task that went well, and forgets what is long ago', () => {
    const fixture = new Fixture();
    fixture.fail(0, 1);
    fixture.fail(0, 2);
    fixture.health.note(0, taskOf(3), taskReply());
    fixture.fail(0, 4);
    fixture.fail(0, 5);
    expect(fixture.excluded).to.deep.equal([]);
    fixture.clock.advanceTo(1001);
    fixture.fail(0, 6);
    expect(fixture.excluded).to.deep.equal([]);
  });

  it('counts a task once, however often it fails there, and not what no slot is to blame for', () => {
    const fixture = new Fixture();
    for (let i = 0; i < 5; i++) fixture.fail(0, 7);
    fixture.fail(0, 8);
    fixture.fail(0, 1, { kind: 'cancelled' });
    fixture.fail(0, 2, { kind: 'blockLost', blockId: 'block_0_16' });
    fixture.fail(0, 3, { kind: 'engineError', code: 'badRecord', message: '', detail: '{}' });
    expect(fixture.excluded).to.deep.equal([]);
    fixture.fail(0, 4, { kind: 'engineError', code: 'memoryLimit', message: '', detail: '{}' });
    expect(fixture.excluded).to.deep.equal([0]);
  });

  it('never excludes the last slot', () => {
    const fixture = new Fixture();
    for (const slot of [2, 0, 1]) for (const partition of [1, 2, 3, 4]) fixture.fail(slot, partition);
    expect(fixture.excluded).to.deep.equal([0, 2]);
    const one = new Fixture(1);
    for (const partition of [1, 2, 3, 4]) one.fail(0, partition);
    expect(one.told).to.deep.equal([]);
  });

  it('leaves no timer', () => {
    const fixture = new Fixture();
    for (const partition of [1, 2, 3]) fixture.fail(1, partition);
    fixture.health.stop();
    expect(fixture.clock.numTimers).to.equal(0);
  });

  it('keeps tasks without state from an excluded slot, but not those of its own state', async () => {
    const { health, clock } = new Fixture(2);
    const runner = new FakeRunner(2);
    const pool = new SlotPool(runner, 0, health);
    for (const partition of [1, 2, 3]) {
      const answer = pool.run(0, taskOf(partition), 0);
      await turn();
      runner.take(0).answer({ ok: false, failure: LOST });
      await answer;
    }
    expect(pool.idleSlot(0)).to.equal(1);
    expect(pool.idleSlot(0, new Set([1])), 'one to avoid is better than one that is excluded').to.equal(1);
    expect(pool.isIdle(0), 'for a task whose table is there').to.equal(true);
    const busy = pool.run(1, taskOf(9), 0);
    expect(pool.idleSlot(0)).to.equal(undefined);
    let offered = 0;
    pool.subscribe({ time: 1, offer: () => offered++, released: () => undefined, yieldMemory: () => false });
    clock.advanceTo(1000);
    expect(offered, 'offered when it may be used again').to.equal(1);
    expect(pool.idleSlot(0)).to.equal(0);
    await pool.stop();
    await busy;
    expect(clock.numTimers).to.equal(0);
  });
});
