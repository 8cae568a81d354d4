import { expect } from 'chai';
import type { DStream } from '../../lib/api/dstream.js';
import { buildGraph, job } from '../../lib/api/job.js';
import { desc } from '../../lib/api/ordered-rows.js';
import { EngineError } from '../../lib/core/errors.js';
import { csv } from '../../lib/core/format.js';
import { bool, float64, int32, int64, nullable, schema, utf8, type RowOf } from '../../lib/core/schema.js';
import { avg, count, countIf, max, sum } from '../../lib/expr/aggregate.js';
import { col, lit, not } from '../../lib/expr/expr.js';
import { coalesce, concat, length, lower, split, udf, upper, when } from '../../lib/expr/functions.js';
import { columnsUsed } from '../../lib/executor/columns-used.js';
import { explain } from '../../lib/plan/explain.js';
import { fingerprintOf } from '../../lib/plan/fingerprint.js';
import { compileStages } from '../../lib/plan/stages.js';
import { compareRows } from '../helpers/compare-rows.js';
import { CRASH, expectStream, runStream } from '../helpers/expect-stream.js';
import { pick, randomOf } from '../helpers/random-values.js';

const events = schema({ user: utf8(), action: nullable(utf8()), size: int64(), ok: bool() });
type Event = RowOf<typeof events>;

const event = (user: string, action: string | null, size: number, ok = true): Event => ({ user, action, size, ok });
const A = event('Ann', 'click', 10);
const B = event('bob', null, 2 ** 40, false);
const C = event('Ann', 'view', -3);
const D = event('Ören', 'click', 0);
const INPUT = [[A, B, C], [], [D, A]];

type Events = DStream<Event>;
const run = <U>(build: (stream: Events) => DStream<U>): Promise<unknown[][]> =>
  runStream(INPUT, build, { schema: events, options: { workers: 2 } });
const expectRows = <U>(build: (stream: Events) => DStream<U>, expected: readonly (readonly unknown[])[]) =>
  expectStream(INPUT, build, expected, { schema: events });

function refused(build: (stream: Events) => unknown, text: string): void {
  const graph = () =>
    buildGraph(
      job('spec', {}, ssc => void build(ssc.fileStream('in', csv(events)))),
      {},
      2,
    );
  expect(graph, text).to.throw(EngineError, text).with.property('code', 'jobInvalid');
}

