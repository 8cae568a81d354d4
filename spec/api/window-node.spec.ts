import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import { float64, schema, int64, nullable, utf8 } from '../../lib/core/schema.js';
import { minutes, seconds } from '../../lib/core/time.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { operatorStates } from '../../lib/executor/state-tables.js';
import type { Fault } from '../../lib/driver/in-process-runner.js';
import { count, sum } from '../../lib/expr/aggregate.js';
import { col } from '../../lib/expr/expr.js';
import { CRASH, expectStream, runStream } from '../helpers/expect-stream.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { intBelow, pick, randomOf, type Random } from '../helpers/random-values.js';
import { runEngine } from '../helpers/run-engine.js';

type Pair = [string, number];
const add = (a: number, b: number): number => a + b;
const subtract = (a: number, b: number): number => a - b;
const notZero = { filter: ([, n]: readonly [string, number]): boolean => n !== 0 };

describe('window', () => {
  it('gives the rows of its batches in order of the batches', () =>
    expectStream([[1], [2], CRASH, [3], [4]], s => s.window('3s', undefined, 1), [[1], [1, 2], [1, 2, 3], [2, 3, 4]], {
      ordered: true,
    }));

  describe('of rows whose columns are declared', () => {
    const columns = schema({ k: utf8(), n: nullable(int64()) });
    const rowOf = (n: number): { k: string; n: number | null } => ({
      k: n % 3 === 0 ? '' : `key ${n}`,
      n: n % 5 === 0 ? null : n,
    });
    const rows = (from: number, to: number): { k: string; n: number | null }[] =>
      Array.from({ length: to - from }, (_, i) => rowOf(from + i));

    it('keeps them as columns, in order of the batches, across crashes', () =>
      expectStream(
        [rows(0, 5), rows(5, 21), CRASH, [], rows(21, 22), CRASH, rows(22, 40)],
        s => s.window('3s', undefined, 1),
        [rows(0, 5), rows(0, 21), rows(0, 21), rows(5, 22), rows(21, 40)],
        { ...{ schema: columns, ordered: true, workers: [1, 2, 3] } },
      ));

    it('loses and doubles nothing over many partitions, pieces and slides', () =>
      expectStream(
        [rows(0, 9000), CRASH, rows(9000, 9001), [], CRASH, rows(9001, 17_500), rows(17_500, 17_503), []],
        s => s.where(col('k').ne('key 7')).window('4s', '2s', { id: 'w', numPartitions: 3 }),
        [rows(0, 9001), rows(0, 17_500), rows(9001, 17_503)].map(all => all.filter(({ k }) => k !== 'key 7')),
        { ...{ schema: columns, workers: [2, 1, 3] } },
      ));

    it('has another kind of state where the columns are others', () => {
      const kindOf = (size: 'int64' | 'float64'): string | undefined => {
        const made = schema({ k: utf8(), n: size === 'int64' ? int64() : float64() });
        const build = job('spec', {}, ssc =>
          ssc
            .queueStream(new BatchQueue<never>(), { schema: made as never })
            .window('2s')
            .print(),
        );
        return operatorStates(buildGraph(build, {}, 1).plan).get('window')?.kind;
      };
      expect([kindOf('int64'), kindOf('float64')]).to.deep.equal([
        'window of columns (k utf8, n int64)',
        'window of columns (k utf8, n float64)',
      ]);
    });

    it('goes on in operations on columns, and in closures', () =>
      expectStream(
        [rows(1, 5), rows(2, 3), CRASH, rows(3, 4)],
        s =>
          s
            .filter(({ n }) => n !== 1)
            .window(seconds(2))
            .groupBy('k')
            .agg({ n: sum('n') })
            .orderBy('k')
            .map(({ k, n }) => `${k} ${n}`),
        [
          [' 3', 'key 2 2', 'key 4 4'],
          [' 3', 'key 2 4', 'key 4 4'],
          [' 3', 'key 2 2'],
        ],
        { ...{ schema: columns, ordered: true, workers: [1, 3] } },
      ));
  });

  it('between two slides runs nothing after it, not even a count', () =>
    expectStream([[1], [], [3], [4], [], []], s => s.window(seconds(2), seconds(2)).count(), [[1], [2], [0]]));

  it('calls foreachRDD and keeps state after it once a slide', () =>
    expectStream(
      [['a'], ['a'], ['b'], CRASH, ['b'], ['a'], CRASH, ['c']],
      s =>
        s
          .window(seconds(1), seconds(2))
          .map(x => [x, 1])
          .updateStateByKey<number, string, number>((values, n = 0) => values.length + n),
      [
        [['a', 1]],
        [
          ['a', 1],
          ['b', 1],
        ],
        [
          ['a', 1],
          ['b', 1],
          ['c', 1],
        ],
      ],
    ));

  it('of a window holds what the inner one gave', () =>
    expectStream(
      [[1], [2], [3], CRASH, [4], [5], [6], [7], [8]],
      s => s.window(seconds(2), seconds(2)).window(seconds(4), seconds(4)),
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    ));

  it('of a union and a union of windows are the same', () =>
    expectStream([[1], [2], CRASH, [3]], s => s.window(seconds(2)).union(s.map(x => 10 * x).window(seconds(2))), [
      [1, 10],
      [1, 2, 10, 20],
      [2, 3, 20, 30],
    ]));

  it('can be joined with another of the same slide', () =>
    expectStream<Pair, unknown>(
      [[['a', 1]], [['b', 2]], [['a', 3]], [['b', 4]]],
      s => s.window(seconds(2), seconds(2)).join(s.window(seconds(4), seconds(2))),
      [
        [
          ['a', [1, 1]],
          ['b', [2, 2]],
        ],
        [
          ['a', [3, 1]],
          ['a', [3, 3]],
          ['b', [4, 2]],
          ['b', [4, 4]],
        ],
      ],
    ));

  it('can be joined with a plain stream when it slides with every batch', () =>
    expectStream<Pair, unknown>([[['a', 1]], [['a', 2]]], s => s.window(seconds(2), seconds(1)).join(s), [
      [['a', [1, 1]]],
      [
        ['a', [1, 2]],
        ['a', [2, 2]],
      ],
    ]));

  it('keeps the columns of its stream', () =>
    expectStream<{ user: string; n: number }, unknown>(
      [[{ user: 'a', n: 1 }], CRASH, [{ user: 'a', n: 2 }]],
      s => s.window(seconds(2)).groupBy('user').agg({ n: count() }),
      [[{ user: 'a', n: 1 }], [{ user: 'a', n: 2 }]],
      { schema: schema({ user: utf8(), n: int64() }) },
    ));

  it('holds batches of more rows than a piece has', () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => i);
    return expectStream([rows, CRASH, [-1], []], s => s.window(seconds(2), undefined, 1), [rows, [...rows, -1], [-1]], {
      ordered: true,
    });
  });

  it('refuses what is not a multiple of the batch interval, and says what would be', async () => {
    const messages = [
      (s: DStream<number>) => s.window(5000),
      (s: DStream<number>) => s.window(minutes(1), 500),
      (s: DStream<number>) => s.window(4000, 4000).window(8000, 2000),
      (s: DStream<number>) => s.window(4000, 4000).union(s),
      (s: DStream<number>) => s.window('soon'),
    ].map(async build => {
      const error = await runStream([[1]], build, { options: { interval: 2000 } }).catch((thrown: Error) => thrown);
      return String((error as Error).message).replace(/ at [^)]*spec\.ts:\d+| \([^)]*spec\.ts:\d+:\d+\)/, '');
    });
    expect(await Promise.all(messages)).to.deep.equal([
      'window 5000 ms must be a multiple of the batch interval 2000 ms; try 4000 or 6000 (window)',
      'slide 500 ms must be a multiple of the batch interval 2000 ms; try 2000 (window)',
      'slide 2000 ms must be a multiple of the slide of its stream 4000 ms; try 4000 (window)',
      'union takes streams with batches every 4000 ms and every 2000 ms: give their windows the same slide',
      "the window of window wants a duration such as 500ms, 2s or 1m, got 'soon'",
    ]);
  });
});

