import { expect } from 'chai';
import { intBelow, randomOf } from '../helpers/random-values.js';
import { PARTITIONS, rejection, withPartitions } from '../helpers/with-rdd.js';

const plus = (a: number, b: number): number => a + b;
const byKey = <V>(map: ReadonlyMap<string, V>): [string, V][] => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));

describe('Rdd.first', () => {
  for (const n of PARTITIONS) {
    it(`is the first row of ${n} partitions, the first ones empty or not`, async () => {
      const found = await withPartitions([1, 2, 3], n, async rdd => [
        await rdd.first(),
        await rdd.filter(row => row === 3).first(),
        await rdd.map(row => row * 2).first(),
      ]);
      expect(found).to.deep.equal([1, 3, 2]);
    });

    it(`refuses ${n} partitions without rows`, async () => {
      const error = await withPartitions([1], n, rdd => rejection(rdd.filter(() => false).first()));
      expect(error).to.have.property('code', 'emptyRdd');
      expect(String(error)).to.match(/filter at .*rdd-reduce\.spec\.ts:\d+ has none/);
    });
  }

  it('may be a row that is undefined', async () => {
    expect(await withPartitions([undefined, 1], 1, async rdd => [await rdd.first()])).to.deep.equal([undefined]);
  });
});

describe('Rdd.fold, aggregate', () => {
  for (const n of PARTITIONS) {
    it(`counts the zero once for each of ${n} partitions, empty ones too, and once more`, async () => {
      for (const rows of [[1, 2, 3], [5], []]) {
        const folded = await withPartitions(rows, n, rdd => rdd.fold(100, plus));
        expect(folded, `${rows.length} rows`).to.equal(rows.reduce(plus, 0) + 100 * (n + 1));
      }
    });

    it(`aggregates ${n} partitions in order, into a zero that may be changed`, async () => {
      const rows = ['a', 'b', 'c', 'd'];
      const got = await withPartitions(rows, n, async rdd => {
        const push = (list: string[], row: string): string[] => (list.push(row), list);
        const append = (a: string[], b: string[]): string[] => (a.push(...b), a);
        return [await rdd.aggregate<string[]>([], push, append), await rdd.treeAggregate<string[]>([], push, append)];
      });
      expect(got).to.deep.equal([rows, rows]);
    });

    it(`reduces ${n} partitions as a tree, or nothing`, async () => {
      expect(await withPartitions([1, 2, 3], n, rdd => rdd.treeReduce(plus))).to.equal(6);
      expect(await withPartitions<number, unknown>([], n, rdd => rdd.treeReduce(plus))).to.equal(undefined);
    });
  }
});

describe('actions by key', () => {
  for (const n of PARTITIONS) {
    const random = randomOf(n);
    const pairs = Array.from({ length: 30 }, (_, i): [string, number] => ['abcd'.charAt(intBelow(random, 4)), i]);
    const valuesOf = (key: string): number[] => pairs.flatMap(([other, value]) => (other === key ? [value] : []));
    const expected = <V>(f: (values: number[]) => V): [string, V][] =>
      ['a', 'b', 'c', 'd'].map(key => [key, f(valuesOf(key))]);

    it(`reduce, count, map and look up ${n} partitions`, async () => {
      const got = await withPartitions(pairs, n, async rdd => ({
        sums: byKey(await rdd.reduceByKeyLocally(plus)),
        counts: byKey(await rdd.countByKey()),
        last: byKey(await rdd.collectAsMap()),
        found: await rdd.lookup('c'),
        missing: await rdd.lookup('x'),
        byValue: byKey(await rdd.keys().countByValue()),
      }));
      expect(got).to.deep.equal({
        sums: expected(values => values.reduce(plus)),
        counts: expected(values => values.length),
        last: expected(values => values.at(-1)),
        found: valuesOf('c'),
        missing: [],
        byValue: expected(values => values.length),
      });
    });

    it(`give empty Maps for ${n} partitions without rows`, async () => {
      const none: [string, number][] = [];
      const got = await withPartitions(none, n, async rdd => [
        await rdd.reduceByKeyLocally(plus),
        await rdd.countByKey(),
        await rdd.collectAsMap(),
        await rdd.countByValue(),
        await rdd.lookup('a'),
      ]);
      expect(got).to.deep.equal([new Map(), new Map(), new Map(), new Map(), []]);
    });
  }

  it('take keys by their content', async () => {
    const pairs: [readonly [number, string], number][] = [
      [[1, 'a'], 1],
      [[1, 'b'], 2],
      [[1, 'a'], 3],
    ];
    const got = await withPartitions(pairs, 2, async rdd => [
      [...(await rdd.countByKey())],
      await rdd.lookup([1, 'a']),
      [...(await rdd.keys().countByValue())],
    ]);
    const counts = [
      [[1, 'a'], 2],
      [[1, 'b'], 1],
    ];
    expect(got).to.deep.equal([counts, [1, 3], counts]);
  });
});
