import { expect } from 'chai';
import { expectStream } from '../helpers/expect-stream.js';
import { intBelow, randomOf } from '../helpers/random-values.js';
import { PARTITIONS, rejection, withPartitions, withRdd } from '../helpers/with-rdd.js';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
/** Partition p of n holds rows [p * length / n, (p + 1) * length / n). */
const cut = <T>(rows: readonly T[], n: number): T[][] =>
  range(n).map(p => rows.slice(Math.floor((p * rows.length) / n), Math.floor(((p + 1) * rows.length) / n)));
const addIndex = (index: number, rows: Iterable<unknown>): unknown[] => [[index, [...rows]]];

describe('Rdd.mapPartitionsWithIndex', () => {
  for (const n of PARTITIONS) {
    for (const numRows of [0, 3, 17]) {
      it(`numbers ${n} partitions of ${numRows} rows`, async () => {
        const rows = range(numRows);
        const indexed = await withPartitions(rows, n, rdd => rdd.mapPartitionsWithIndex(addIndex).collect());
        expect(indexed).to.deep.equal(cut(rows, n).map((part, index) => [index, part]));
      });
    }
  }

  it('counts over the whole of a union, also of one RDD with itself and of unions', async () => {
    const result = await withPartitions([1, 2, 3, 4], 2, async (rdd, ssc) => {
      const more = rdd.map(n => n * 10);
      const united = rdd.union(more, ssc.parallelize([7], 1)).union(rdd.union(more).repartition(1), rdd);
      const indexes = await united.mapPartitionsWithIndex(index => [index]).collect();
      const first = await united
        .mapPartitionsWithIndex((index, rows) => (index < 5 ? [[index, [...rows]]] : []))
        .collect();
      return { indexes, first };
    });
    expect(result.indexes).to.deep.equal(range(8));
    expect(result.first).to.deep.equal([
      [0, [1, 2]],
      [1, [3, 4]],
      [2, [10, 20]],
      [3, [30, 40]],
      [4, [7]],
    ]);
  });

  it('numbers what is cached as before', async () => {
    const both = await withPartitions([1, 2, 3, 4], 2, async rdd => {
      const united = rdd.union(rdd.map(n => -n)).cache();
      const indexed = united.map(n => n).mapPartitionsWithIndex(addIndex);
      return [await indexed.collect(), await indexed.collect()];
    });
    expect(both[0]).to.deep.equal([
      [0, [1, 2]],
      [1, [3, 4]],
      [2, [-1, -2]],
      [3, [-3, -4]],
    ]);
    expect(both[1]).to.deep.equal(both[0]);
  });

  it('numbers the partitions of a stream in transform', async () => {
    await expectStream(
      [[1, 2, 3, 4], [], [5]],
      s => s.union(s.map(n => -n)).transform(rdd => rdd.mapPartitionsWithIndex(addIndex)),
      [
        [
          [0, [1, 2]],
          [1, [3, 4]],
          [2, [-1, -2]],
          [3, [-3, -4]],
        ],
        [
          [0, []],
          [1, []],
          [2, []],
          [3, []],
        ],
        [
          [0, []],
          [1, [5]],
          [2, []],
          [3, [-5]],
        ],
      ],
    );
  });
});

describe('Rdd.zipWithIndex', () => {
  for (const n of PARTITIONS) {
    for (const numRows of [0, 4, 23]) {
      it(`counts ${numRows} rows in ${n} partitions, which stay as they are`, async () => {
        const rows = range(numRows).map(i => `r${i}`);
        const [zipped, parts] = await withPartitions(rows, n, async rdd => {
          const indexed = rdd.filter(row => row !== 'r2').zipWithIndex();
          return [await indexed.collect(), (await indexed.glom().collect()).map(part => part.length)] as const;
        });
        const kept = rows.filter(row => row !== 'r2');
        expect(zipped).to.deep.equal(kept.map((row, i) => [row, i]));
        expect(parts).to.deep.equal(cut(rows, n).map(part => part.filter(row => row !== 'r2').length));
      });
    }
  }

  it('counts over a union of one RDD with itself, and in transform', async () => {
    const twice = await withPartitions(['a', 'b', 'c'], 2, rdd => rdd.union(rdd).zipWithIndex().collect());
    expect(twice).to.deep.equal(['a', 'b', 'c', 'a', 'b', 'c'].map((row, i) => [row, i]));
    await expectStream([['a', 'b', 'c'], []], s => s.union(s).transform(rdd => rdd.zipWithIndex()), [
      ['a', 'b', 'c', 'a', 'b', 'c'].map((row, i): [string, number] => [row, i]),
      [],
    ]);
  });
});

describe('Rdd.zipWithUniqueId', () => {
  for (const n of PARTITIONS) {
    it(`gives row i of partition p of ${n} the id i * ${n} + p`, async () => {
      const rows = range(12);
      const zipped = await withPartitions(rows, n, rdd => rdd.zipWithUniqueId().collect());
      expect(zipped).to.deep.equal(cut(rows, n).flatMap((part, p) => part.map((row, i) => [row, i * n + p])));
    });
  }

  it('gives no ids to no rows', async () => {
    expect(await withPartitions([], 2, rdd => rdd.zipWithUniqueId().collect())).to.deep.equal([]);
  });
});