describe('reduceByWindow', () => {
  it('gives one row for what the window holds, none for an empty one', () =>
    expectStream([[1, 2], [], CRASH, [], [5]], s => s.reduceByWindow(add, seconds(2)), [[3], [3], [], [5]]));

  it('with the inverse keeps the total of an empty window', () =>
    expectStream([[1, 2], [], CRASH, [], [5]], s => s.reduceByWindow(add, subtract, seconds(2)), [[3], [3], [0], [5]]));

  it('countByWindow counts 0 from the start', () =>
    expectStream([[], [1, 2], CRASH, [3], [], []], s => s.countByWindow(seconds(2)), [[0], [2], [3], [1], [0]]));
});

describe('reduceByKeyAndWindow', () => {
  it('with the inverse calls functions for keys that enter and leave only', async () => {
    const calls = { f: 0, inverse: 0 };
    const f = (a: number, b: number): number => (calls.f++, a + b);
    const inverse = (a: number, b: number): number => (calls.inverse++, a - b);
    const everyone = Array.from({ length: 500 }, (_, i): Pair => [`k${i}`, 1]);
    const input: Pair[][] = [everyone, [['k1', 1]], [['k2', 1]], [['k3', 1]], [], [['new', 1]]];
    await runStream(input, s => s.reduceByKeyAndWindow(f, inverse, seconds(4)));
    // k1, k2 and k3 come on top of a value; the first batch leaves with 500 keys, the second with one.
    expect(calls).to.deep.equal({ f: 3, inverse: 501 });
  });

  it('keeps the total of a pair that the filter refuses while the window has its values', () =>
    expectStream<Pair, unknown>(
      [[['a', 1]], [['a', -1]], CRASH, [], [], [['a', 7]]],
      s => s.reduceByKeyAndWindow(add, subtract, seconds(2), undefined, notZero),
      [[['a', 1]], [], [['a', -1]], [], [['a', 7]]],
    ));

  it('combines values of a key in order of the batches', () =>
    expectStream<[string, string], unknown>(
      [[['k', 'a']], [['k', 'b']], CRASH, [['k', 'c']], [['k', 'd']]],
      s => s.reduceByKeyAndWindow((a, b) => a + b, seconds(3)),
      [[['k', 'a']], [['k', 'ab']], [['k', 'abc']], [['k', 'bcd']]],
    ));

  it('groupByKeyAndWindow keeps values in order of the batches', () =>
    expectStream<Pair, unknown>(
      [[['k', 1]], [['k', 2]], CRASH, [['k', 3]], [['k', 4]]],
      s => s.groupByKeyAndWindow(seconds(3)),
      [[['k', [1]]], [['k', [1, 2]]], [['k', [1, 2, 3]]], [['k', [2, 3, 4]]]],
    ));

  it('takes keys of any kind, those that look like its own bookkeeping too', () => {
    const keys = [Buffer.alloc(14), new Uint8Array(14), [0, 1000, 0], null, { a: 1 }, 1n];
    const rows = (keys as unknown[]).map((key): [unknown, number] => [key, 1]);
    return expectStream<[unknown, number], unknown>(
      [rows, CRASH, rows, []],
      s =>
        s
          .reduceByKeyAndWindow(add, subtract, seconds(2))
          .map(([, n]) => n)
          .countByValue(),
      [
        [
          [1, 4],
          [2, 1],
        ],
        [
          [2, 4],
          [4, 1],
        ],
        [
          [1, 4],
          [2, 1],
        ],
      ],
    );
  });
});

