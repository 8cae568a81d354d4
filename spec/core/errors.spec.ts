import { expect } from 'chai';
import { assertNever } from '../../lib/core/assert-never.js';
import { EngineError, ERROR_CODES, messageOf, type ErrorCode } from '../../lib/core/errors.js';

describe('errors', () => {
  it('keep code, detail and cause', () => {
    const cause = new Error('disk full');
    const error = new EngineError('sinkFailed', 'cannot write', { cause, detail: { batch: 5 } });
    expect(error)
      .to.be.instanceOf(Error)
      .and.to.include({ name: 'EngineError', code: 'sinkFailed', message: 'cannot write', cause });
    expect(error.detail).to.deep.equal({ batch: 5 });
  });

  it('have no cause where none was given', () => {
    expect('cause' in new EngineError('internal', 'x')).to.equal(false);
  });

  it('lead to exit code 2 where the caller can cure them and to 1 where the job failed', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      expect(new EngineError(code, 'x').exitCode, code).to.equal(ERROR_CODES[code].exitCode).and.to.be.oneOf([1, 2]);
      expect(ERROR_CODES[code].meaning, code).to.match(/^\S.*[^.]$/);
    }
    expect(new EngineError('checkpointCorrupt', 'x').exitCode).to.equal(2);
    expect(new EngineError('batchFailed', 'x').exitCode).to.equal(1);
  });

  it('give the message of whatever was thrown', () => {
    expect(messageOf(new RangeError('too far'))).to.equal('too far');
    expect([messageOf('text'), messageOf(null), messageOf(undefined), messageOf(7)]).to.deep.equal([
      'text',
      'null',
      'undefined',
      '7',
    ]);
  });

  it('name the kind that a switch does not handle', () => {
    expect(() => assertNever({ kind: 'new' } as never)).to.throw('{"kind":"new"}');
  });
});
