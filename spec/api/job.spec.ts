import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { job } from '../../lib/api/job.js';

describe('job', () => {
  // `job('x', ssc => ...)` compiles without types, and then failed as 'build is not a function'.
  for (const [said, args] of [
    ['a build function in the place of options', ['x', () => undefined]],
    ['no options', ['x', undefined, () => undefined]],
    ['no build function', ['x', {}]],
  ] as const) {
    it(`refuses ${said}`, () => {
      expect(() => (job as (...args: readonly unknown[]) => unknown)(...args))
        .to.throw(EngineError, "job 'x' wants a name, options and a build function: job('x', {}, ssc => { ... })")
        .with.property('code', 'jobInvalid');
    });
  }
});
