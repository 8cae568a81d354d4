import { expect } from 'chai';
import { batchTime } from '../../lib/core/time.js';
import { batchError } from '../../lib/driver/batch-error.js';
import type { BatchFailure } from '../../lib/scheduler/batch.js';

const failure: BatchFailure = {
  time: batchTime(1000),
  stage: 0,
  partition: 2,
  attempts: 2,
  label: 'fileStream at /jobs/a.ts:3',
  failure: { kind: 'workerLost', message: 'its JavaScript heap reached the limit of 64 MB' },
  history: ['attempt 1 on worker 0: no answer within 5 ms', 'attempt 2 on worker 1: its JavaScript heap is full'],
  operations: ['fileStream at /jobs/a.ts:3', 'map at /jobs/a.ts:4'],
  input: {
    source: 'clicks',
    kind: 'file',
    range: {
      header: null,
      pieces: [
        { file: 'a.csv', ino: 1, start: 10, end: 20, size: 20, kind: 'records' },
        { file: 'b.csv', ino: 2, start: 0, end: 7, size: 9, kind: 'records' },
      ],
    },
  },
};

describe('batchError', () => {
  it('says which partition, which bytes of which files, what ran there and how each attempt ended', () => {
    const { message, code, detail } = batchError(failure);
    expect(code).to.equal('batchFailed');
    expect(message).to.contain('(stage 0, partition 2, 2 attempts): the worker thread was lost: its JavaScript heap');
    expect(message).to.contain('It read source clicks: a.csv bytes 10 to 20, b.csv bytes 0 to 7. ');
    expect(message).to.contain('Its operations were fileStream at /jobs/a.ts:3; map at /jobs/a.ts:4. ');
    expect(message).to.contain('Before: attempt 1 on worker 0: no answer within 5 ms. ');
    expect(detail).to.deep.include({
      history: failure.history,
      input: 'source clicks: a.csv bytes 10 to 20, b.csv bytes 0 to 7',
    });
  });

  it('does not repeat attempts that ended in one way, nor list operations where the line is known', () => {
    const { message } = batchError({
      ...failure,
      failure: { kind: 'workerLost', message: 'it exited with code 3: process.exit was called at /jobs/a.ts:4:11' },
      history: ['attempt 1 on worker 0: the same', 'attempt 2 on worker 1: the same'],
    });
    expect(message).to.contain('process.exit was called at /jobs/a.ts:4:11. It read source clicks');
    expect(message).to.not.match(/Before|operations/);
  });

  it('shows the last of many attempts and of long ones the beginning', () => {
    const history = Array.from({ length: 100 }, (_, i) => `attempt ${i + 1} on worker 0: ${String(i).repeat(500)}`);
    const { message } = batchError({ ...failure, history });
    expect(message).to.contain('... 91 more; attempt 92 on worker 0');
    expect(message.length).to.be.lessThan(4000);
  });

  it('does not show what a queue holds', () => {
    const { message, detail } = batchError({
      ...failure,
      input: { source: 'queue', kind: 'queue', range: { numRows: 1, rows: 'c2VjcmV0' } },
    });
    expect(message).to.contain('It read source queue. ');
    expect(JSON.stringify(detail)).to.not.contain('c2VjcmV0');
  });
});
