import { expect } from 'chai';
import { compareKeys } from '../../lib/core/compare-keys.js';
import { expectStream } from '../helpers/expect-stream.js';
import { intBelow, randomNumber, randomOf, randomString, type Random } from '../helpers/random-values.js';
import { PARTITIONS, rejection, withPartitions } from '../helpers/with-rdd.js';

type Row = readonly [key: unknown, position: number];

const KEYS: Record<string, (random: Random) => unknown> = {
  'numbers, NaN too': randomNumber,
  strings: random => randomString(random, 4),
  'few keys': random => intBelow(random, 3),
  bigints: random => BigInt(intBelow(random, 50)) ** 9n - 1000n,
  Dates: random => new Date(intBelow(random, 20)),
  arrays: random => [intBelow(random, 4), randomString(random, 2)],
};

/** Partitions before and after, and whether ascending. */
const SHAPES = [
  [1, 5, true],
  [2, 1, false],
  [5, 2, false],
] as const;

/** Sorts stably, whatever the runtime's sort does. */
const oracle = (rows: readonly Row[], ascending: boolean): Row[] =>
  rows.toSorted(([a, i], [b, j]) => (ascending ? compareKeys(a, b) : compareKeys(b, a)) || i - j);

describe('Rdd.sortBy', () => {
  for (const [what, keyOf] of Object.entries(KEYS)) {
    it(`sorts by ${what}, in ranges and stable`, async () => {
      const random = randomOf(11);
      for (const [n, wanted, ascending] of SHAPES) {
        const rows = Array.from({ length: 60 }, (_, i): Row => [keyOf(random), i]);
        const parts = await withPartitions(rows, n, rdd =>
          rdd
            .sortBy(([key]) => key, ascending, wanted)
            .glom()
            .collect(),
        );
        const where = `${n} to ${wanted} partitions`;
        expect(parts.length, where).to.equal(wanted);
        expect(parts.flat(), where).to.deep.equal(oracle(rows, ascending));
        for (const [i, part] of parts.entries()) {
          const next = parts[i + 1]?.[0];
          const last = part.at(-1);
          if (last !== undefined && next !== undefined)
            expect(compareKeys(last[0], next[0]), `${where}: equal keys in one partition`).to.not.equal(0);
        }
      }
    });
  }

  it('spreads rows evenly that are sorted, or sorted the other way, or much more of them in one partition', async () => {
    for (const rows of [Array.from({ length: 4000 }, (_, i) => i), Array.from({ length: 4000 }, (_, i) => -i)]) {
      const sizes = await withPartitions(rows, 3, async (rdd, ssc) => {
        const parts = await rdd
          .union(ssc.parallelize([1, 2, 3], 1))
          .sortBy(n => n, true, 4)
          .glom()
          .collect();
        return parts.map(part => part.length);
      });
      expect(Math.max(...sizes)).to.be.below(1400);
      expect(Math.min(...sizes)).to.be.above(600);
    }
  });

  it('keeps the order of rows with equal keys over a union of one RDD with itself', async () => {
    const sorted = await withPartitions([1, 2, 3, 4], 2, rdd =>
      rdd
        .union(rdd.map(n => -n))
        .sortBy(() => 'same', false, 3)
        .collect(),
    );
    expect(sorted).to.deep.equal([1, 2, 3, 4, -1, -2, -3, -4]);
  });

  it('sorts no rows, and into as many partitions as there are workers where nothing is said', async () => {
    for (const n of PARTITIONS) {
      const parts = await withPartitions<number, number[][]>([], n, rdd =>
        rdd
          .sortBy(x => x)
          .glom()
          .collect(),
      );
      expect(parts).to.deep.equal([[], []]);
    }
  });

  it('sorts the batches of a stream in transform', async () => {
    await expectStream(
      [[3, 1, 2], [], [5, 4]],
      s => s.union(s.map(n => n + 0.5)).transform(rdd => rdd.sortBy(n => n, false)),
      [[3.5, 3, 2.5, 2, 1.5, 1], [], [5.5, 5, 4.5, 4]],
    );
  });

  it('refuses no partitions, and keys that are none', async () => {
    const refused = (numPartitions: number, key: unknown): Promise<unknown> =>
      withPartitions([1, 2], 2, rdd => rejection((async () => rdd.sortBy(() => key, true, numPartitions).collect())()));
    expect(await refused(0, 1)).to.have.property('code', 'optionInvalid');
    expect(await refused(1.5, 1)).to.have.property('code', 'optionInvalid');
    expect(await refused(2, () => 1)).to.have.property('code', 'typeMismatch');
    expect(await refused(1, Symbol('s'))).to.have.property('code', 'typeMismatch');
  });
});

