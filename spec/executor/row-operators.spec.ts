import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import type { Rdd } from '../../lib/index.js';
import { rejection, withRdd } from '../helpers/with-rdd.js';

/** What collecting `build` of an RDD of two words is refused with: what types would have refused, from a job in JavaScript. */
const refusal = (build: (rdd: Rdd<never>) => Rdd<unknown>): Promise<unknown> =>
  withRdd(['a', 'b'], rdd => rejection(build(rdd as unknown as Rdd<never>).collect()));

describe('closures that give what no row may be', () => {
  const cases: readonly [string, (rdd: Rdd<never>) => Rdd<unknown>, string, RegExp][] = [
    [
      'an operation by key names the operation whose rows are no pairs',
      rdd => (rdd.map(word => `${word}!`) as unknown as Rdd<never>).reduceByKey(a => a),
      'typeMismatch',
      /an operation by key wants rows that are pairs \[key, value\], got "[ab]!" of map at .*row-operators\.spec/,
    ],
    [
      'an operation on values names itself',
      rdd => (rdd as Rdd<never>).mapValues(value => value),
      'typeMismatch',
      /mapValues at .* wants rows that are pairs \[key, value\], got "[ab]"/,
    ],
    [
      'a promise for a row is called one',
      rdd => rdd.map(async word => word),
      'typeMismatch',
      /failed in map at .*value\[0\] is a promise, and closures give their results at once: .*foreachPartition/,
    ],
    [
      'a promise for an answer is not taken for yes',
      rdd => rdd.filter((async () => false) as never),
      'jobInvalid',
      /the condition of filter at .* must be true or false at once, it gave a promise/,
    ],
  ];
  for (const [fact, build, code, message] of cases) {
    it(fact, async () => {
      const error = await refusal(build);
      expect(error).to.be.instanceOf(EngineError).with.property('code', code);
      expect((error as Error).message).to.match(message);
    });
  }
});