/** A window operation, and what it must give: computed anew from all batches each time. */
interface Oracle {
  readonly name: string;
  readonly build: (stream: DStream<Pair>, windowMs: number, slideMs: number) => DStream<unknown>;
  readonly expected: (held: readonly Pair[], seen: readonly Pair[]) => unknown[];
}

const sums = (pairs: readonly Pair[], keys: readonly string[]): Pair[] =>
  keys.map(key => [key, pairs.filter(pair => pair[0] === key).reduce((sum, pair) => sum + pair[1], 0)]);
const keysOf = (pairs: readonly Pair[]): string[] => [...new Set(pairs.map(pair => pair[0]))];

const ORACLES: readonly Oracle[] = [
  { name: 'window', build: (s, w, slide) => s.window(w, slide), expected: held => [...held] },
  {
    name: 'reduceByKeyAndWindow',
    build: (s, w, slide) => s.reduceByKeyAndWindow(add, w, slide),
    expected: held => sums(held, keysOf(held)),
  },
  {
    name: 'reduceByKeyAndWindow with inverse',
    build: (s, w, slide) => s.reduceByKeyAndWindow(add, subtract, w, slide),
    expected: (held, seen) => sums(held, keysOf(seen)),
  },
  {
    name: 'reduceByKeyAndWindow with inverse and filter',
    build: (s, w, slide) => s.reduceByKeyAndWindow(add, subtract, w, slide, notZero),
    expected: held => sums(held, keysOf(held)).filter(([, n]) => n !== 0),
  },
  {
    name: 'countByWindow',
    build: (s, w, slide) => s.countByWindow(w, slide),
    expected: held => [held.length],
  },
];

const FAULTS: readonly Fault[] = ['lose', 'runThenLose', 'answerThenLose', 'hangThenLose'];