describe('Rdd.sortByKey', () => {
  for (const n of PARTITIONS) {
    it(`sorts pairs of ${n} partitions by key, both ways`, async () => {
      const pairs = ['b', 'a', 'c', 'a', 'B', '10', '9'].map((key, i): [string, number] => [key, i]);
      const both = await withPartitions(pairs, n, async rdd => [
        await rdd
          .sortByKey()
          .map(([key, i]) => `${key}${i}`)
          .collect(),
        await rdd
          .sortByKey(false, 3)
          .map(([key, i]) => `${key}${i}`)
          .collect(),
      ]);
      expect(both).to.deep.equal([
        ['105', '96', 'B4', 'a1', 'a3', 'b0', 'c2'],
        ['c2', 'b0', 'a1', 'a3', 'B4', '96', '105'],
      ]);
    });
  }
});

describe('Rdd.repartitionAndSortWithinPartitions', () => {
  for (const n of PARTITIONS) {
    it(`puts the pairs of ${n} partitions where the partitioner says, sorted there`, async () => {
      const random = randomOf(n);
      const pairs = Array.from({ length: 30 }, (_, i): [number, number] => [intBelow(random, 12), i]);
      const byParity = { numPartitions: 2, partitionOf: (key: number) => key % 2 };
      const [up, down] = await withPartitions(pairs, n, async rdd => [
        await rdd.repartitionAndSortWithinPartitions(byParity).glom().collect(),
        await rdd.repartitionAndSortWithinPartitions(byParity, false).glom().collect(),
      ]);
      const part = (rest: number, sign: number): [number, number][] =>
        pairs.filter(([key]) => key % 2 === rest).sort(([a, i], [b, j]) => sign * (a - b) || i - j);
      expect(up).to.deep.equal([part(0, 1), part(1, 1)]);
      expect(down).to.deep.equal([part(0, -1), part(1, -1)]);
    });
  }

  it('takes no pairs', async () => {
    const pairs: [string, number][] = [];
    const parts = await withPartitions(pairs, 2, rdd => rdd.repartitionAndSortWithinPartitions(3).glom().collect());
    expect(parts).to.deep.equal([[], [], []]);
  });
});

describe('Rdd.top, takeOrdered, max, min', () => {
  for (const n of PARTITIONS) {
    it(`finds the first and last of ${n} partitions`, async () => {
      const random = randomOf(n);
      const rows = Array.from({ length: 300 }, (_, i): [number, number] => [intBelow(random, 40), i]);
      const up = rows.toSorted(([a, i], [b, j]) => a - b || i - j);
      const down = rows.toSorted(([a, i], [b, j]) => b - a || i - j);
      await withPartitions(rows, n, async rdd => {
        const by = ([key]: [number, number]): number => key;
        for (const count of [0, 1, 7, 299, 1000]) {
          expect(await rdd.takeOrdered(count, by)).to.deep.equal(up.slice(0, count));
          expect(await rdd.top(count, by)).to.deep.equal(down.slice(0, count));
        }
        expect(await rdd.min(by)).to.deep.equal(up[0]);
        expect(await rdd.max(by)).to.deep.equal(down[0]);
      });
    });
  }

  it('goes by the rows themselves where nothing is said', async () => {
    const found = await withPartitions(['b', 'a', 'c'], 2, async rdd => [
      await rdd.top(2),
      await rdd.takeOrdered(2),
      await rdd.max(),
      await rdd.min(),
    ]);
    expect(found).to.deep.equal([['c', 'b'], ['a', 'b'], 'c', 'a']);
  });

  it('finds nothing where there is nothing', async () => {
    const found = await withPartitions<number, unknown[]>([], 5, async rdd => [
      await rdd.top(2),
      await rdd.takeOrdered(2),
      await rdd.max(),
      await rdd.min(),
    ]);
    expect(found).to.deep.equal([[], [], undefined, undefined]);
  });
});
