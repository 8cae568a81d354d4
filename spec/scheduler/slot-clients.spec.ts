import { expect } from 'chai';
import type { WorkerReply } from '../../lib/protocol/messages.js';
import { SlotClients, type SlotClient } from '../../lib/scheduler/slot-clients.js';
import { SlotPool } from '../../lib/scheduler/slot-pool.js';
import { turn } from '../helpers/run-engine.js';
import { FakeRunner, LOST } from '../helpers/scheduler-ports.js';

const clientOf = (time: number, offer: () => void = () => undefined): SlotClient => ({
  time,
  offer,
  released: () => undefined,
  yieldMemory: () => false,
});

describe('SlotClients', () => {
  it('offers to the oldest batch first, and to two of one batch in the order they came', () => {
    const clients = new SlotClients();
    const offered: string[] = [];
    for (const [name, time] of [
      ['d', 30],
      ['a', 10],
      ['c', 20],
      ['b', 10],
    ] as const)
      clients.add(clientOf(time, () => offered.push(name)));
    clients.offer();
    expect(offered.join('')).to.equal('abcd');
  });

  it('offers again after the round when that was asked for in it, and not for ever', () => {
    const clients = new SlotClients();
    const offered: string[] = [];
    clients.add(
      clientOf(10, () => {
        offered.push('a');
        if (offered.length === 1) {
          clients.add(clientOf(5, () => offered.push('older')));
          clients.offer();
          clients.offer();
        }
      }),
    );
    clients.offer();
    expect(offered).to.deep.equal(['a', 'older', 'a']);
  });

  it('passes over a client that another one ended, and ends one only once', () => {
    const clients = new SlotClients();
    const offered: string[] = [];
    let endOther: () => void = () => undefined;
    const end = clients.add(clientOf(10, () => endOther()));
    endOther = clients.add(clientOf(20, () => offered.push('ended')));
    clients.offer();
    end();
    end();
    expect(offered).to.deep.equal([]);
    expect(clients.all).to.deep.equal([]);
  });

  it('goes on with the next round after a client threw', () => {
    const clients = new SlotClients();
    let throwing = true;
    const offered: number[] = [];
    clients.add(
      clientOf(1, () => {
        offered.push(1);
        if (throwing) throw new Error('planted');
      }),
    );
    expect(() => clients.offer()).to.throw('planted');
    throwing = false;
    clients.offer();
    expect(offered).to.deep.equal([1, 1]);
  });
});

const request = { kind: 'snapshotState', operator: 'o', partition: 0, path: '/p', piece: 0 } as const;
const DONE: WorkerReply = { ok: true, kind: 'done' };

describe('SlotPool with several batches', () => {
  it('offers a slot after each reply, when whoever asked has seen the reply', async () => {
    const runner = new FakeRunner();
    const pool = new SlotPool(runner, 0);
    const seen: string[] = [];
    pool.subscribe(clientOf(1, () => seen.push(pool.isIdle(0) ? 'offered idle' : 'offered busy')));
    for (const reply of [DONE, LOST]) {
      const answer = pool.run(0, request, 0).then(() => seen.push('reply'));
      await turn();
      runner.take(0).answer(reply);
      await answer;
      await turn();
    }
    expect(seen).to.deep.equal(['reply', 'offered idle', 'reply', 'offered idle']);
  });

  it('gives a slot to the requests that wait for it, in order, before it is offered', async () => {
    const runner = new FakeRunner();
    const pool = new SlotPool(runner, 0);
    const seen: string[] = [];
    pool.subscribe(clientOf(1, () => seen.push(pool.isIdle(0) ? 'idle' : 'busy')));
    const waiting = [1, 2, 3].map(n => pool.runWhenIdle(0, request, 0).then(() => seen.push(`reply ${n}`)));
    for (let i = 0; i < 3; i++) {
      await turn();
      expect(runner.asked.length).to.equal(1);
      runner.take(0).answer(DONE);
    }
    await Promise.all(waiting);
    await turn();
    expect(seen).to.deep.equal(['reply 1', 'busy', 'reply 2', 'busy', 'reply 3', 'idle']);
  });

  it('answers what waits for a slot when it is stopped', async () => {
    const pool = new SlotPool(new FakeRunner(), 0);
    const waiting = [1, 2].map(() => pool.runWhenIdle(0, request, 0));
    await turn();
    await pool.stop();
    for (const reply of await Promise.all(waiting)) expect(reply).to.have.nested.property('failure.kind', 'cancelled');
  });

  it('tells everyone of memory that was given back, and only then', () => {
    const pool = new SlotPool(new FakeRunner(), 0);
    const seen: string[] = [];
    const note = (name: string): SlotClient => ({
      time: 1,
      offer: () => seen.push(`offer ${name}`),
      released: () => seen.push(`released ${name}`),
      yieldMemory: () => false,
    });
    const end = pool.subscribe(note('a'));
    pool.subscribe(note('b'));
    const block = { slot: 0, address: 16, byteLength: 16, numRows: 1 };
    pool.adopt(block);
    pool.release([block]);
    pool.release([block]);
    expect(seen).to.deep.equal(['released a', 'released b', 'offer a', 'offer b']);
    end();
    pool.offer();
    expect(seen.slice(4)).to.deep.equal(['offer b']);
  });
});
