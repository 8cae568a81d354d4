import { expect } from 'chai';
import { int64, nullable, schema, utf8 } from '../../../lib/core/schema.js';
import { EngineError } from '../../../lib/core/errors.js';
import { Receiver } from '../../../lib/sources/receiver/receiver.js';
import { HandReceiver } from '../../helpers/hand-receiver.js';
import { turn } from '../../helpers/run-engine.js';
import { RunningReceiver } from '../../helpers/running-receiver.js';

const codeOf = (promise: Promise<void>): Promise<unknown> =>
  promise.then(
    () => 'stored',
    (error: unknown) => (error as EngineError).code,
  );

describe('a receiver', () => {
  it('knows its stream and whether it is started and stopped', async () => {
    const receiver = new HandReceiver();
    expect(() => receiver.streamId).to.throw(EngineError, /HandReceiver was used before it was started/);
    const one = new RunningReceiver(receiver);
    expect(receiver.isStarted).to.equal(false);
    await one.started;
    expect([receiver.streamId, receiver.isStarted, receiver.isStopped()]).to.deep.equal(['spec', true, false]);
    await one.end();
    expect([receiver.isStarted, receiver.isStopped()]).to.deep.equal([false, true]);
    expect(receiver.calls).to.deep.equal(['onStart', 'onStop']);
  });

  it('is started again after a pause when its start fails, and after a restart it asks for', async () => {
    const receiver = new HandReceiver();
    receiver.failNextStart = new TypeError('not now');
    const one = new RunningReceiver(receiver);
    await one.told('error');
    await turn();
    one.clock.advanceTo(one.clock.now() + 1999);
    expect(receiver.calls).to.deep.equal(['onStart', 'onStop']);
    one.clock.advanceTo(one.clock.now() + 1);
    await one.started;
    receiver.restart('the line is bad', new Error('noise'), 500);
    receiver.restart('asked twice');
    expect(receiver.isStopped()).to.equal(false);
    await turn();
    one.clock.advanceTo(one.clock.now() + 500);
    await one.told('started', 2);
    expect(receiver.calls).to.deep.equal(['onStart', 'onStop', 'onStart', 'onStop', 'onStart']);
    expect(one.errors).to.deep.equal(['it could not be started: not now', 'the line is bad: noise']);
    await one.end();
    expect(one.clock.numTimers).to.equal(0);
  });

  it('is not started again once it has stopped itself, or was stopped while it waited', async () => {
    const first = new HandReceiver();
    const one = new RunningReceiver(first);
    await one.started;
    first.stop('enough', new Error('full'));
    await one.told('stopped');
    const infos = one.events.flatMap(event => (event.kind === 'stopped' ? [event.info] : []));
    expect(infos).to.deep.equal([
      {
        streamId: 'spec',
        name: 'HandReceiver',
        active: false,
        location: '',
        lastErrorMessage: 'enough: full',
        lastError: 'Error: full',
        lastErrorTime: 1000,
      },
    ]);
    const second = new HandReceiver();
    second.failNextStart = new Error('never');
    const two = new RunningReceiver(second);
    await two.told('error');
    await turn();
    await two.end();
    expect([one.clock.numTimers, two.clock.numTimers]).to.deep.equal([0, 0]);
    expect(second.calls).to.deep.equal(['onStart', 'onStop']);
  });

  it('ends the run when it cannot be started for a reason that the user must cure', async () => {
    const receiver = new HandReceiver();
    receiver.failNextStart = new EngineError('portTaken', 'no');
    const one = new RunningReceiver(receiver);
    await one.hasFailed;
    expect(one.failed).to.include({ code: 'portTaken', message: 'source spec: no' });
    expect(await codeOf(receiver.store([1]))).to.equal('portTaken');
    await one.end();
  });

  it('goes on when onStop throws, and does not wait for one that never ends', async () => {
    class Stubborn extends Receiver<number> {
      onStart(): void {}
      onStop(): Promise<void> {
        return this.streamId === 'spec' ? new Promise(() => undefined) : Promise.resolve();
      }
    }
    const one = new RunningReceiver(new Stubborn() as Receiver<unknown>);
    await one.started;
    const ended = one.end();
    one.clock.advanceTo(one.clock.now() + 10_000);
    await ended;
    expect(one.errors).to.deep.equal(['onStop did not end within 10000 ms']);
    class Throwing extends HandReceiver {
      override onStop(): void {
        throw new Error('broken');
      }
    }
    const two = new RunningReceiver(new Throwing());
    await two.started;
    await two.end();
    expect(two.errors).to.deep.equal(['onStop failed: broken']);
  });

  it('stores many at once as one block and one sync, shared with what is stored meanwhile', async () => {
    const receiver = new HandReceiver();
    const one = new RunningReceiver(receiver);
    await one.started;
    const release = one.holdSync();
    const first = receiver.store(['a', 'b']);
    await one.syncBegun();
    const others = Array.from({ length: 50 }, (_, i) => receiver.store([i]));
    release();
    await Promise.all([first, ...others]);
    expect(one.blocks.map(({ numRecords }) => numRecords)).to.deep.equal([2, 50]);
    expect(one.rows()).to.deep.equal(['a', 'b', ...others.keys()]);
    await one.end();
  });

  it('stores what was handed over one by one when it is stopped', async () => {
    const receiver = new HandReceiver();
    const one = new RunningReceiver(receiver);
    await one.started;
    await receiver.store('one');
    await receiver.store('two');
    await one.end();
    expect(one.rows()).to.deep.equal(['one', 'two']);
    expect(await codeOf(receiver.store('three'))).to.equal('contextState');
  });

  it('refuses what is no item, all of it, and says so', async () => {
    const receiver = new HandReceiver();
    const { columns } = schema({ user: utf8(), n: nullable(int64()) });
    const one = new RunningReceiver(receiver, { columns });
    await one.started;
    expect(await codeOf(receiver.store([{ user: 'a', n: 1 }, { user: 2 }]))).to.equal('typeMismatch');
    expect(await codeOf(receiver.store('text'))).to.equal('typeMismatch');
    await receiver.store([{ user: 'b', more: 1 }]);
    expect(one.rows()).to.deep.equal([{ user: 'b', n: null }]);
    expect(one.errors[0]).to.match(/item 1 of 2: column user wants utf8, got number 2; none of them is stored/);
    await one.end();
    const any = new HandReceiver();
    const two = new RunningReceiver(any);
    await two.started;
    expect(await codeOf(any.store([() => 1]))).to.equal('typeMismatch');
    await two.end();
  });

  it('lets who stores wait for room, in order, and refuses who still waits at the stop', async () => {
    const receiver = new HandReceiver();
    const one = new RunningReceiver(receiver, { queueBytes: 4 });
    await one.started;
    expect(receiver.storeWaitMs()).to.equal(0);
    await receiver.store(['full']);
    expect(receiver.storeWaitMs()).to.equal(1000);
    const [second, third] = [receiver.store(['second']), receiver.store(['third'])];
    await turn();
    expect(one.rows()).to.deep.equal(['full']);
    one.takeAll();
    await second;
    expect(one.rows()).to.deep.equal(['full', 'second']);
    const ended = one.end();
    expect(await codeOf(third)).to.equal('contextState');
    await ended;
    expect(one.rows()).to.deep.equal(['full', 'second']);
  });

  it('stores no faster than its rate, which may change at any time', async () => {
    const receiver = new HandReceiver();
    const one = new RunningReceiver(receiver, { maxRate: 100 });
    await one.started;
    let stored = 0;
    const producer = (async () => {
      for (let i = 0; i < 100; i++) {
        await receiver.store(i);
        stored++;
      }
    })();
    const after = async (ms: number): Promise<number> => {
      for (let i = 0; i < ms / 10; i++) {
        one.clock.advanceTo(one.clock.now() + 10);
        await turn();
      }
      return stored;
    };
    // Ten at once: a tenth of a second's worth.
    expect(await after(0)).to.equal(0);
    expect(await after(200)).to.be.within(25, 35);
    one.gate.limitRate(10);
    const before = stored;
    expect((await after(1000)) - before).to.be.within(8, 14);
    one.gate.limitRate(1_000_000);
    expect(await after(600)).to.equal(100);
    await producer;
    await one.end();
    expect(one.rows()).to.deep.equal(Array.from({ length: 100 }, (_, i) => i));
    expect(one.clock.numTimers).to.equal(0);
  });
});
