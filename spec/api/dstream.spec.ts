import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { float64, int64, schema, utf8 } from '../../lib/core/schema.js';
import { BatchQueue } from '../../lib/api/batch-queue.js';
import type { DStream } from '../../lib/api/dstream.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { count, countIf, max, min, sum } from '../../lib/expr/aggregate.js';
import { col } from '../../lib/expr/expr.js';
import { CRASH, expectStream, runStream } from '../helpers/expect-stream.js';

const words = [['a', 'b', 'a'], [], ['b']];

describe('DStream', () => {
  it('map gives one row for each, in order', () =>
    expectStream([[1, 2, 3, 4], [5]], s => s.map(x => String(x)), [['1', '2', '3', '4'], ['5']], { ordered: true }));

  it('flatMap gives the rows of each result, in order', () =>
    expectStream([[1, 2, 3]], s => s.flatMap(x => [x, 2 * x]), [[1, 2, 2, 4, 3, 6]], { ordered: true }));

  it('filter keeps the rows for which it is true', () =>
    expectStream([[1, 2, 3, 4], []], s => s.filter(x => x % 2 === 0), [[2, 4], []]));

  it('mapPartitions sees each partition once, empty ones too', () =>
    expectStream([[1, 2, 3, 4]], s => s.mapPartitions(rows => [[...rows].length]), [[2, 2]]));

  it('glom makes one row of each partition', () =>
    expectStream([[1, 2, 3, 4]], s => s.glom(), [
      [
        [1, 2],
        [3, 4],
      ],
    ]));

  it('union holds the rows of all, also of a stream with itself', () =>
    expectStream(
      [[1, 2]],
      s =>
        s.union(
          s.map(x => x * 10),
          s,
        ),
      [[1, 1, 2, 2, 10, 20]],
    ));

  it('union holds the partitions of its first stream, then those of the next, whole', () =>
    expectStream(
      [[1, 2, 3, 4]],
      s => s.union(s.map(x => x * 10).union(s.map(x => x * 100))).glom(),
      [
        [
          [1, 2],
          [3, 4],
          [10, 20],
          [30, 40],
          [100, 200],
          [300, 400],
        ],
      ],
      { ordered: true },
    ));

  it('union of streams of one source is computed in one pass over it', async () => {
    let passes = 0;
    const counted = (s: DStream<number>): DStream<number> =>
      s.mapPartitions(rows => {
        passes++;
        return rows;
      });
    await expectStream(
      [[1, 2]],
      s => {
        const once = counted(s);
        return once.union(once.map(x => -x));
      },
      [[1, 2, -1, -2]],
      { options: { workers: 1 }, ordered: true },
    );
    expect(passes).to.equal(1);
  });

  it('union keeps that order with streams that were shuffled', () =>
    expectStream([[3, 1]], s => s.map(x => x * 10).union(s.repartition(1), s), [[30, 10, 3, 1, 3, 1]], {
      ordered: true,
    }));

  it('glom and mapPartitions see the empty partitions of an empty batch', () =>
    expectStream(
      [[]],
      s =>
        s
          .glom()
          .map(rows => rows.length)
          .union(s.mapPartitions(rows => [[...rows].length + 10])),
      [[0, 0, 10, 10]],
      { ordered: true },
    ));

  it('repartition keeps the rows and makes as many partitions as wanted', () =>
    expectStream(
      [Array.from({ length: 100 }, (_, i) => i)],
      s => s.repartition(5).mapPartitions(rows => [[...rows].length]),
      [[20, 20, 20, 20, 20]],
    ));

  it('count is one row a batch, 0 for an empty one', () => expectStream(words, s => s.count(), [[3], [0], [1]]));

  it('reduce is one row a batch, none for an empty one', () =>
    expectStream([[1, 2, 3], [], [4]], s => s.reduce((a, b) => a + b), [[6], [], [4]]));

  it('countByValue counts equal rows', () =>
    expectStream(words, s => s.countByValue(), [
      [
        ['a', 2],
        ['b', 1],
      ],
      [],
      [['b', 1]],
    ]));

  it('countByValue tells keys apart by content, whatever their type', () =>
    expectStream<unknown, [unknown, number]>(
      [[1, '1', -0, 0, Number.NaN, Number.NaN, null, [1, { a: 2, b: 3 }], [1, { b: 3, a: 2 }], 1n]],
      s =>
        s
          .countByValue()
          .map(([key, n]): [string, number] => [
            `${typeof key} ${typeof key === 'bigint' ? String(key) : JSON.stringify(key)}`,
            n,
          ]),
      [
        [
          ['number 1', 1],
          ['string "1"', 1],
          ['number 0', 2],
          ['number null', 2],
          ['object null', 1],
          ['object [1,{"a":2,"b":3}]', 2],
          ['bigint 1', 1],
        ],
      ],
    ));

  it('reduceByKey combines the values of a key', () =>
    expectStream([['a', 'b', 'a']], s => s.map(x => [x, 1]).reduceByKey((a, b) => a + b), [
      [
        ['a', 2],
        ['b', 1],
      ],
    ]));

  it('groupByKey keeps all values of a key', () =>
    expectStream(
      [
        [
          ['a', 1],
          ['b', 2],
          ['a', 3],
        ] as [string, number][],
      ],
      s => s.groupByKey(),
      [
        [
          ['a', [1, 3]],
          ['b', [2]],
        ],
      ],
    ));

  it('combineByKey makes another type of value', () =>
    expectStream(
      [
        [
          ['a', 1],
          ['a', 2],
          ['b', 3],
        ] as [string, number][],
      ],
      s =>
        s.combineByKey<string, string, number>(
          v => `${v}`,
          (c, v) => `${c},${v}`,
          (a, b) => `${a},${b}`,
          3,
        ),
      [
        [
          ['a', '1,2'],
          ['b', '3'],
        ],
      ],
    ));

  it('aggregateByKey begins with a zero of its own for each key', () =>
    expectStream(
      [
        [
          ['a', 1],
          ['b', 2],
          ['a', 3],
        ] as [string, number][],
        CRASH,
        [['a', 4]] as [string, number][],
      ],
      s =>
        s.aggregateByKey<number[], string, number>(
          [],
          (list, value) => {
            list.push(value);
            return list;
          },
          (a, b) => [...a, ...b],
          3,
        ),
      [
        [
          ['a', [1, 3]],
          ['b', [2]],
        ],
        [['a', [4]]],
      ],
    ));

  it('partitionBy leaves the pairs as they are, in as many partitions as wanted', () =>
    expectStream(
      [Array.from({ length: 50 }, (_, i): [number, string] => [i % 10, `v${i}`])],
      s =>
        s
          .partitionBy(4)
          .mapPartitions(rows => {
            const seen = [...rows];
            return [[seen.length, new Set(seen.map(([key]) => key)).size]];
          })
          .reduce((a, b) => [(a[0] ?? 0) + (b[0] ?? 0), (a[1] ?? 0) + (b[1] ?? 0)]),
      [[[50, 10]]],
    ));

  it('mapValues and flatMapValues leave the key', () =>
    expectStream(
      [
        [
          ['a', 1],
          ['b', 2],
        ] as [string, number][],
      ],
      s => s.mapValues(v => v + 10).flatMapValues(v => [v, -v]),
      [
        [
          ['a', 11],
          ['a', -11],
          ['b', 12],
          ['b', -12],
        ],
      ],
    ));

  it('join pairs the values under one key of both streams', () =>
    expectStream(
      [['aa', 'b', 'cc']],
      s => s.map(x => [x.length, x]).join(s.filter(x => x !== 'cc').map(x => [x.length, x.toUpperCase()])),
      [
        [
          [1, ['b', 'B']],
          [2, ['aa', 'AA']],
          [2, ['cc', 'AA']],
        ],
      ],
    ));

  it('cogroup keeps keys of either side', () =>
    expectStream([[1, 2]], s => s.map(x => [x, 'l']).cogroup(s.map(x => [x + 1, 'r'])), [
      [
        [1, [['l'], []]],
        [2, [['l'], ['r']]],
        [3, [[], ['r']]],
      ],
    ]));

  it('updateStateByKey visits every key in every batch and forgets those that become undefined', () =>
    expectStream<string, [string, number]>(
      [['a', 'b'], ['a'], CRASH, [], ['c'], CRASH, ['a']],
      s =>
        s
          .map(x => [x, 1])
          .updateStateByKey<number, string, number>((values, state) => {
            const next = (state ?? 0) + values.length;
            return next >= 3 ? undefined : next;
          }),
      [
        [
          ['a', 1],
          ['b', 1],
        ],
        [
          ['a', 2],
          ['b', 1],
        ],
        [
          ['a', 2],
          ['b', 1],
        ],
        [
          ['a', 2],
          ['b', 1],
          ['c', 1],
        ],
        [
          ['b', 1],
          ['c', 1],
        ],
      ],
    ));

  it('updateStateByKey keeps any JSON-like state', () =>
    expectStream<string, unknown>(
      [['x'], CRASH, ['y', 'x'], CRASH, []],
      s =>
        s
          .map(x => ['k', x])
          .updateStateByKey<{ seen: string[] }, string, string>((values, state) => ({
            seen: [...(state?.seen ?? []), ...values].sort(),
          })),
      [[['k', { seen: ['x'] }]], [['k', { seen: ['x', 'x', 'y'] }]], [['k', { seen: ['x', 'x', 'y'] }]]],
    ));

  it('updateStateByKey keeps columns of numbers when the state has a schema', () =>
    expectStream<number, unknown>(
      [[1, 2], CRASH, [3]],
      s =>
        s
          .map(x => ['sum', x])
          .updateStateByKey<{ total: number; mean: number }, string, number>(
            (values, state) => {
              const total = values.reduce((a, b) => a + b, state?.total ?? 0);
              return { total, mean: total / 2 };
            },
            { state: schema({ total: int64(), mean: float64() }) },
          ),
      [[['sum', { total: 3, mean: 1.5 }]], [['sum', { total: 6, mean: 3 }]]],
    ));
});

