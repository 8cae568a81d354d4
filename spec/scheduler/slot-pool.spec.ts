import { expect } from 'chai';
import type { BlockRef, WorkerReply } from '../../lib/protocol/messages.js';
import { SlotPool } from '../../lib/scheduler/slot-pool.js';
import { turn } from '../helpers/run-engine.js';
import { FakeRunner, LOST } from '../helpers/scheduler-ports.js';

const ATTACH_MS = 77;
const request = { kind: 'snapshotState', operator: 'o', partition: 0, path: '/p', piece: 0 } as const;
const DONE: WorkerReply = { ok: true, kind: 'done' };
const block = (address: number, slot = 0): BlockRef => ({ slot, address, byteLength: 16, numRows: 1 });

function start(): { pool: SlotPool; runner: FakeRunner } {
  const runner = new FakeRunner();
  return { pool: new SlotPool(runner, ATTACH_MS), runner };
}

async function ask({ pool, runner }: ReturnType<typeof start>, reply: WorkerReply = DONE): Promise<WorkerReply> {
  const answer = pool.run(0, request, 5);
  await turn();
  runner.take(0).answer(reply);
  return answer;
}

describe('SlotPool', () => {
  it('attaches a thread before its first request, and not again', async () => {
    const both = start();
    expect(await ask(both)).to.equal(DONE);
    await ask(both);
    expect(both.runner.journal).to.deep.equal(['0 attach 0 blocks, 0 tables', '0 snapshotState', '0 snapshotState']);
  });

  it('sends a request again that came after its thread had died, and tells nobody', async () => {
    const both = start();
    const { pool, runner } = both;
    await ask(both);
    const gone: WorkerReply = { ok: false, failure: { kind: 'workerLost', message: 'gone', wasBefore: true } };
    const answer = pool.run(0, request, 5);
    for (const reply of [gone, gone, DONE]) {
      await turn();
      runner.take(0).answer(reply);
    }
    expect(await answer).to.equal(DONE);
    const again = ['0 attach 0 blocks, 0 tables', '0 snapshotState'];
    expect(runner.journal).to.deep.equal([...again, '0 snapshotState', ...again, ...again]);
  });

  it('gives up a request whose threads die again and again before they have it', async () => {
    const { pool, runner } = start();
    const gone: WorkerReply = { ok: false, failure: { kind: 'workerLost', message: 'gone', wasBefore: true } };
    let ended = false;
    const answer = pool.run(0, request, 5).finally(() => (ended = true));
    let asked = 0;
    for (await turn(); !ended && asked < 100; await turn(), asked++) runner.take(0).answer(gone);
    expect(await answer).to.equal(gone);
    expect(asked).to.be.lessThan(20);
  });

  it('gives the time limit of the request to the request, and that of attaching to attach', async () => {
    const { pool, runner } = start();
    runner.holdsAttach = true;
    const answer = pool.run(0, request, 5);
    const attach = runner.take(0);
    expect(attach.timeoutMs).to.equal(ATTACH_MS);
    attach.answer(DONE);
    await turn();
    const asked = runner.take(0);
    expect(asked.timeoutMs).to.equal(5);
    asked.answer(DONE);
    await answer;
  });

  it('is busy from the call to the answer, and takes no second request meanwhile', async () => {
    const { pool, runner } = start();
    const answer = pool.run(0, request, 0);
    expect(pool.isIdle(0)).to.equal(false);
    expect(pool.idleSlot(0)).to.equal(1);
    expect(await pool.run(0, request, 0).catch((error: Error) => error.message)).to.equal('slot 0 is busy');
    expect(pool.isIdle(0)).to.equal(false);
    await turn();
    runner.take(0).answer(DONE);
    await answer;
    expect(pool.idleSlot(0)).to.equal(0);
  });

  it('tells a new thread which blocks and tables are alive, without those that were released', async () => {
    const both = start();
    await ask(both);
    for (const address of [16, 32, 48]) both.pool.adopt(block(address));
    both.pool.adoptTable(0, { operator: 'o', partition: 0, address: 64 });
    both.pool.adoptTable(0, { operator: 'o', partition: 0, address: 80 });
    both.pool.release([block(32)]);
    expect(await ask(both, LOST)).to.equal(LOST);
    await ask(both);
    expect(both.runner.journal.slice(2)).to.deep.equal([
      '0 free 32',
      '0 snapshotState',
      '0 attach 2 blocks, 1 tables',
      '0 snapshotState',
    ]);
    expect(both.pool.numBlocks).to.equal(2);
  });

  it('frees a block once, however often it is released, and only one it has', async () => {
    const both = start();
    await ask(both);
    both.pool.adopt(block(16));
    both.pool.release([block(16), block(16), block(99)]);
    both.pool.release([block(16)]);
    await ask(both);
    await ask(both);
    expect(both.runner.journal.filter(line => line.includes('free'))).to.deep.equal(['0 free 16']);
    expect(both.pool.numBlocks).to.equal(0);
  });

  it('attaches again and again while threads are lost on it, and gives up after eight', async () => {
    const { pool, runner } = start();
    runner.holdsAttach = true;
    const answer = pool.run(0, request, 0);
    for (let i = 0; i < 8; i++) {
      await turn();
      runner.take(0).answer(i % 2 ? LOST : { ok: false, failure: { kind: 'timeout', timeoutMs: ATTACH_MS } });
    }
    const reply = await answer;
    expect(reply).to.have.nested.property('failure.code', 'internal');
    expect(reply).to.have.nested.property('failure.message').that.contains('gone');
    expect(pool.isIdle(0)).to.equal(true);
    expect(runner.journal.length).to.equal(8);
  });

  it('answers what attach was refused with, and attaches anew next time', async () => {
    const { pool, runner } = start();
    runner.holdsAttach = true;
    const refused = {
      ok: false,
      failure: { kind: 'engineError', code: 'planMismatch', message: 'm', detail: '{}' },
    } as const;
    const answer = pool.run(0, request, 0);
    runner.take(0).answer(refused);
    expect(await answer).to.equal(refused);
    runner.holdsAttach = false;
    expect(await ask({ pool, runner })).to.equal(DONE);
    expect(runner.journal.filter(line => line.includes('attach')).length).to.equal(2);
  });

  it('answers cancelled when it is stopped, also while a thread attaches, and does not attach another', async () => {
    const { pool, runner } = start();
    runner.holdsAttach = true;
    const waiting = [pool.run(0, request, 0), pool.run(1, request, 0)];
    await pool.stop();
    for (const reply of [...(await Promise.all(waiting)), await pool.run(0, request, 0)])
      expect(reply).to.have.nested.property('failure.kind', 'cancelled');
  });

  it('keeps the partitions of state spread over the slots, each on one', () => {
    const { pool } = start();
    expect([0, 1, 2, 3].map(partition => pool.homeOf(partition))).to.deep.equal([0, 1, 0, 1]);
  });
});
