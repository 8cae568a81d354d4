import { expect } from 'chai';
import { decodeValue, encodeValue } from '../../../lib/core/value-codec.js';
import type { Scalar, WideAccumulators } from '../../../lib/columnar/wide/wide-aggregate.js';
import { intBelow, type Random } from '../../helpers/random-values.js';

export const filled = <A extends WideAccumulators>(made: A, values: Iterable<Scalar>): A => {
  for (const value of values) made.add(1, value);
  return made;
};

/** As a partial comes to another task or out of the state. */
export const sent = (partial: unknown): unknown => decodeValue(encodeValue(partial));

export const bytesOf = (made: WideAccumulators): string => Buffer.from(encodeValue(made.partial(1))).toString('hex');

/** The values cut into portions that some accumulators take and a last one merges, in order; group 2 stays empty. */
export function inPortions<A extends WideAccumulators>(random: Random, make: () => A, values: readonly Scalar[]): A {
  const merged = make();
  for (let from = 0; from < values.length;) {
    const to = from + 1 + intBelow(random, values.length);
    const portion = filled(make(), values.slice(from, to));
    const before = bytesOf(portion);
    merged.merge(1, sent(portion.partial(1)));
    merged.merge(2, sent(portion.partial(2)));
    expect(bytesOf(portion), 'what is merged stays as it was').to.equal(before);
    from = to;
  }
  expect(merged.partial(2)).to.equal(undefined);
  return merged;
}