describe('windows compared with computing them anew', () => {
  for (const { name, build, expected } of ORACLES) {
    it(`${name}: any input, window and slide, with crashes, other numbers of workers and faults`, async () => {
      for (let seed = 1; seed <= 12; seed++) {
        const random = randomOf(seed);
        const batches = Array.from({ length: 4 + intBelow(random, 8) }, () => randomPairs(random));
        const windowMs = 1000 * (1 + intBelow(random, 5));
        const slideMs = 1000 * (1 + intBelow(random, 4));
        const wanted = batches.flatMap((_, k) => {
          if (((k + 1) * 1000) % slideMs !== 0) return [];
          const held = batches.slice(Math.max(0, k + 1 - windowMs / 1000), k + 1).flat();
          return [expected(held, batches.slice(0, k + 1).flat())];
        });
        const faults = (): Fault | undefined => (random() < 0.1 ? pick(random, FAULTS) : undefined);
        try {
          await expectStream(
            batches.flatMap(batch => (random() < 0.4 ? [CRASH, batch] : [batch])) as Pair[][],
            s => build(s, windowMs, slideMs),
            wanted,
            {
              workers: [1 + intBelow(random, 5), 1 + intBelow(random, 5), 1 + intBelow(random, 5)],
              options: { maxTaskFailures: 100, checkpointInterval: 2000 },
              ...(seed % 2 === 0 ? { faults } : {}),
            },
          );
        } catch (error) {
          if (error instanceof Error) error.message = `seed ${seed}, ${windowMs} / ${slideMs}: ${error.message}`;
          throw error;
        }
      }
    });
  }
});

function randomPairs(random: Random): Pair[] {
  return Array.from({ length: intBelow(random, 12) }, (): Pair => [`k${intBelow(random, 6)}`, intBelow(random, 5) - 2]);
}

describe('windows and the clock', () => {
  /** Runs batches at the given times, each as one engine may or may not have planned the time before. */
  async function runAt(times: readonly number[], intervals: readonly number[], build: Build): Promise<Output> {
    const queue = new BatchQueue<number>();
    const output: Output = { rows: [], stateRows: [] };
    const windows = job('spec', {}, ssc => {
      build(ssc.queueStream(queue)).foreachRDD(async (rdd, time) => {
        output.rows.push([time, await rdd.collect()]);
      });
    });
    const clock = new VirtualClock(0);
    const fs = new ModelFileSystem();
    for (const [i, time] of times.entries()) {
      queue.push([time]);
      clock.advanceTo(time);
      const options = { interval: intervals[i] ?? 1000 };
      const run = await runEngine(windows, { clock, fs, checkpoint: '/checkpoint', options });
      await run.batchesDone(1);
      output.stateRows.push(run.batches[0]?.stateRows ?? 0);
      await run.engine.abort();
      fs.crash();
    }
    return output;
  }
  type Build = (stream: DStream<number>) => DStream<number>;
  interface Output {
    readonly rows: [number, unknown[]][];
    readonly stateRows: number[];
  }

  it('a batch after a long pause ends the slides that ended meanwhile, once', async () => {
    const { rows } = await runAt([1000, 2000, 7000, 8000, 9000], [], s => s.window(seconds(6), seconds(2)));
    expect(rows).to.deep.equal([
      [2000, [1000, 2000]],
      [7000, [2000, 7000]],
      [8000, [7000, 8000]],
    ]);
  });

  it('a batch that runs again after a crash ends the slides that it ended before', async () => {
    let calls = 0;
    const times: number[][] = [];
    const queue = new BatchQueue<number>();
    const fails = job('spec', {}, ssc => {
      const windows = ssc.queueStream(queue).window(seconds(6), seconds(2));
      windows.foreachRDD(async (rdd, time) => {
        times.push([time, ...(await rdd.collect())]);
        if (++calls === 1) throw new Error('the first time');
      });
    });
    const clock = new VirtualClock(0);
    const fs = new ModelFileSystem();
    for (const time of [1000, 3000, 3500]) {
      queue.push([time]);
      clock.advanceTo(time);
      const run = await runEngine(fails, { clock, fs, checkpoint: '/checkpoint' });
      await run.batchesDone(1);
      await run.engine.abort();
      fs.crash();
    }
    expect(times).to.deep.equal([
      [3000, 1000, 3000],
      [3000, 1000, 3000],
    ]);
  });

  it('holds batches of another interval', async () => {
    const { rows } = await runAt([500, 1500, 3000, 4000, 6000], [500, 500, 1000, 1000, 2000], s =>
      s.window(seconds(4), seconds(2)),
    );
    expect(rows).to.deep.equal([
      [3000, [500, 1500, 3000]],
      [4000, [500, 1500, 3000, 4000]],
      [6000, [3000, 4000, 6000]],
    ]);
  });

  it('forgets what has left', async () => {
    const times = Array.from({ length: 12 }, (_, k) => (k + 1) * 1000);
    const { stateRows } = await runAt(times, [], s => s.window(seconds(3), seconds(6)));
    expect(Math.max(...stateRows.slice(3))).to.equal(3);
  });
});
