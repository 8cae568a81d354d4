import { expect } from 'chai';
import type { Rdd } from '../../lib/index.js';
import { expectStream } from '../helpers/expect-stream.js';
import { withRdd } from '../helpers/with-rdd.js';

describe('Rdd', () => {
  it('collects its rows in order of partition, without a task', async () => {
    expect(await withRdd([1, 2, 3], rdd => rdd.collect())).to.deep.equal([1, 2, 3]);
  });

  it('takes its first rows, as many as there are', async () => {
    const taken = await withRdd([1, 2, 3], rdd => Promise.all([0, 1, 3, 9].map(n => rdd.take(n))));
    expect(taken).to.deep.equal([[], [1], [1, 2, 3], [1, 2, 3]]);
  });

  it('counts rows and partitions', async () => {
    const counted = await withRdd([1, 2, 3], async rdd => [await rdd.count(), rdd.numPartitions, await rdd.isEmpty()]);
    expect(counted).to.deep.equal([3, 2, false]);
    const empty = await withRdd([], async rdd => [await rdd.count(), rdd.numPartitions, await rdd.isEmpty()]);
    expect(empty).to.deep.equal([0, 2, true]);
  });

  it('computes operations with closures in the workers', async () => {
    const sums = await withRdd(['a b', 'b', 'c b'], rdd =>
      rdd
        .flatMap(line => line.split(' '))
        .map((word): [string, number] => [word, 1])
        .reduceByKey((a, b) => a + b)
        .collect(),
    );
    expect(sums.toSorted()).to.deep.equal([
      ['a', 1],
      ['b', 3],
      ['c', 1],
    ]);
  });

  it('runs actions one after another, closures of later ones with results of those before', async () => {
    const result = await withRdd([1, 2, 3, 4], async rdd => {
      const sum = (await rdd.reduce((a, b) => a + b)) ?? 0;
      const above = rdd.filter(n => n * 4 > sum);
      const [count, rows] = await Promise.all([above.count(), above.collect()]);
      return { sum, count, rows: await above.map(n => n + count + rows.length).collect() };
    });
    expect(result).to.deep.equal({ sum: 10, count: 2, rows: [7, 8] });
  });

  it('gives the reduction of no rows as undefined', async () => {
    expect(await withRdd<number, unknown>([], rdd => rdd.reduce((a, b) => a + b))).to.equal(undefined);
  });

  it('keeps what is cached for the actions after', async () => {
    // Not a number: plain data that a closure uses must not change while the job runs.
    class Calls {
      count = 0;
    }
    const calls = new Calls();
    const result = await withRdd([1, 2, 3], async rdd => {
      const cached = rdd
        .map(n => {
          calls.count++;
          return n * 2;
        })
        .cache();
      const count = await cached.count();
      const rows = await cached.collect();
      const sums = await cached.map(n => n + 1).collect();
      return [count, rows, sums];
    });
    expect(result).to.deep.equal([3, [2, 4, 6], [3, 5, 7]]);
    expect(calls.count).to.equal(3);
  });

  it('joins with values of the program', async () => {
    const joined = await withRdd(['a', 'b', 'x'], (rdd, ssc) =>
      rdd
        .map((key): [string, number] => [key, 1])
        .join(
          ssc.parallelize<[string, string]>([
            ['a', 'A'],
            ['b', 'B'],
          ]),
        )
        .collect(),
    );
    expect(joined.toSorted()).to.deep.equal([
      ['a', [1, 'A']],
      ['b', [1, 'B']],
    ]);
  });

  it('puts pairs where a partitioner says', async () => {
    const byParity = { numPartitions: 2, partitionOf: (key: number) => key % 2 };
    const parts = await withRdd([1, 2, 3, 4, 5], rdd =>
      rdd
        .map((n): [number, number] => [n, n])
        .reduceByKey((a, b) => a + b, byParity)
        .map(([n]) => n)
        .glom()
        .collect(),
    );
    expect(parts.map(part => part.toSorted())).to.deep.equal([
      [2, 4],
      [1, 3, 5],
    ]);
  });

  it('goes on after an action that failed and was caught', async () => {
    const rows = await withRdd([1, 2, 3], async rdd => {
      const failing = rdd.map((n): number => {
        throw new Error(`no ${n}`);
      });
      const error = await failing.count().catch((thrown: unknown) => thrown);
      const code = (error as { code?: string }).code ?? '';
      return rdd.map(n => `${code} ${n}`).collect();
    });
    expect(rows).to.deep.equal(['batchFailed 1', 'batchFailed 2', 'batchFailed 3']);
  });

  it('refuses the RDD of a transform, and goes on after that', async () => {
    let leaked: Rdd<number> | undefined;
    const result = await withRdd(
      [1, 2],
      async rdd => {
        const both = leaked === undefined ? rdd : rdd.union(leaked);
        const error = await both.count().catch((thrown: unknown) => thrown);
        const { code } = error as { code?: string };
        return [code, await rdd.map(n => n + 1).collect()];
      },
      stream => stream.transform(rdd => (leaked = rdd)),
    );
    expect(result).to.deep.equal(['jobInvalid', [2, 3]]);
  });

  it('refuses a body that takes another way in the worker', async () => {
    let runs = 0;
    const error = await withRdd([1], async rdd => {
      const first = runs++ === 0;
      return (first ? rdd.map(n => n + 1) : rdd.filter(n => n > 0)).collect().catch((thrown: unknown) => thrown);
    });
    expect(error).to.have.property('code', 'planMismatch');
    expect(String(error)).to.contain('ssc.broadcast');
  });
});

describe('transform', () => {
  it('gives the RDD that its function makes, with the batch time', async () => {
    await expectStream([[1, 2], [], [3]], s => s.transform((rdd, time) => rdd.map(n => [n, time])), [
      [
        [1, 1000],
        [2, 1000],
      ],
      [],
      [[3, 3000]],
    ]);
  });

  it('goes on into operations with shuffle and state', async () => {
    await expectStream(
      [['a', 'b', 'a'], ['b']],
      s =>
        s
          .transform(rdd => rdd.map((k): [string, number] => [k, 1]).reduceByKey((a, b) => a + b))
          .updateStateByKey<number, string, number>((values, state = 0) => values.reduce((a, b) => a + b, state)),
      [
        [
          ['a', 2],
          ['b', 1],
        ],
        [
          ['a', 2],
          ['b', 2],
        ],
      ],
    );
  });

  it('takes another stream and values of the program', async () => {
    await expectStream(
      [['a', 'b'], ['b']],
      (s, ssc) =>
        s
          .map((k): [string, number] => [k, 1])
          .transformWith(
            s.map((k): [string, number] => [k, 2]),
            (left, right) => left.join(right).union(ssc.parallelize<[string, [number, number]]>([['z', [0, 0]]], 1)),
          ),
      [
        [
          ['a', [1, 2]],
          ['b', [1, 2]],
          ['z', [0, 0]],
        ],
        [
          ['b', [1, 2]],
          ['z', [0, 0]],
        ],
      ],
    );
  });

  it('may leave its input aside', async () => {
    await expectStream([['a'], ['b']], (s, ssc) => s.transform(() => ssc.parallelize([1, 2])), [
      [1, 2],
      [1, 2],
    ]);
  });
});