describe('operations on columns', () => {
  it('where keeps rows for which the condition is true, not those where it is null', async () => {
    await expectRows(s => s.where(col('action').eq('click')), [[A], [], [D, A]]);
    await expectRows(s => s.where(not(col('action').eq('click'))), [[C], [], []]);
    await expectRows(s => s.where(col('ok')), [[A, C], [], [D, A]]);
    await expectRows(s => s.where(length(col('user')).eq(col('size').add(6))), [[C], [], []]);
  });

  it('where tests what kernels can and computes the rest for the rows that are left', async () => {
    const fussy = udf((user: string) => {
      if (user === 'bob') throw new Error('bob must be gone');
      return user.startsWith('A');
    }, 'bool');
    await expectRows(s => s.where(fussy(col('user')).and(col('size').lt(100))), [[A, C], [], [A]]);
  });

  it('select and withColumn compute columns, drop and rename change which there are', async () => {
    await expectRows(
      s => s.select({ name: upper(col('user')), double: col('size').mul(2), action: col('action') }),
      [
        [
          { name: 'ANN', double: 20, action: 'click' },
          { name: 'BOB', double: 2 ** 41, action: null },
          { name: 'ANN', double: -6, action: 'view' },
        ],
        [],
        [
          { name: 'ÖREN', double: 0, action: 'click' },
          { name: 'ANN', double: 20, action: 'click' },
        ],
      ],
    );
    const [rows] = await run(s =>
      s
        .withColumn('size', col('size').div(4))
        .withColumn('kind', when(col('ok'), coalesce(col('action'), '?')).otherwise('bad'))
        .drop('ok', 'action')
        .rename({ user: 'who' }),
    );
    expect(rows).to.deep.equal([
      { who: 'Ann', size: 2.5, kind: 'click' },
      { who: 'bob', size: 2 ** 38, kind: 'bad' },
      { who: 'Ann', size: -0.75, kind: 'view' },
    ]);
    expect(Object.keys(rows?.[0] as object)).to.deep.equal(['who', 'size', 'kind']);
    await expectRows(s => s.select('size', 'user').where(col('size').lt(0)), [[{ size: -3, user: 'Ann' }], [], []]);
  });

  it('follow one another in one pass, functions of the job included', async () => {
    const initial = udf((name: string) => name.slice(0, 1), 'utf8');
    const isSmall = udf((size: number) => size < 5, 'bool');
    await expectRows(
      s => {
        const named = s.select({ name: lower(col('user')), size: col('size'), action: col('action') });
        const some = named
          .where(col('size').lt(100))
          .where(col('name').ne('x'))
          .where(isSmall(col('size')));
        return some
          .withColumn('initial', initial(col('name')))
          .where(initial(upper(col('initial'))).isIn(['A', 'Ö']))
          .drop('name')
          .union(
            some.where(col('action').isNull()).select({ size: col('size'), action: col('action'), initial: lit('-') }),
          );
      },
      [[{ size: -3, action: 'view', initial: 'a' }], [], [{ size: 0, action: 'click', initial: 'ö' }]],
    );
  });

  it('mix with closures in any order, across crashes', async () => {
    const lengths = schema({ name: utf8(), length: int32() });
    await expectStream(
      [[A, B], CRASH, [C], [], CRASH, [D]],
      s =>
        s
          .where(col('size').lt(100))
          .filter(({ user }) => user !== 'x')
          .select({ user: col('user') })
          .map(({ user }) => ({ name: user.toLowerCase(), length: user.length }))
          .toColumns(lengths)
          .withColumn('text', concat(col('name'), '/', col('length').cast('utf8')))
          .groupBy('text')
          .runningAgg({ n: count() })
          .map(({ text, n }) => [text, n]),
      [[['ann/3', 1]], [['ann/3', 2]], [], [['ören/4', 1]]],
      { schema: events, workers: [1, 3, 2] },
    );
  });

  it('aggregates take expressions, and average', async () => {
    await expectRows(
      s =>
        s.groupBy('user').agg({
          total: sum(col('size').mul(2)),
          clicks: countIf(lower(coalesce(col('action'), '')).eq('click')),
          mean: avg('size'),
          long: avg(length(col('action'))).where(col('ok')),
          top: max('size'),
        }),
      [
        [
          { user: 'Ann', total: 14, clicks: 1, mean: 3.5, long: 4.5, top: 10 },
          { user: 'bob', total: 2 ** 41, clicks: 0, mean: 2 ** 40, long: null, top: 2 ** 40 },
        ],
        [],
        [
          { user: 'Ann', total: 20, clicks: 1, mean: 10, long: 5, top: 10 },
          { user: 'Ören', total: 0, clicks: 1, mean: 0, long: 5, top: 0 },
        ],
      ],
    );
    await expectStream(
      [[A, C], CRASH, [event('Ann', null, 5), event('bob', null, 1)]],
      s => s.groupBy('user').runningAgg({ mean: avg('size'), n: count() }),
      [
        [{ user: 'Ann', mean: 3.5, n: 2 }],
        [
          { user: 'Ann', mean: 4, n: 3 },
          { user: 'bob', mean: 1, n: 1 },
        ],
      ],
      { schema: events },
    );
  });

  it('explode gives a row for each piece of a text', async () => {
    const lines = schema({ line: nullable(utf8()), n: int64() });
    const rows = [
      { line: 'a--b-c', n: 1 },
      { line: '', n: -2 },
      { line: null, n: 3 },
      { line: '--', n: 4 },
      { line: 'ü--\u{1f600}--', n: 5 },
    ];
    const wanted = [
      ['a', 1],
      ['b-c', 1],
      ['', -2],
      ['', 4],
      ['', 4],
      ['ü', 5],
      ['\u{1f600}', 5],
      ['', 5],
    ] as const;
    await expectStream(
      [rows, []],
      s => s.explode('piece', split(col('line'), '--')).select('piece', 'n'),
      [wanted.map(([piece, n]) => ({ piece, n })), []],
      { schema: lines },
    );
    await expectStream(
      [rows.slice(0, 2), rows.slice(2, 3)],
      s =>
        s
          .explode('line', split(lower(concat(col('line'), ' A')), ' '))
          .groupBy('line')
          .agg({ n: count() }),
      [
        [
          { line: 'a--b-c', n: 1 },
          { line: '', n: 1 },
          { line: 'a', n: 2 },
        ],
        [],
      ],
      { schema: lines },
    );
  });

  it('distinct and dropDuplicates keep one row of each kind', async () => {
    const numbers = schema({ x: nullable(float64()), s: nullable(utf8()) });
    const rows = [
      { x: 0, s: 'a' },
      { x: -0, s: 'a' },
      { x: Number.NaN, s: null },
      { x: Number.NaN, s: null },
      { x: null, s: '' },
      { x: null, s: null },
    ];
    await expectStream(
      [rows, [], rows.slice(0, 1)],
      s => s.distinct(3),
      [[rows[0], rows[2], rows[4], rows[5]], [], [rows[0]]],
      { schema: numbers },
    );
    await expectRows(s => s.dropDuplicates(['user']), [[A, B], [], [D, A]]);
    await expectRows(
      s => s.dropDuplicates(['user', 'ok']).select('user').distinct(),
      [[{ user: 'Ann' }, { user: 'bob' }], [], [{ user: 'Ören' }, { user: 'Ann' }]],
    );
  });

  it('union takes columns that may be null in some of the streams only', async () => {
    await expectRows(
      s => {
        const unknown = s.where(not(col('ok'))).select({ user: col('action'), size: col('size') });
        const known = s.where(col('ok')).select({ user: col('user'), size: col('size') });
        return (unknown as DStream<{ user: string | null; size: number }>)
          .union(known as DStream<{ user: string | null; size: number }>)
          .groupBy('user')
          .agg({ total: sum('size') });
      },
      [
        [
          { user: null, total: 2 ** 40 },
          { user: 'Ann', total: 7 },
        ],
        [],
        [
          { user: 'Ören', total: 0 },
          { user: 'Ann', total: 10 },
        ],
      ],
    );
    // Columns of another kind, name or order are no columns of the union.
    refused(
      s =>
        s
          .select({ n: col('size') })
          .union(s.select({ n: col('user') }) as never)
          .select('n'),
      'wants a stream whose columns',
    );
    refused(
      s => s.select('user', 'size').union(s.select('size', 'user')).select('size'),
      'wants a stream whose columns',
    );
  });

  it('orderBy and limit give the first rows of a batch in order', async () => {
    const numbers = schema({ n: nullable(float64()), s: utf8() });
    const values = [3, null, Number.NaN, 1, 2, 1, -Infinity, null];
    const rows = values.map((n, i) => ({ n, s: String(i) }));
    const first = (build: (s: DStream<RowOf<typeof numbers>>) => DStream<{ s: string }>): Promise<unknown[][]> =>
      runStream([rows, []], s => build(s).map(({ s: name }) => name), { schema: numbers, ordered: true });
    expect(await first(s => s.repartition(1).orderBy('n').limit(5))).to.deep.equal([['1', '7', '6', '3', '5'], []]);
    expect(await first(s => s.repartition(3).orderBy(desc('n'), 's').limit(4))).to.deep.equal([
      ['2', '0', '4', '3'],
      [],
    ]);
    for (const build of [
      (s: DStream<RowOf<typeof numbers>>) => s.repartition(2).orderBy('s').limit(100),
      (s: DStream<RowOf<typeof numbers>>) => s.repartition(3).orderBy('s'),
      (s: DStream<RowOf<typeof numbers>>) =>
        s
          .orderBy(desc('s'))
          .orderBy('s')
          .filter(() => true),
    ])
      expect(await first(build)).to.deep.equal([['0', '1', '2', '3', '4', '5', '6', '7'], []]);
  });

  it('order and first rows of keys are the same as by closures, on random rows and partitions', async () => {
    const columns = schema({ k: nullable(utf8()), x: nullable(float64()), b: bool(), i: int32() });
    const KEYS = [null, '', 'a', 'b', 'ab', '\u{1f600}', 'ü', '0123456789abcdefg'];
    const random = randomOf(7);
    const batches = [0, 1, 40, 3000].map(numRows =>
      Array.from({ length: numRows }, (_, i) => ({
        ...{ k: pick(random, KEYS), x: pick(random, [null, 0, 1.5, -2, Number.NaN, Infinity]) },
        ...{ b: random() < 0.5, i },
      })),
    );
    const order = [
      { column: 'k', descending: true },
      { column: 'x', descending: false },
      { column: 'i', descending: false },
    ];
    const sorted = batches.map(rows => rows.toSorted(compareRows(order)));
    for (const partitions of [1, 3, 5]) {
      const build = (s: DStream<RowOf<typeof columns>>): DStream<RowOf<typeof columns>> => s.repartition(partitions);
      const options = { schema: columns, ordered: true, options: { workers: 2 } };
      const ordered = await runStream(batches, s => build(s).orderBy(desc('k'), 'x', 'i'), options);
      expect(ordered, `${partitions} partitions`).to.deep.equal(sorted);
      const limited = await runStream(batches, s => build(s).orderBy(desc('k'), 'x', 'i').limit(25), options);
      expect(limited, `${partitions} partitions`).to.deep.equal(sorted.map(rows => rows.slice(0, 25)));
    }
    const firsts = batches.map(rows => rows.filter(({ k, b }, i) => i === rows.findIndex(o => o.k === k && o.b === b)));
    for (const partitions of [1, 4]) {
      const made = await runStream(batches, s => s.dropDuplicates(['k', 'b'], partitions), { schema: columns });
      const byPlace = compareRows([{ column: 'i', descending: false }]);
      expect(made.map(rows => (rows as { i: number }[]).toSorted(byPlace))).to.deep.equal(firsts);
    }
  });

  it('order and first rows of keys come again the same after a crash', async () => {
    const wanted = [[C, A], [A], [], [D, A]];
    for (const build of [
      (s: Events) => s.orderBy('size').limit(2).dropDuplicates(['size']),
      (s: Events) => s.dropDuplicates(['size']).where(col('size').lt(100)).orderBy('size'),
    ])
      await expectStream([[A, C, B], CRASH, [A], [], CRASH, [A, D]], build, wanted, {
        ...{ schema: events, ordered: true, workers: [1, 3, 2] },
      });
  });

  it('are the same as closures on random rows, many partitions and windows', async () => {
    const numbers = schema({ k: int32(), v: int64() });
    const batches = Array.from({ length: 4 }, (_, batch) =>
      Array.from({ length: 500 * batch }, (_, i) => ({ k: i % 7, v: (i * 7919) % 1000 })),
    );
    const byColumns = await runStream(
      batches,
      s =>
        s
          .repartition(3)
          .where(col('v').mod(3).ne(1))
          .withColumn('v', col('v').add(col('k')))
          .window(2000)
          .groupBy('k')
          .agg({ total: sum('v') }),
      { schema: numbers },
    );
    const byClosures = await runStream(
      batches,
      s =>
        s
          .filter(({ v }) => v % 3 !== 1)
          .map(({ k, v }) => [k, v + k])
          .reduceByKeyAndWindow((a, b) => a + b, 2000)
          .map(([k, total]) => ({ k, total })),
      { schema: numbers },
    );
    const sorted = (all: unknown[][]): unknown[][] =>
      all.map(rows => (rows as { k: number }[]).toSorted((a, b) => a.k - b.k));
    expect(sorted(byColumns)).to.deep.equal(sorted(byClosures));
  });

  it('fail the batch where rows do not fit, naming stream, row and column', async () => {
    let failure: unknown;
    try {
      await runStream([[{ n: 1 }, { n: 1.5 }]], s => s.map(row => row).toColumns(schema({ n: int32() })));
    } catch (error) {
      failure = error;
    }
    expect(String(failure)).to.contain('column n wants int32, got number 1.5').and.to.contain('toColumns');
  });

  it('are data of the plan: printed, and part of its fingerprint', () => {
    const planOf = (limit: number) =>
      buildGraph(
        job('spec', {}, ssc =>
          ssc
            .fileStream('in', csv(events))
            .where(col('size').gt(limit))
            .select({ user: lower(col('user')), double: col('size').mul(2) })
            .groupBy('user')
            .agg({ mean: avg('double') })
            .print(),
        ),
        {},
        2,
      ).plan;
    expect(explain(compileStages(planOf(5)))).to.equal(
      [
        'stage 0 (one partition a range)',
        '  node 0: source files [user utf8, action utf8?, size int64, ok bool]',
        '  node 1: where size > 5 <- 0 [user utf8, action utf8?, size int64, ok bool]',
        '  node 2: project user: lower(user), double: size * 2 <- 1 [user utf8, double int64]',
        '  node 2 => shuffle shuffle by groups into 2',
        'stage 1 (2 partitions, after stage 0)',
        '  node 3: aggregate mean sum, mean count by user utf8 <- shuffle shuffle [user utf8, mean sum int64, mean count int64]',
        '  node 4: project user: user, mean: "mean sum" / "mean count" <- 3 [user utf8, mean float64?]',
        '  node 4 => output print',
      ].join('\n'),
    );
    expect(fingerprintOf(planOf(5))).to.equal(fingerprintOf(planOf(5)));
    expect(fingerprintOf(planOf(5))).not.to.equal(fingerprintOf(planOf(6)));
  });

  it('have a source decode the columns that somebody reads', () => {
    const used = (build: (stream: Events) => void): unknown => {
      const { plan } = buildGraph(
        job('spec', {}, ssc => build(ssc.fileStream('in', csv(events)))),
        {},
        2,
      );
      const [stage] = compileStages(plan).stages;
      return stage && columnsUsed(stage, stage.leaf)?.toSorted();
    };
    expect(used(s => s.select('user').print())).to.deep.equal(['user']);
    expect(
      used(s =>
        s
          .where(col('size').gt(1))
          .select({ u: upper(col('user')) })
          .print(),
      ),
    ).to.deep.equal(['size', 'user']);
    expect(used(s => s.where(col('size').gt(1)).print())).to.equal(undefined);
    expect(used(s => s.select({ one: lit(1) }).print())).to.deep.equal([]);
    // A column that is computed and not read needs nothing.
    expect(
      used(s =>
        s
          .withColumn('long', concat(col('user'), col('user')))
          .groupBy('action')
          .agg({ n: count() })
          .print(),
      ),
    ).to.deep.equal(['action']);
    expect(
      used(s => {
        s.select('user').print();
        s.select('size').union(s.select('size')).distinct().print();
      }),
    ).to.deep.equal(['size', 'user']);
    expect(
      used(s =>
        s
          .select('user')
          .union(s.map(({ user }) => ({ user })))
          .print(),
      ),
    ).to.equal(undefined);
  });

  it('toColumns takes columns in another order and form', async () => {
    const some = schema({ size: nullable(int64()), user: utf8() });
    await expectRows(
      s =>
        s
          .toColumns(some)
          .groupBy('user')
          .agg({ size: sum('size') }),
      [
        [
          { user: 'Ann', size: 7 },
          { user: 'bob', size: 2 ** 40 },
        ],
        [],
        [
          { user: 'Ann', size: 10 },
          { user: 'Ören', size: 0 },
        ],
      ],
    );
  });

  it('give the same when few columns are decoded', async () => {
    await expectRows(s => s.where(col('size').lt(5)).select({ one: lit(1) }), [[{ one: 1 }], [], [{ one: 1 }]]);
  });

  it('are refused where columns are missing, of another type or not declared', () => {
    refused(s => s.where(col('nope' as 'user').eq('x')), "where wants the column 'nope'");
    refused(s => s.where(col('size') as never), 'where wants a condition such as');
    refused(s => s.select(...([] as unknown as ['user'])), 'select wants one column at least');
    refused(s => s.select({ x: 'user' } as never), "column 'x' of select wants an expression such as col('user')");
    refused(s => s.select({}), 'select wants one column at least');
    refused(s => s.select('user', 'user'), 'select wants each column once');
    refused(s => s.select('nope' as 'user'), "select wants the column 'nope'");
    refused(s => s.select({ x: upper(col('size')) as never }), "column 'x' of select");
    refused(s => s.drop('nope' as 'user'), "drop wants the column 'nope'");
    refused(s => s.drop('user', 'action', 'size', 'ok'), 'drop wants to leave one column at least');
    refused(s => s.rename({ nope: 'x' } as never), "rename wants the column 'nope'");
    refused(s => s.rename({ user: 'size' }), "there would be two columns 'size'");
    refused(s => s.map(row => row).where(col('size').gt(1)), 'where wants a stream whose columns are declared');
    refused(s => s.map(row => row).distinct(), 'declare them with toColumns(schema({ ... }))');
    refused(s => s.orderBy('size').limit(0), 'limit wants a whole number of rows from 1 on, got 0');
    refused(s => s.orderBy('nope' as 'size').limit(1), "orderBy wants the column 'nope'");
    refused(
      s => s.explode('x', split(col('size'), ' ') as never),
      "column 'x' of explode: split wants a text, got size",
    );
    refused(s => s.explode('x', split(col('user'), '')), 'split wants a text as separator that is not empty');
    refused(s => s.explode('x', col('user') as never), 'explode wants split(text, separator)');
    refused(s => s.dropDuplicates(['nope' as 'size']), "dropDuplicates wants the column 'nope'");
  });
});
