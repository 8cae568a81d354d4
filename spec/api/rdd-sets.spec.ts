import { expect } from 'chai';
import { compareKeys } from '../../lib/core/compare-keys.js';
import { keyOf } from '../../lib/core/value-key.js';
import { expectStream } from '../helpers/expect-stream.js';
import { pick, randomOf, type Random } from '../helpers/random-values.js';
import { PARTITIONS, withPartitions } from '../helpers/with-rdd.js';

const sorted = <T>(rows: readonly T[]): T[] => rows.toSorted(compareKeys);

/** Values of which several are the same by content, and others only look so. */
const VALUES: readonly unknown[] = [
  0,
  -0,
  '0',
  1,
  1n,
  true,
  null,
  undefined,
  'a',
  [1],
  ['1'],
  { a: 1, b: 2 },
  { b: 2, a: 1 },
];
const bag = (random: Random, length: number): unknown[] => Array.from({ length }, () => pick(random, VALUES));

const has = (rows: readonly unknown[], row: unknown): boolean => rows.some(other => keyOf(other) === keyOf(row));
const unique = (rows: readonly unknown[]): unknown[] => rows.filter((row, i) => !has(rows.slice(0, i), row));

for (const n of PARTITIONS) {
  describe(`RDDs of ${n} partitions as sets`, () => {
    it('distinct, subtract, intersection are what they are of lists', async () => {
      const random = randomOf(n);
      for (const [here, there] of [
        [20, 10],
        [10, 0],
        [0, 10],
        [0, 0],
      ] as const) {
        const rows = bag(random, here);
        const others = bag(random, there);
        const got = await withPartitions(rows, n, async (rdd, ssc) => {
          const other = ssc.parallelize(others, 3);
          return [
            await rdd.distinct().collect(),
            await rdd.subtract(other).collect(),
            await rdd.intersection(other, n).collect(),
          ];
        });
        expect(got.map(sorted), `${here} rows, ${there} others`).to.deep.equal(
          [unique(rows), rows.filter(row => !has(others, row)), unique(rows.filter(row => has(others, row)))].map(
            sorted,
          ),
        );
      }
    });

    it('subtractByKey keeps the pairs whose key is not there', async () => {
      const pairs: [string, number][] = [
        ['a', 1],
        ['b', 2],
        ['a', 3],
        ['c', 4],
        ['c', 4],
      ];
      const left = await withPartitions(pairs, n, (rdd, ssc) =>
        rdd
          .subtractByKey(
            ssc.parallelize<[string, null]>([
              ['a', null],
              ['x', null],
              ['a', null],
            ]),
          )
          .collect(),
      );
      expect(sorted(left)).to.deep.equal([
        ['b', 2],
        ['c', 4],
        ['c', 4],
      ]);
    });
  });
}

describe('Rdd.distinct', () => {
  it('keeps the first of the rows that are the same, as it was', async () => {
    const rows = [{ b: 1, a: 2 }, Buffer.from('x'), { a: 2, b: 1 }, new Uint8Array([120])];
    const kept = await withPartitions(rows, 1, rdd => rdd.distinct(1).collect());
    expect(kept.length).to.equal(2);
    expect(Object.keys(kept[0] as object)).to.deep.equal(['b', 'a']);
    expect(Buffer.isBuffer(kept[1])).to.equal(true);
  });

  it('has as many partitions as is said', async () => {
    const counts = await withPartitions([1, 1], 5, async rdd => [
      rdd.distinct(3).numPartitions,
      rdd.subtract(rdd, 4).numPartitions,
      rdd.intersection(rdd, 5).numPartitions,
      rdd.distinct().numPartitions,
    ]);
    expect(counts).to.deep.equal([3, 4, 5, 2]);
  });

  it('works on the batches of a stream in transform', async () => {
    await expectStream(
      [['a', 'b', 'a', 'x'], [], ['x']],
      (s, ssc) =>
        s.transform(rdd =>
          rdd
            .distinct()
            .subtract(ssc.parallelize(['x']))
            .map(row => row),
        ),
      [['a', 'b'], [], []],
    );
  });
});
