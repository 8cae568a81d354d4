import { expect } from 'chai';
import { Rdd } from '../../lib/api/rdd.js';

describe('Rdd', () => {
  const rdd = new Rdd([[1, 2], [], [3]]);

  it('collects its rows in order of partition', async () => {
    expect(await rdd.collect()).to.deep.equal([1, 2, 3]);
    const seen: number[] = [];
    await rdd.foreach(row => seen.push(row));
    expect(seen).to.deep.equal([1, 2, 3]);
  });

  it('takes its first rows, as many as there are', async () => {
    expect(await rdd.take(0)).to.deep.equal([]);
    expect(await rdd.take(1)).to.deep.equal([1]);
    expect(await rdd.take(3)).to.deep.equal([1, 2, 3]);
    expect(await rdd.take(9)).to.deep.equal([1, 2, 3]);
  });

  it('counts rows and partitions', async () => {
    expect([await rdd.count(), rdd.numPartitions, await rdd.isEmpty()]).to.deep.equal([3, 3, false]);
    const empty = new Rdd([[], []]);
    expect([await empty.count(), empty.numPartitions, await empty.isEmpty()]).to.deep.equal([0, 2, true]);
    expect(await new Rdd([]).isEmpty()).to.equal(true);
  });
});