describe('Rdd.zip', () => {
  for (const n of PARTITIONS) {
    it(`pairs the rows of ${n} partitions`, async () => {
      const rows = range(11);
      const zipped = await withPartitions(rows, n, (rdd, ssc) =>
        rdd.zip(ssc.parallelize(rows, n).map(row => `${row}`)).collect(),
      );
      expect(zipped).to.deep.equal(rows.map(row => [row, `${row}`]));
      expect(await withPartitions([], n, rdd => rdd.zip(rdd).collect())).to.deep.equal([]);
    });
  }

  it('refuses other numbers of partitions', async () => {
    const error = await withPartitions([1, 2], 2, (rdd, ssc) =>
      rejection((async () => rdd.zip(ssc.parallelize([1, 2], 3)).collect())()),
    );
    expect(error).to.have.property('code', 'jobInvalid');
    expect(String(error)).to.contain('got 2 and 3');
  });

  it('refuses other numbers of rows, also none, and says where', async () => {
    for (const others of [[1, 2, 3], [1, 2], [1, 2, 3, 4, 5], []]) {
      const error = await withPartitions([1, 2, 3, 4], 2, (rdd, ssc) =>
        rejection(rdd.zip(ssc.parallelize(others, 2)).collect()),
      );
      expect(error, `${others.length} rows`).to.have.property('code', 'jobInvalid');
      expect(String(error)).to.contain('zip wants as many rows on both sides');
    }
  });

  it('pairs the rows of streams in transform, however they are partitioned', async () => {
    await expectStream(
      [[1, 2, 3], []],
      (s, ssc) => s.transform((rdd, time) => rdd.zip(ssc.parallelize(time === 1000 ? ['a', 'b', 'c'] : [], 1))),
      [
        [
          [1, 'a'],
          [2, 'b'],
          [3, 'c'],
        ],
        [],
      ],
    );
  });
});

describe('Rdd.coalesce', () => {
  it('puts partitions that lie side by side together', async () => {
    for (const [n, wanted] of [
      [5, 1],
      [5, 2],
      [5, 3],
      [7, 4],
      [2, 2],
      [2, 5],
      [1, 1],
    ] as const) {
      const rows = range(20);
      const parts = await withPartitions(rows, n, rdd => rdd.coalesce(wanted).glom().collect());
      const expected = Math.min(n, wanted);
      expect(parts.length, `${n} to ${wanted}`).to.equal(expected);
      expect(parts.flat(), `${n} to ${wanted}`).to.deep.equal(rows);
      const before = cut(rows, n);
      for (const part of parts)
        expect(
          before.some(one => one[0] === part[0]),
          'whole partitions',
        ).to.equal(true);
      expect(Math.max(...parts.map(part => part.length)) - Math.min(...parts.map(part => part.length))).to.be.at.most(
        8,
      );
    }
  });

  it('keeps the order of a union of one RDD with itself', async () => {
    const rows = await withPartitions([1, 2, 3, 4], 2, rdd =>
      rdd
        .union(rdd.map(n => -n))
        .coalesce(2)
        .glom()
        .collect(),
    );
    expect(rows).to.deep.equal([
      [1, 2, 3, 4],
      [-1, -2, -3, -4],
    ]);
  });

  it('is an RDD of its own where there are few enough partitions already', async () => {
    const cached = await withPartitions([1, 2, 3], 2, async rdd => {
      const same = rdd.coalesce(5).cache();
      return [same.lineage.isCached, rdd.lineage.isCached, await same.mapPartitionsWithIndex(addIndex).collect()];
    });
    expect(cached).to.deep.equal([
      true,
      false,
      [
        [0, [1]],
        [1, [2, 3]],
      ],
    ]);
  });

  it('makes more partitions with a shuffle only', async () => {
    const counts = await withPartitions([1, 2, 3], 2, async rdd => [
      rdd.coalesce(4).numPartitions,
      rdd.coalesce(4, true).numPartitions,
      (await rdd.coalesce(4, true).collect()).length,
    ]);
    expect(counts).to.deep.equal([2, 4, 3]);
  });

  it('refuses no partitions, and takes an RDD without rows', async () => {
    expect(await withPartitions([], 5, rdd => rdd.coalesce(2).glom().collect())).to.deep.equal([[], []]);
    const error = await withPartitions([1], 2, rdd => rejection((async () => rdd.coalesce(0))()));
    expect(error).to.have.property('code', 'optionInvalid');
  });
});

describe('Rdd.cartesian', () => {
  it('pairs every row with every row, partition by partition', async () => {
    const random = randomOf(3);
    for (const n of PARTITIONS) {
      for (const m of PARTITIONS) {
        const rows = Array.from({ length: intBelow(random, 9) }, () => intBelow(random, 5));
        const others = Array.from({ length: intBelow(random, 9) }, () => `${intBelow(random, 5)}`);
        const parts = await withPartitions(rows, n, (rdd, ssc) =>
          rdd.cartesian(ssc.parallelize(others, m)).glom().collect(),
        );
        const expected = cut(rows, n).flatMap(as => cut(others, m).map(bs => as.flatMap(a => bs.map(b => [a, b]))));
        expect(parts, `${n} x ${m}`).to.deep.equal(expected);
      }
    }
  });

  it('is empty where a side is, and works in transform', async () => {
    expect(await withRdd([1, 2], (rdd, ssc) => rdd.cartesian(ssc.parallelize([])).collect())).to.deep.equal([]);
    await expectStream([[1, 2], []], (s, ssc) => s.transform(rdd => rdd.cartesian(ssc.parallelize(['a', 'b'], 2))), [
      [
        [1, 'a'],
        [1, 'b'],
        [2, 'a'],
        [2, 'b'],
      ],
      [],
    ]);
  });
});