describe('a batch that its source does not give', () => {
  it('is put out by nothing and has no effect on what follows', () =>
    expectStream<string, unknown>([['a'], null, CRASH, ['b']], s => s.map(x => x).glom(), [
      [[], ['a']],
      [[], ['b']],
    ]));

  it('is not counted, where an empty one counts 0', () =>
    expectStream<string, unknown>([['a'], null, [], ['b']], s => s.count(), [[1], [0], [1]]));

  it('is an empty one for keyed state, and for what is united with that', () =>
    expectStream<string, [string, number]>(
      [['a'], null, CRASH, ['a']],
      s => {
        const counts = s
          .map(x => [x, 1])
          .updateStateByKey<number, string, number>((values, state) => values.length + (state ?? 0));
        return counts.union(counts);
      },
      [
        [
          ['a', 1],
          ['a', 1],
        ],
        [
          ['a', 1],
          ['a', 1],
        ],
        [
          ['a', 2],
          ['a', 2],
        ],
      ],
    ));

  for (const [name, build] of Object.entries<(s: DStream<string>) => DStream<unknown>>({
    union: s => s.union(s.map(x => x)),
    join: s => s.map(x => [x, 1]).join(s.map(x => [x, 2])),
  })) {
    it(`fails a ${name} with its source, its batch and the cure`, async () => {
      const error = await runStream<string, unknown>([['a'], null], build).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(EngineError).with.property('code', 'sourceFailed');
      expect(error)
        .to.have.property('message')
        .that.matches(/2000\) failed: .* wants a batch of each of its streams, source queue gave none: give an empty/);
    });
  }
});

