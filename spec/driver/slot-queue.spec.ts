import { expect } from 'chai';
import type { PendingRequest } from '../../lib/driver/slot-queue.js';
import { SlotQueue } from '../../lib/driver/slot-queue.js';
import type { WorkerReply } from '../../lib/protocol/messages.js';
import { ATTACH, said } from '../helpers/runner-fixture.js';

const APPLY = { kind: 'applyDeltas', deltas: [] } as const;
const DONE: WorkerReply = { ok: true, kind: 'done' };

describe('SlotQueue', () => {
  it('drops an answer to a request that was given up', async () => {
    const run: PendingRequest[] = [];
    const queue = new SlotQueue(pending => run.push(pending), true);
    const first = queue.submit(ATTACH, 0);
    queue.lose('gone', true);
    const second = queue.submit(ATTACH, 0);
    expect(queue.answer(run[0], DONE)).to.equal(false);
    expect(queue.running).to.equal(run[1]);
    expect(queue.answer(run[1], DONE)).to.equal(true);
    expect([said(await first), said(await second)]).to.deep.equal(['workerLost', 'done']);
  });

  it('waits for the worker, and keeps requests behind an attach', async () => {
    const run: PendingRequest[] = [];
    const queue = new SlotQueue(pending => run.push(pending), true);
    queue.lose('gone', false);
    const refused = queue.submit(APPLY, 0);
    void queue.submit(ATTACH, 0);
    void queue.submit(APPLY, 0);
    expect(await refused).to.have.nested.property('failure.wasBefore', true);
    expect(run).to.deep.equal([]);
    queue.up();
    expect(run.map(pending => pending.request.kind)).to.deep.equal(['attach']);
    queue.answer(run[0], DONE);
    expect(run.map(pending => pending.request.kind)).to.deep.equal(['attach', 'applyDeltas']);
  });
});
