import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { columnsConverter } from '../../lib/state/convert-rows.js';

const int64 = (value: bigint): Uint8Array => new Uint8Array(BigInt64Array.of(value).buffer);

describe('columnsConverter', () => {
  const from = [{ name: 'n', kind: 'int64', nullable: false }] as const;
  const numbers = [{ index: 0, toFloat64: true }];
  const { convert } = columnsConverter({ kind: 'columns', from, fromWide: 0, numbers, wide: [] }, [], 'counts');

  it('makes a float64 of an integer that has one, to the last', () => {
    for (const value of [0n, -1n, 2n ** 53n, -(2n ** 53n), 2n ** 60n])
      expect(new DataView(convert(int64(value)).buffer).getFloat64(0, true)).to.equal(Number(value));
  });

  it('refuses an integer that no float64 is, naming it and its column', () => {
    expect(() => convert(int64(2n ** 53n + 1n)))
      .to.throw(EngineError, "operator 'counts' has 9007199254740993 in column 'n', which no float64 is")
      .with.property('code', 'typeMismatch');
  });
});