describe('StreamingContext', () => {
  it('union holds the rows of all streams in order of the list', () =>
    expectStream([[1, 2]], (s, ssc) => ssc.union([s.map(x => x * 10), s]), [[10, 20, 1, 2]], { ordered: true }));

  it('union of one stream is that stream, of none is refused', () => {
    buildGraph(
      job('spec', {}, ssc => {
        const stream = ssc.queueStream(new BatchQueue<string>());
        expect(ssc.union([stream])).to.equal(stream);
        expect(() => ssc.union([])).to.throw(EngineError, /one stream at least/);
        stream.print();
      }),
      {},
      2,
    );
  });
});

describe('groupBy', () => {
  const events = schema({ user: utf8(), action: utf8(), n: int64() });
  type Event = { readonly user: string; readonly action: string; readonly n: number };
  const batches: Event[][] = [
    [
      { user: 'a', action: 'click', n: 3 },
      { user: 'b', action: 'view', n: 4 },
      { user: 'a', action: 'click', n: 5 },
    ],
    [{ user: 'c', action: 'buy', n: 1 }],
    [{ user: 'b', action: 'click', n: -2 }],
  ];
  const typed = (s: DStream<Event>): DStream<Event> => s;

  it('agg aggregates the rows of a batch', () =>
    expectGroups(
      batches,
      s =>
        typed(s)
          .groupBy('user')
          .agg({ n: count(), total: sum('n'), least: min('n'), most: max('n') }),
      [
        [
          { user: 'a', n: 2, total: 8, least: 3, most: 5 },
          { user: 'b', n: 1, total: 4, least: 4, most: 4 },
        ],
        [{ user: 'c', n: 1, total: 1, least: 1, most: 1 }],
        [{ user: 'b', n: 1, total: -2, least: -2, most: -2 }],
      ],
    ));

  it('runningAgg gives the new totals of the groups whose totals changed, and of no other', () =>
    expectGroups(
      batches,
      s =>
        s
          .groupBy('user')
          .runningAgg({ clicks: countIf(col('action').eq('click')), views: countIf(col('action').eq('view')) }),
      [
        [
          { user: 'a', clicks: 2, views: 0 },
          { user: 'b', clicks: 0, views: 1 },
        ],
        [],
        [{ user: 'b', clicks: 1, views: 1 }],
      ],
    ));

  it('runningAgg goes on after a crash where it was', () =>
    expectGroups(
      [batches[0] ?? [], CRASH, batches[2] ?? [], CRASH, batches[0] ?? []],
      s => s.groupBy('user', 'action').runningAgg({ total: sum('n'), least: min('n') }),
      [
        [
          { user: 'a', action: 'click', total: 8, least: 3 },
          { user: 'b', action: 'view', total: 4, least: 4 },
        ],
        [{ user: 'b', action: 'click', total: -2, least: -2 }],
        [
          { user: 'a', action: 'click', total: 16, least: 3 },
          { user: 'b', action: 'view', total: 8, least: 4 },
        ],
      ],
    ));

  /** expectStream with declared columns. */
  async function expectGroups(
    input: readonly (readonly Event[] | typeof CRASH)[],
    build: (s: DStream<Event>) => DStream<unknown>,
    expected: readonly (readonly unknown[])[],
  ): Promise<void> {
    await expectStream<Event, unknown>(input, build, expected, { schema: events });
  }
});

