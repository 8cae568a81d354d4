import { expect } from 'chai';
import { GrowingBytes } from '../../../lib/sources/receiver/growing-bytes.js';
import { forSeeds, intBelow } from '../../helpers/random-values.js';

describe('GrowingBytes', () => {
  it('holds what was appended and not dropped', () => {
    forSeeds(50, random => {
      const bytes = new GrowingBytes(10_000);
      let expected = Buffer.alloc(0);
      for (let step = 0; step < 40; step++) {
        if (random() < 0.3) {
          const dropped = intBelow(random, expected.length + 1);
          bytes.drop(dropped);
          expected = expected.subarray(dropped);
        } else {
          const piece = Buffer.alloc(intBelow(random, 200), step);
          bytes.append(piece);
          expected = Buffer.concat([expected, piece]);
        }
        expect(bytes.view().equals(expected)).to.equal(true);
        expect(bytes.length).to.equal(expected.length);
      }
    });
  });

  it('says by how much it will grow, at most twofold and no further than its limit', () => {
    const bytes = new GrowingBytes(5000);
    const append = (byteLength: number): number => {
      const growth = bytes.growthFor(byteLength);
      bytes.append(Buffer.alloc(byteLength));
      return growth;
    };
    expect([1, 1023, 1, 1024, 1, 2950].map(append)).to.deep.equal([1024, 0, 1024, 1024 * 2, 0, 5000 - 4096]);
    bytes.clear();
    expect([bytes.length, bytes.growthFor(3000)]).to.deep.equal([0, 3000]);
  });
});
