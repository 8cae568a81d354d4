import { expect } from 'chai';
import { BEFORE_ALL, decodeTimed, encodeTimed, timeOf } from '../../lib/state/timed-value.js';

describe('state/timed-value', () => {
  const states = [undefined, null, 0, 'text', { n: [1n, new Date(5)] }, new Map([['a', new Set([1])]])];

  it('holds any state and the time of its update, wherever in memory it lies', () => {
    for (const time of [0, 1_700_000_000_000, 0.5, BEFORE_ALL]) {
      for (const state of states) {
        const value = encodeTimed(time, state);
        for (const offset of [0, 1, 7]) {
          const memory = new Uint8Array(new SharedArrayBuffer(value.length + offset + 5));
          memory.set(value, offset);
          const view = memory.subarray(offset, offset + value.length);
          expect([timeOf(view), decodeTimed(view)]).to.deep.equal([time, state]);
        }
      }
    }
  });

  it('of an initial state is older than any other', () => {
    expect(timeOf(encodeTimed(BEFORE_ALL, 1))).to.be.lessThan(-Number.MAX_VALUE);
  });
});
