import { expect } from 'chai';
import { expectStream } from '../helpers/expect-stream.js';
import { PARTITIONS, rejection, withPartitions } from '../helpers/with-rdd.js';

const ROWS = Array.from({ length: 2000 }, (_, i) => i);
/** Five standard deviations around the mean of a binomial or Poisson count. */
const expectAbout = (count: number, mean: number): void => {
  expect(count).to.be.within(mean - 5 * Math.sqrt(mean), mean + 5 * Math.sqrt(mean));
};
const isAscending = (rows: readonly number[]): boolean => rows.every((row, i) => i === 0 || (rows[i - 1] ?? 0) <= row);

for (const n of PARTITIONS) {
  describe(`samples of ${n} partitions`, () => {
    it('takes each row at most once without replacement, in order, the same for the same seed', async () => {
      const [once, again, other] = await withPartitions(ROWS, n, async rdd => {
        const sample = rdd.sample(false, 0.3, 7);
        return [
          await sample.collect(),
          await rdd.sample(false, 0.3, 7).collect(),
          await rdd.sample(false, 0.3, 8).collect(),
        ];
      });
      expectAbout(once?.length ?? 0, 600);
      expect(new Set(once).size).to.equal(once?.length);
      expect(isAscending(once ?? [])).to.equal(true);
      expect(again).to.deep.equal(once);
      expect(other).to.not.deep.equal(once);
    });

    it('takes rows several times with replacement', async () => {
      const rows = await withPartitions(ROWS, n, rdd => rdd.sample(true, 1.5, 7).collect());
      expectAbout(rows.length, 3000);
      expect(isAscending(rows)).to.equal(true);
      // What is never drawn of a Poisson distribution with this mean: e to the power of -1.5.
      expectAbout(2000 - new Set(rows).size, 2000 * Math.exp(-1.5));
    });

    it('splits rows by weight, each into one RDD', async () => {
      const parts = await withPartitions(ROWS, n, rdd =>
        Promise.all(rdd.randomSplit([1, 0, 2, 1], 3).map(part => part.collect())),
      );
      expect(parts.flat().toSorted((a, b) => a - b)).to.deep.equal(ROWS);
      expect(parts[1]).to.deep.equal([]);
      [500, 0, 1000, 500].forEach((mean, i) => expectAbout(parts[i]?.length ?? 0, mean));
    });

    it('takes a sample of a size, in random order', async () => {
      const [few, more, all, none] = await withPartitions(ROWS, n, async rdd => [
        await rdd.takeSample(false, 100, 5),
        await rdd.takeSample(false, 100, 5),
        await rdd.takeSample(false, 5000, 5),
        await rdd.takeSample(false, 0, 5),
      ]);
      expect(few?.length).to.equal(100);
      expect(new Set(few).size).to.equal(100);
      expect(isAscending(few ?? [])).to.equal(false);
      expectAbout(few?.filter(row => row < 1000).length ?? 0, 50);
      expect(more).to.deep.equal(few);
      expect(all?.toSorted((a, b) => a - b)).to.deep.equal(ROWS);
      expect(none).to.deep.equal([]);
    });

    it('takes a sample of a size with replacement, larger than what there is', async () => {
      const drawn = await withPartitions([1, 2, 3], n, rdd => rdd.takeSample(true, 3000, 5));
      expect(drawn.length).to.equal(3000);
      for (const row of [1, 2, 3]) expectAbout(drawn.filter(other => other === row).length, 1000);
    });

    it('finds nothing in no rows', async () => {
      const nothing = await withPartitions<number, unknown[]>([], n, async rdd => [
        await rdd.sample(true, 2, 1).collect(),
        await rdd.sample(false, 1, 1).collect(),
        await rdd.takeSample(true, 3, 1),
        await rdd.takeSample(false, 3, 1),
        await rdd.randomSplit([1], 1)[0]?.collect(),
      ]);
      expect(nothing).to.deep.equal([[], [], [], [], []]);
    });
  });
}

describe('Rdd.sample', () => {
  it('takes all at 1 and none at 0', async () => {
    const [all, none] = await withPartitions(ROWS, 2, async rdd => [
      await rdd.sample(false, 1, 1).collect(),
      await rdd.sample(false, 0, 1).collect(),
    ]);
    expect(all).to.deep.equal(ROWS);
    expect(none).to.deep.equal([]);
  });

  it('takes other rows in each partition', async () => {
    const picked = await withPartitions([...ROWS, ...ROWS], 2, rdd => rdd.sample(false, 0.1, 1).glom().collect());
    expect(picked[0]).to.not.deep.equal(picked[1]);
  });

  it('takes the same rows of a union, computed and cached', async () => {
    const [before, after] = await withPartitions(ROWS, 2, async rdd => {
      const united = rdd.union(rdd.map(n => -n)).cache();
      const sample = united.sample(false, 0.1, 1);
      return [await sample.collect(), await sample.collect()];
    });
    expect(after).to.deep.equal(before);
  });

  it('takes rows of a stream in transform, by the batch time', async () => {
    const queued = Array.from({ length: 50 }, (_, i) => i);
    await expectStream(
      [queued, queued],
      s =>
        s.transform((rdd, time) =>
          rdd
            .sample(false, 0.5, time)
            .zip(rdd.sample(false, 0.5, time))
            .filter(([a, b]) => a !== b),
        ),
      [[], []],
    );
  });

  it('refuses fractions, weights and sizes that are none', async () => {
    const refusals = await withPartitions([1], 1, async rdd =>
      Promise.all(
        [
          async () => rdd.sample(false, 1.1, 1),
          async () => rdd.sample(false, -0.1, 1),
          async () => rdd.sample(false, Number.NaN, 1),
          async () => rdd.sample(true, -1, 1),
          async () => rdd.sample(true, Number.POSITIVE_INFINITY, 1),
          async () => rdd.randomSplit([], 1),
          async () => rdd.randomSplit([0, 0], 1),
          async () => rdd.randomSplit([1, -1], 1),
          async () => rdd.randomSplit([1, Number.NaN], 1),
          async () => rdd.takeSample(false, -1, 1),
          async () => rdd.takeSample(true, 1.5, 1),
        ].map(call => rejection(call())),
      ),
    );
    for (const [i, error] of refusals.entries()) expect(error, `call ${i}`).to.have.property('code', 'optionInvalid');
  });
});
