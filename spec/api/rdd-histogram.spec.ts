import { expect } from 'chai';
import { randomOf } from '../helpers/random-values.js';
import { PARTITIONS, rejection, withPartitions } from '../helpers/with-rdd.js';

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

const countsOf = (rows: readonly number[], edges: readonly number[]): Promise<readonly number[]> =>
  withPartitions(rows, 2, async rdd => (await rdd.histogram(edges)).counts);
const codeOf = (rows: readonly number[], buckets: number | readonly number[]): Promise<unknown> =>
  withPartitions(rows, 2, async rdd => ((await rejection(rdd.histogram(buckets))) as { code?: unknown }).code);

describe('Rdd.histogram', () => {
  it('counts from a border up to the next, in the last bucket with it', async () => {
    expect(await countsOf([0, 0.5, 1, 1.5, 2, 3, 3], [0, 1, 2, 3])).to.deep.equal([2, 2, 3]);
    expect(await countsOf([1, 2, 10], [1, 10])).to.deep.equal([3]);
  });

  it('leaves out what lies outside, and NaN', async () => {
    expect(await countsOf([-1, -infinity, nan, 0, 2.1, infinity, 2], [0, 1, 2])).to.deep.equal([1, 1]);
    expect(await countsOf([], [0, 1, 2])).to.deep.equal([0, 0]);
  });

  it('takes borders at infinity and of different widths', async () => {
    expect(await countsOf([-infinity, -5, 0, 1e300, infinity, nan], [-infinity, 0, 1, infinity])).to.deep.equal([
      2, 1, 2,
    ]);
    expect(await countsOf([1, 5, 50, 500], [0, 1, 10, 1000])).to.deep.equal([0, 2, 2]);
  });

  for (const n of PARTITIONS) {
    it(`cuts the range of ${n} partitions into buckets of one width`, async () => {
      const random = randomOf(n);
      const rows = [0, 10, ...Array.from({ length: 60 }, () => random() * 10)];
      const { edges, counts } = await withPartitions(rows, n, rdd => rdd.histogram(4));
      expect(edges).to.deep.equal([0, 2.5, 5, 7.5, 10]);
      const wanted = [0, 1, 2, 3].map(i => rows.filter(x => Math.min(3, Math.floor(x / 2.5)) === i).length);
      expect(counts).to.deep.equal(wanted);
    });
  }

  it('makes one bucket where all numbers are the same', async () => {
    const same = await withPartitions([3, 3, 3], 2, rdd => rdd.histogram(5));
    expect(same).to.deep.equal({ edges: [3, 3], counts: [3] });
  });

  it('counts every number between the extremes, where widths have to be rounded too', async () => {
    const rows = Array.from({ length: 100 }, (_, i) => i * 0.1 + 0.1);
    const { counts, edges } = await withPartitions(rows, 2, rdd => rdd.histogram(7));
    expect(counts.reduce((a, b) => a + b)).to.equal(100);
    expect([edges.length, edges[0], edges[7]]).to.deep.equal([8, 0.1, rows[99]]);
  });

  it('refuses to cut the range of nothing, and one that is infinite', async () => {
    expect(await codeOf([], 3)).to.equal('emptyRdd');
    for (const odd of [nan, infinity, -infinity])
      expect(await codeOf([1, odd, 2], 3), `${odd}`).to.equal('typeMismatch');
  });

  it('refuses buckets that are none', async () => {
    for (const buckets of [0, -1, 1.5, nan, [], [1], [1, 1], [2, 1], [0, 2, 1], [nan, 1], [0, nan]])
      expect(await codeOf([1], buckets), `${buckets}`).to.equal('optionInvalid');
  });
});
