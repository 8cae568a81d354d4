import { expect } from 'chai';
import { checkKeyGroups, hashBytes, keyGroupOf, keyGroupRange, partitionOf, steerHash } from '../../lib/core/hash.js';
import { newMemory, randomKey, slicesOf } from '../columnar/key-fixture.js';
import { forSeeds, intBelow } from '../helpers/random-values.js';

const PINNED = [3364095457, 1347509624, 1302357660, 547876953, 3119895321, 2989537775, 3390225756, 3570053890];

const hashText = (text: string): number => {
  const bytes = Buffer.from(text);
  return hashBytes(bytes, 0, bytes.length);
};

describe('core/hash', () => {
  it('never changes: checkpoints depend on these values', () => {
    const texts = [
      '',
      'a',
      'user12345',
      '0123456789abcde',
      '0123456789abcdef',
      '0123456789abcdefg',
      'é',
      'x'.repeat(300),
    ];
    expect(texts.map(hashText)).to.deep.equal(PINNED);
  });

  it('is the same function in the kernels', () => {
    forSeeds(20, random => {
      const memory = newMemory();
      const keys = Array.from({ length: 200 }, () => randomKey(random));
      const { hashes } = slicesOf(memory, keys);
      const found = [...memory.u32.subarray(hashes / 4, hashes / 4 + keys.length)];
      expect(found).to.deep.equal(keys.map(key => hashBytes(key, 0, key.length)));
    });
  });

  it('hashes the part it is asked for', () => {
    expect(hashBytes(Buffer.from('..user12345..'), 2, 11)).to.equal(hashText('user12345'));
  });

  it('tells keys apart that differ in zeros at their end', () => {
    const hashes = Array.from({ length: 40 }, (_, length) => hashBytes(new Uint8Array(length), 0, length));
    expect(new Set(hashes).size).to.equal(40);
  });

  it('turns about half of its bits over when one bit of the key turns over', () => {
    for (const length of [1, 4, 8, 15, 16, 17, 40]) {
      let flipped = 0;
      const rounds = 64;
      for (let round = 0; round < rounds; round++) {
        const key = Uint8Array.from({ length }, (_, i) => (round * 31 + i * 17) & 255);
        const before = hashBytes(key, 0, length);
        for (let bit = 0; bit < length * 8; bit++) {
          key[bit >> 3] ^= 1 << (bit & 7);
          let differ = before ^ hashBytes(key, 0, length);
          for (; differ !== 0; differ &= differ - 1) flipped++;
          key[bit >> 3] ^= 1 << (bit & 7);
        }
      }
      expect(flipped / (rounds * length * 8 * 32), `length ${length}`).to.be.within(0.48, 0.52);
    }
  });

  it('spreads numbered keys over key groups and over the low bits evenly', () => {
    const groups = new Array<number>(128).fill(0);
    const low = new Array<number>(128).fill(0);
    const numKeys = 64_000;
    const distinct = new Set<number>();
    for (let i = 0; i < numKeys; i++) {
      const hash = hashText(`user${i}`);
      distinct.add(hash);
      groups[keyGroupOf(hash, 128)]++;
      low[hash & 127]++;
    }
    // 500 expected in each; six standard deviations of a fair draw are 134.
    for (const count of [...groups, ...low]) expect(count).to.be.within(366, 634);
    expect(numKeys - distinct.size).to.be.below(6);
  });

  it('cuts key groups into ranges that meet and agree with partitionOf', () => {
    for (const numKeyGroups of [1, 2, 8, 128, 1024]) {
      for (const numPartitions of [1, 2, 3, 5, 7, 8, 100, 128].filter(n => n <= numKeyGroups)) {
        let next = 0;
        for (let p = 0; p < numPartitions; p++) {
          const { from, to } = keyGroupRange(p, numPartitions, numKeyGroups);
          expect(from).to.equal(next);
          expect(to).to.be.above(from);
          for (let group = from; group < to; group++) {
            const hash = Math.floor((group * 2 ** 32) / numKeyGroups);
            expect(keyGroupOf(hash, numKeyGroups)).to.equal(group);
            expect(partitionOf(hash, numPartitions, numKeyGroups)).to.equal(p);
          }
          next = to;
        }
        expect(next).to.equal(numKeyGroups);
      }
    }
  });

  it('steers a key of 16 bytes to any hash by its last four', () => {
    forSeeds(1, random => {
      for (let i = 0; i < 10_000; i++) {
        const key = Uint8Array.from({ length: 16 }, () => intBelow(random, 256));
        const begin = key.slice(0, 12);
        const hash = [0, 1, 2 ** 31, 2 ** 32 - 1][i] ?? intBelow(random, 2 ** 32);
        steerHash(key, hash);
        expect(hashBytes(key, 0, 16)).to.equal(hash);
        expect(key.slice(0, 12)).to.deep.equal(begin);
      }
    });
    expect(() => steerHash(new Uint8Array(15), 1)).to.throw('16 bytes');
  });

  it('uses the whole hash when there are more partitions than key groups', () => {
    forSeeds(1, random => {
      const hashes = Array.from({ length: 1000 }, () => intBelow(random, 2 ** 32));
      expect(new Set(hashes.map(hash => partitionOf(hash, 300, 4))).size).to.be.above(250);
      for (const hash of [0, 2 ** 32 - 1]) expect(partitionOf(hash, 300, 4)).to.equal(hash === 0 ? 0 : 299);
    });
  });

  it('refuses more state partitions than key groups, and numbers of key groups that are no power of two', () => {
    expect(() => keyGroupRange(0, 9, 8))
      .to.throw('9 partitions')
      .with.property('code', 'optionInvalid');
    for (const wrong of [0, 3, 100, 65536, 1.5, -8, NaN]) {
      expect(() => checkKeyGroups(wrong), String(wrong))
        .to.throw('power of two')
        .with.property('code', 'optionInvalid');
    }
    for (const right of [1, 2, 128, 32768]) checkKeyGroups(right);
  });
});
