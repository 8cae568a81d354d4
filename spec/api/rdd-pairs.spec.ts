import { expect } from 'chai';
import { compareKeys } from '../../lib/core/compare-keys.js';
import { PARTITIONS, withPartitions } from '../helpers/with-rdd.js';

const sorted = <T>(rows: readonly T[]): T[] => rows.toSorted(compareKeys);

for (const n of PARTITIONS) {
  describe(`pairs in ${n} partitions`, () => {
    it('are made by keyBy and groupBy, and taken apart by keys and values', async () => {
      const got = await withPartitions([1, 2, 3, 4, 5], n, async rdd => ({
        keyed: await rdd.keyBy(row => row % 2).collect(),
        grouped: sorted(await rdd.groupBy(row => row % 2, 3).collect()),
        keys: await rdd
          .keyBy(row => row % 2)
          .keys()
          .collect(),
        values: await rdd
          .keyBy(row => row % 2)
          .values()
          .collect(),
      }));
      expect(got).to.deep.equal({
        keyed: [1, 2, 3, 4, 5].map(row => [row % 2, row]),
        grouped: [
          [0, [2, 4]],
          [1, [1, 3, 5]],
        ],
        keys: [1, 0, 1, 0, 1],
        values: [1, 2, 3, 4, 5],
      });
    });

    it('are folded by key', async () => {
      const pairs = [1, 2, 3, 4, 5].map((row): [string, number[]] => [row % 2 === 0 ? 'even' : 'odd', [row]]);
      const append = (a: number[], b: number[]): number[] => (a.push(...b), a);
      const folded = await withPartitions(pairs, n, rdd => rdd.foldByKey([], append).collect());
      expect(sorted(folded)).to.deep.equal([
        ['even', [2, 4]],
        ['odd', [1, 3, 5]],
      ]);
    });

    it('are grouped with those of up to three others', async () => {
      const pairs: [string, number][] = [
        ['a', 1],
        ['b', 2],
        ['a', 3],
      ];
      const got = await withPartitions(pairs, n, async (rdd, ssc) => {
        const words = ssc.parallelize<[string, string]>([['a', 'x']]);
        const flags = ssc.parallelize<[string, boolean]>([['c', true]]);
        return [
          sorted(await rdd.groupWith(words).collect()),
          sorted(await rdd.groupWith(words, flags).collect()),
          sorted(await rdd.groupWith(words, flags, rdd).collect()),
        ];
      });
      expect(got).to.deep.equal([
        [
          ['a', [[1, 3], ['x']]],
          ['b', [[2], []]],
        ],
        [
          ['a', [[1, 3], ['x'], []]],
          ['b', [[2], [], []]],
          ['c', [[], [], [true]]],
        ],
        [
          ['a', [[1, 3], ['x'], [], [1, 3]]],
          ['b', [[2], [], [], [2]]],
          ['c', [[], [], [true], []]],
        ],
      ]);
    });

    it('are none where there are no rows', async () => {
      const got = await withPartitions<number, unknown[]>([], n, async rdd => [
        await rdd.keyBy(row => row).collect(),
        await rdd.groupBy(row => row).collect(),
        await rdd
          .keyBy(row => row)
          .foldByKey(0, (a, b) => a + b)
          .collect(),
        await rdd
          .keyBy(row => row)
          .groupWith(rdd.keyBy(row => row))
          .collect(),
      ]);
      expect(got).to.deep.equal([[], [], [], []]);
    });
  });
}
