import { expect } from 'chai';
import { ERROR_CODES, type ErrorCode } from '../../lib/core/errors.js';
import {
  countsAsAttempt,
  formatFailure,
  isMetAgain,
  losesWorker,
  type TaskFailure,
} from '../../lib/protocol/task-failure.js';

const FAILURES: readonly [failure: TaskFailure, counts: boolean, loses: boolean][] = [
  [{ kind: 'userError', message: 'm', stack: '' }, true, false],
  [{ kind: 'engineError', code: 'internal', message: 'm', detail: '{}' }, true, false],
  [{ kind: 'workerLost', message: 'm' }, true, true],
  [{ kind: 'timeout', timeoutMs: 7 }, true, true],
  [{ kind: 'blockLost', blockId: 'block_0_16' }, false, false],
  [{ kind: 'cancelled' }, false, false],
];

describe('a task failure', () => {
  for (const [failure, counts, loses] of FAILURES) {
    it(`of kind ${failure.kind} ${counts ? 'counts as an attempt' : 'costs a retry alone'}, ${loses ? 'with' : 'without'} the loss of its thread`, () => {
      expect(countsAsAttempt(failure)).to.equal(counts);
      expect(losesWorker(failure)).to.equal(loses);
      expect(formatFailure(failure)).not.to.equal('');
    });
  }

  it('is met again by every attempt when it follows from the job or its input alone', () => {
    const codes = Object.keys(ERROR_CODES) as ErrorCode[];
    const met = codes.filter(code => isMetAgain({ kind: 'engineError', code, message: '', detail: '{}' }));
    expect(met).to.have.members([
      'badRecord',
      'inputChanged',
      'inputMissing',
      'jobInvalid',
      'optionInvalid',
      'planMismatch',
      'stateLimit',
      'typeMismatch',
    ]);
    for (const [failure] of FAILURES) expect(isMetAgain(failure), failure.kind).to.equal(false);
  });
});