describe('job', () => {
  const build = (declare: (s: DStream<string>) => void) => (): unknown =>
    buildGraph(
      job('spec', {}, ssc => declare(ssc.queueStream(new BatchQueue<string>()))),
      {},
      2,
    );

  it('without an output is refused with the cure', () => {
    expect(build(s => void s.map(x => x))).to.throw(EngineError, /declares no output.*saveAsCsv/);
  });

  it('with two outputs that append to one file is refused with the cure', () => {
    const twice = job('spec', {}, ssc => {
      const numbers = ssc.queueStream(new BatchQueue<number>());
      numbers.saveAsText('out/a.txt');
      numbers.saveAsCsv('out/../out/a.txt');
    });
    expect(() => buildGraph(twice, {}, 1)).to.throw(
      EngineError,
      /path of its own, 'out\/\.\.\/out\/a\.txt' is another/,
    );
  });

  it('that groups a stream without declared columns is refused with the cure', () => {
    expect(
      build(s =>
        s
          .map(x => ({ x }))
          .groupBy('x')
          .agg({ n: count() })
          .print(),
      ),
    ).to.throw(EngineError, /columns are declared/);
  });

  it('gives its operators ids that do not depend on operators of another kind', () => {
    const ids = (more: boolean): string[] => {
      const { plan } = buildGraph(
        job('spec', {}, ssc => {
          const stream = ssc.queueStream(new BatchQueue<string>());
          if (more) stream.countByValue().print();
          stream
            .map(x => [x, 1])
            .updateStateByKey<number>(v => v.length)
            .print();
        }),
        {},
        2,
      );
      return plan.nodes.flatMap(({ operation }) => (operation.kind === 'updateState' ? [operation.operatorId] : []));
    };
    expect(ids(false)).to.deep.equal(['updateStateByKey']);
    expect(ids(true)).to.deep.equal(ids(false));
  });
});
