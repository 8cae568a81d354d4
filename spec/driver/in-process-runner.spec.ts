import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { Fault, InProcessRunnerOptions } from '../../lib/driver/in-process-runner.js';
import { InProcessRunner } from '../../lib/driver/in-process-runner.js';
import type { WorkerHandler } from '../../lib/executor/serve.js';
import type { TaskResult, WorkerInit, WorkerReply, WorkerRequest } from '../../lib/protocol/messages.js';
import { ATTACH, command, makeInit, said } from '../helpers/runner-fixture.js';

const echo = (value: number): WorkerRequest => command({ do: 'echo', value });
const valueOf = (request: WorkerRequest): number =>
  request.kind === 'task' ? (request.range as { readonly value: number }).value : -1;

describe('InProcessRunner', () => {
  let handled: string[] = [];
  let numMade = 0;
  beforeEach(() => {
    handled = [];
    numMade = 0;
  });

  function makeHandler(init: WorkerInit): WorkerHandler {
    numMade++;
    return async request => {
      if (request.kind !== 'task') return { ok: true, kind: 'done' };
      const value = valueOf(request);
      handled.push(`${init.slot}:${value}`);
      if (value < 0) throw new RangeError('negative');
      await Promise.resolve();
      return { ok: true, kind: 'task', result: { runMs: value } as TaskResult };
    };
  }

  const start = (options: Partial<InProcessRunnerOptions> = {}): InProcessRunner =>
    new InProcessRunner({ numSlots: 2, limitBytes: 1 << 20, makeInit, makeHandler, ...options });

  /** Injects the fault into the request of that value, once. */
  function faultAt(value: number, fault: Fault): NonNullable<InProcessRunnerOptions['faults']> {
    let left = 1;
    return (_, request) => (request.kind === 'task' && valueOf(request) === value && left-- > 0 ? fault : undefined);
  }

  const askAll = async (runner: InProcessRunner, ...values: number[]): Promise<(string | number)[]> =>
    (await Promise.all(values.map(value => runner.submit(0, echo(value), 0)))).map(said);

  it('answers the requests of a slot in order', async () => {
    const runner = start();
    expect(await askAll(runner, 1, 2, 3)).to.deep.equal([1, 2, 3]);
    expect(handled).to.deep.equal(['0:1', '0:2', '0:3']);
    expect(numMade).to.equal(1);
  });

  it('lets a seeded schedule reorder slots, never the requests of one, and repeats it', async () => {
    async function runWith(seed: number): Promise<string[]> {
      handled = [];
      const steps: (() => void)[] = [];
      const runner = start({ numSlots: 3, schedule: step => steps.push(step) });
      const asked: Promise<WorkerReply>[] = [];
      for (let i = 0; i < 30; i++) asked.push(runner.submit(i % 3, echo(i), 0));
      let random = seed;
      while (handled.length < asked.length) {
        random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
        steps.splice(random % Math.max(1, steps.length), 1)[0]?.();
        await new Promise(resolve => setImmediate(resolve));
      }
      await Promise.all(asked);
      return handled;
    }
    const orders = new Set<string>();
    for (let seed = 1; seed <= 5; seed++) {
      const order = await runWith(seed);
      expect(await runWith(seed), `seed ${seed}`).to.deep.equal(order);
      for (let slot = 0; slot < 3; slot++) {
        const own = order.filter(name => name.startsWith(`${slot}:`)).map(name => Number(name.slice(2)));
        expect(own, `seed ${seed}`).to.deep.equal(Array.from({ length: 10 }, (_, i) => i * 3 + slot));
      }
      orders.add(order.join());
    }
    expect(orders.size).to.be.above(1);
  });

  it('copies requests and replies', async () => {
    const kept: unknown[] = [];
    const reply: WorkerReply = { ok: true, kind: 'done' };
    const runner = start({
      makeHandler: () => request => {
        kept.push(request);
        return reply;
      },
    });
    const request = echo(1);
    const got = await runner.submit(0, request, 0);
    expect(got).to.deep.equal(reply);
    expect(got === reply).to.equal(false);
    expect(kept[0]).to.deep.equal(request);
    expect(kept[0] === request).to.equal(false);
  });

  it('answers engineError to a request that cannot be copied', async () => {
    const reply = await start().submit(0, { ...ATTACH, blocks: [(() => 1) as never] }, 0);
    expect(reply).to.have.nested.property('failure.code', 'internal');
  });

  it('answers what the handler threw, and keeps it', async () => {
    const runner = start();
    expect(await askAll(runner, -1, 4)).to.deep.equal(['userError', 4]);
    expect(numMade).to.equal(1);
  });

  it('answers what making the handler threw, and tries again', async () => {
    let times = 0;
    const runner = start({
      makeHandler: init => {
        if (times++ === 0) throw new Error('not yet');
        return makeHandler(init);
      },
    });
    expect(await askAll(runner, 1, 2)).to.deep.equal(['userError', 2]);
  });

  const cases: [Fault, (string | number)[], string[]][] = [
    ['lose', [1, 'workerLost', 'workerLost'], ['0:1']],
    ['runThenLose', [1, 'workerLost', 'workerLost'], ['0:1', '0:2']],
    ['answerThenLose', [1, 2, 'workerLost'], ['0:1', '0:2']],
    ['hangThenLose', [1, 'timeout', 'workerLost'], ['0:1']],
  ];
  for (const [fault, answers, seen] of cases) {
    it(`${fault}: drops the handler, keeps the memory, and wants attach before anything else`, async () => {
      const runner = start({ faults: faultAt(2, fault) });
      new Uint8Array(runner.memories[0].buffer)[5000] = 9;
      expect(await askAll(runner, 1, 2, 3)).to.deep.equal(answers);
      expect(handled).to.deep.equal(seen);
      expect(await askAll(runner, 3)).to.deep.equal(['workerLost']);
      expect(said(await runner.submit(0, ATTACH, 0))).to.equal('done');
      expect(await askAll(runner, 3)).to.deep.equal([3]);
      expect(numMade).to.equal(2);
      expect(new Uint8Array(runner.memories[0].buffer)[5000]).to.equal(9);
    });
  }

  it('throw: answers userError and loses nothing', async () => {
    const runner = start({ faults: faultAt(2, 'throw') });
    expect(await askAll(runner, 1, 2, 3)).to.deep.equal([1, 'userError', 3]);
    expect(numMade).to.equal(1);
  });

  it('lets a request hang until its time is over on the given clock', async () => {
    const clock = new VirtualClock(1000);
    const runner = start({ clock, faults: faultAt(2, 'hangThenLose') });
    const hanging = runner.submit(0, echo(2), 300);
    expect(said(await runner.submit(1, echo(1), 0))).to.equal(1);
    expect(clock.nextTimerMs()).to.equal(1300);
    clock.advanceTo(1300);
    expect(await hanging).to.deep.equal({ ok: false, failure: { kind: 'timeout', timeoutMs: 300 } });
    expect(clock.numTimers).to.equal(0);
  });

  it('answers cancelled to everything when it is stopped, and leaves no timer', async () => {
    const clock = new VirtualClock();
    const runner = start({ clock, faults: faultAt(2, 'hangThenLose') });
    const asked = [runner.submit(0, echo(2), 300), runner.submit(0, echo(1), 0), runner.submit(1, echo(5), 0)];
    await Promise.resolve();
    await runner.stop();
    asked.push(runner.submit(1, echo(6), 0));
    expect((await Promise.all(asked)).map(said)).to.deep.equal(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
    expect(clock.numTimers).to.equal(0);
  });

  it('takes a terminated slot for a lost one', async () => {
    const runner = start();
    await askAll(runner, 1);
    await runner.terminateSlot(0);
    expect(await askAll(runner, 2)).to.deep.equal(['workerLost']);
    expect(said(await runner.submit(1, echo(3), 0))).to.equal(3);
  });
});
