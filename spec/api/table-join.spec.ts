import { expect } from 'chai';
import { buildGraph } from '../../lib/api/job.js';
import {
  BatchQueue,
  bool,
  col,
  count,
  csv,
  float64,
  int32,
  int64,
  job,
  ndjson,
  nullable,
  schema,
  text,
  utf8,
  type DStream,
  type RowOf,
  type StaticTable,
  type StreamingContext,
} from '../../lib/index.js';
import { columnsUsed } from '../../lib/executor/columns-used.js';
import { conjunctsOver } from '../../lib/executor/join-operator.js';
import { explain } from '../../lib/plan/explain.js';
import { compileStages } from '../../lib/plan/stages.js';
import { CRASH, expectStream, runStream } from '../helpers/expect-stream.js';
import { intBelow, pick, randomOf, randomString, type Random } from '../helpers/random-values.js';

const events = schema({ ad: nullable(utf8()), n: int64() });
type Event = RowOf<typeof events>;
const ads = schema({ ad: nullable(utf8()), campaign: utf8(), cost: nullable(int64()) });
const ADS: RowOf<typeof ads>[] = [
  { ad: 'a', campaign: 'x', cost: 1 },
  { ad: 'b', campaign: 'y', cost: null },
  { ad: 'b', campaign: 'z', cost: 3 },
  { ad: null, campaign: 'nobody', cost: 4 },
];
const [A, B, C, NONE]: Event[] = [
  { ad: 'a', n: 1 },
  { ad: 'b', n: 2 },
  { ad: 'c', n: 3 },
  { ad: null, n: 4 },
];
const INPUT = [[A, B, C, NONE], [], [NONE]] as Event[][];

const expectJoin = (
  build: (s: DStream<Event>, table: StaticTable<RowOf<typeof ads>>) => DStream<unknown>,
  expected: readonly (readonly unknown[])[],
): Promise<void> =>
  expectStream<Event, unknown>(INPUT, (s, ssc) => build(s, ssc.staticTable(ADS, ads)), expected, {
    schema: events,
    ordered: true,
  });

describe('join with a static table', () => {
  it('puts the other columns of the rows that it finds beside a row; a null finds nothing', () =>
    expectJoin(
      (s, table) => s.join(table, 'ad'),
      [
        [
          { ...A, campaign: 'x', cost: 1 },
          { ...B, campaign: 'y', cost: null },
          { ...B, campaign: 'z', cost: 3 },
        ],
        [],
        [],
      ],
    ));

  it('keeps what finds nothing in a left join, with nulls', () =>
    expectJoin(
      (s, table) => s.where(col('n').gt(1)).join(table, ['ad'], { how: 'left' }),
      [
        [
          { ...B, campaign: 'y', cost: null },
          { ...B, campaign: 'z', cost: 3 },
          { ...C, campaign: null, cost: null },
          { ...NONE, campaign: null, cost: null },
        ],
        [],
        [{ ...NONE, campaign: null, cost: null }],
      ],
    ));

  it('keeps each row once that finds something in a semi join, and the others in an anti join', async () => {
    await expectJoin((s, table) => s.join(table, { ad: 'ad' }, { how: 'semi' }), [[A, B], [], []]);
    await expectJoin((s, table) => s.join(table, 'ad', { how: 'anti' }), [[C, NONE], [], [NONE]]);
  });

  it('joins by columns of other names, of a table of which columns were renamed, and to two tables', () =>
    expectJoin(
      (s, table) =>
        s
          .join(table.rename({ campaign: 'ad', ad: 'key', cost: 'price' }).rename({ ad: 'name' }), { ad: 'key' })
          .join(table.rename({ ad: 'key' }), { ad: 'key', price: 'cost' })
          .select('n', 'name', 'campaign'),
      [
        [
          { n: 1, name: 'x', campaign: 'x' },
          { n: 2, name: 'z', campaign: 'z' },
        ],
        [],
        [],
      ],
    ));

  it('goes on by columns: filters, projections and groups behind it see its columns', () =>
    expectJoin(
      (s, table) =>
        s
          .join(table, 'ad', { how: 'left' })
          .where(col('campaign').ne('x'))
          .select({ campaign: col('campaign'), twice: col('n').mul(2) })
          .groupBy('campaign')
          .agg({ n: count() }, { numPartitions: 1 }),
      [
        [
          { campaign: 'y', n: 1 },
          { campaign: 'z', n: 1 },
        ],
        [],
        [],
      ],
    ));

  it('joins only the rows that a filter behind it may keep, and gives the same', async () => {
    const big = Array.from({ length: 400 }, (_, i) => ({ ad: i % 9 === 0 ? null : `ad ${i % 20}`, n: i }));
    const table = Array.from({ length: 30 }, (_, i) => ({ ad: `ad ${i % 25}`, campaign: `c${i % 3}`, cost: i }));
    const expected = big
      .filter(({ n, ad }) => n > 100 && ad !== 'ad 7')
      .flatMap(row => table.filter(({ ad }) => ad === row.ad).map(({ campaign, cost }) => ({ ...row, campaign, cost })))
      .filter(({ campaign, n, cost }) => campaign === 'c1' && n % 2 === 0 && cost < 28);
    const condition = col('n').gt(100).and(col('campaign').eq('c1')).and(col('ad').ne('ad 7'));
    await expectStream(
      [big],
      (s, ssc) =>
        s.join(ssc.staticTable(table, ads), 'ad').where(condition.and(col('n').mod(2).eq(0)).and(col('cost').lt(28))),
      [expected],
      { schema: events, ordered: true },
    );
    expect(expected.length).to.be.above(10);
    const [a, b] = [{ op: 'gt', column: 'n', value: 1 } as const, { op: 'isNull', column: 'campaign' } as const];
    const isOwn = (name: string): boolean => name === 'n';
    expect(conjunctsOver({ op: 'and', left: { op: 'and', left: b, right: a }, right: b }, isOwn)).to.equal(a);
    expect(conjunctsOver({ op: 'or', left: a, right: b }, isOwn)).to.equal(undefined);
    expect(conjunctsOver({ op: 'and', left: a, right: a }, isOwn)).to.deep.equal({ op: 'and', left: a, right: a });
  });

  it('takes rows of closures too, and gives rows to closures', async () => {
    const rows = schema({ id: int32(), big: float64(), ok: bool() });
    const table = [
      { id: 1, big: Number.NaN, ok: true },
      { id: 2, big: -0, ok: false },
    ];
    await expectStream(
      [[1, 2, 3]],
      (s, ssc) =>
        s
          .map(id => ({ id }))
          .toColumns(schema({ id: int32() }))
          .join(ssc.staticTable(table, rows), 'id')
          .toRows()
          .map(({ id, big, ok }) => [id, big, ok]),
      [
        [
          [1, Number.NaN, true],
          [2, -0, false],
        ],
      ],
      { ordered: true },
    );
  });

  it('is the same as a nested loop on random rows, on any number of partitions, across crashes', async () => {
    const left = schema({ k: nullable(utf8()), x: nullable(float64()), n: int64() });
    const right = schema({ k: nullable(utf8()), x: float64(), v: nullable(utf8()), w: bool() });
    type Left = RowOf<typeof left>;
    type Right = RowOf<typeof right>;
    const numberOf = (random: Random): number => pick(random, [0, -0, 1, Number.NaN, 1e300]);
    for (const seed of [1, 2, 3, 4, 5]) {
      const random = randomOf(seed);
      const keys = Array.from({ length: 12 }, () => wellFormed(random));
      const keyOf = (): string | null => (random() < 0.1 ? null : pick(random, keys));
      const table = Array.from({ length: intBelow(random, 40) }, (): Right => {
        const v = random() < 0.3 ? null : wellFormed(random);
        return { k: keyOf(), x: numberOf(random), v, w: random() < 0.5 };
      });
      const batch = (size: number): Left[] =>
        Array.from({ length: size }, (_, n) => ({ k: keyOf(), x: random() < 0.1 ? null : numberOf(random), n }));
      const batches = [batch(100), batch(0), batch(300)];
      const found = (row: Left): Right[] =>
        table.filter(({ k, x }) => k !== null && k === row.k && (x === row.x || (x !== x && row.x !== row.x)));
      const pairs = (row: Left): unknown[] => found(row).map(({ v, w }) => ({ ...row, v, w }));
      const orNulls = (row: Left): unknown[] => (found(row).length > 0 ? pairs(row) : [{ ...row, v: null, w: null }]);
      const input = [batches[0], CRASH, batches[1], CRASH, batches[2]] as (Left[] | typeof CRASH)[];
      const options = { schema: left, workers: [seed, 2, ((seed + 2) % 5) + 1] };
      const joined =
        (how: 'inner' | 'left' | 'semi' | 'anti') =>
        (s: DStream<Left>, ssc: StreamingContext): DStream<unknown> => {
          const repartitioned = s.repartition(seed).toColumns(left);
          const there = ssc.staticTable(table, right);
          return how === 'inner'
            ? repartitioned.join(there, ['k', 'x'])
            : how === 'left'
              ? repartitioned.join(there, ['k', 'x'], { how })
              : repartitioned.join(there, ['k', 'x'], { how });
        };
      const expected = {
        inner: (rows: Left[]) => rows.flatMap(pairs),
        left: (rows: Left[]) => rows.flatMap(orNulls),
        semi: (rows: Left[]) => rows.filter(row => found(row).length > 0),
        anti: (rows: Left[]) => rows.filter(row => found(row).length === 0),
      };
      const how = pick(random, ['inner', 'left', 'semi', 'anti'] as const);
      for (const kind of new Set([how, seed % 2 === 0 ? 'inner' : 'left'] as const)) {
        await expectStream(input, joined(kind), batches.map(expected[kind]), options);
      }
    }
  });

  it('has a source decode the columns that are read, and a table give those that are read', () => {
    const compiled = planOf((ssc, table) =>
      ssc
        .fileStream('in', csv(schema({ ad: utf8(), n: int64(), kind: utf8(), other: utf8() })))
        .where(col('kind').eq('view'))
        .join(table, 'ad')
        .select('campaign')
        .groupBy('campaign')
        .agg({ n: count() }),
    );
    const [stage] = compiled.stages;
    if (stage === undefined) throw new Error('no stage');
    expect(columnsUsed(stage, stage.leaf)).to.deep.equal(['kind', 'ad']);
    const join = stage.nodes.find(({ operation }) => operation.kind === 'joinTable');
    expect(join && columnsUsed(stage, join)).to.deep.equal(['campaign']);
  });

  it('is data of the plan, and printed', () => {
    const compiled = planOf((ssc, table) =>
      ssc.fileStream('in', ndjson(events)).join(table, 'ad', { how: 'left' }).toRows(),
    );
    expect(explain(compiled).split('\n').slice(1, 4)).to.deep.equal([
      '  node 0: source files [ad utf8?, n int64]',
      "  node 1: left join 'table' on ad = ad <- 0 [ad utf8?, n int64, campaign utf8?, cost int64?]",
      '  node 2: toRows <- 1',
    ]);
  });

  it('is refused where columns are missing, of two types, there twice or not declared', () => {
    const refused = (
      build: (s: DStream<Event>, ssc: StreamingContext, table: StaticTable<RowOf<typeof ads>>) => unknown,
    ): string => {
      const declared = job('spec', {}, ssc => {
        build(ssc.queueStream(new BatchQueue<Event>(), { schema: events }), ssc, ssc.staticTable(ADS, ads));
      });
      let thrown: unknown;
      try {
        buildGraph(declared, {}, 1);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).to.have.property('code').that.is.oneOf(['jobInvalid', 'optionInvalid']);
      return String((thrown as Error).message);
    };
    expect(refused((s, _, table) => s.join(table, 'campaign' as never))).to.contain("'campaign'");
    expect(refused((s, _, table) => s.join(table, { n: 'no' as never })))
      .to.contain("of table 'table'")
      .and.contain('no');
    expect(refused((s, _, table) => s.join(table, { n: 'ad' }))).to.contain(
      "'n' of the stream is int64, 'ad' of table",
    );
    expect(refused((s, _, table) => s.join(table.rename({ cost: 'n' }), 'ad'))).to.contain(
      "both have a column 'n': rename one of them before",
    );
    expect(refused((s, _, table) => s.join(table, [] as never))).to.contain('got []');
    expect(refused((s, _, table) => s.join(table, 'ad', { how: 'right' as never }))).to.contain(
      'inner, left, semi, anti',
    );
    expect(refused((s, _, table) => s.map(row => row).join(table, 'ad'))).to.contain('join');
    expect(refused((_, ssc) => ssc.staticTable('', csv(ads)))).to.contain('got an empty string');
    expect(refused((_, ssc) => ssc.staticTable('x.txt', text() as never))).to.contain('got text()');
    expect(refused((_, ssc) => ssc.staticTable('x.csv', ads as never))).to.contain('got a schema');
    expect(refused((_, ssc) => ssc.staticTable(ADS, csv(ads) as never))).to.contain('(rows, schema)');
    expect(refused((_, ssc) => ssc.staticTable('x.csv', csv(ads), { refresh: 'now' }))).to.contain('wants a duration');
    expect(refused((_, _ssc, table) => table.rename({ no: 'x' } as never))).to.contain("got 'no'");
    expect(refused((_, _ssc, table) => table.rename({ ad: 'cost' }))).to.contain("two columns 'cost'");
    let other: StaticTable<RowOf<typeof ads>> | undefined;
    refused((_, ssc, table) => {
      other = ssc.staticTable(ADS, ads, { id: 'foreign' });
      return table.rename({ no: 'x' } as never);
    });
    expect(refused((s, _, table) => s.join(other ?? table, 'ad'))).to.contain("'foreign' is another's");
  });

  it('refuses rows of the job that do not fit their schema, when it starts', async () => {
    const thrown = await runStream(
      [[A]] as Event[][],
      (s, ssc) => s.join(ssc.staticTable([{ ad: 'a', campaign: 1 }] as never, ads), 'ad'),
      { schema: events },
    ).catch((error: unknown) => error);
    expect(thrown).to.have.property('code', 'typeMismatch');
    expect((thrown as Error).message).to.contain("table 'table': row 0: column campaign wants utf8");
  });
});

/** UTF-8 has no lone surrogates: they become U+FFFD, all the same. */
const wellFormed = (random: Random): string => Buffer.from(randomString(random, 30)).toString();

function planOf(build: (ssc: StreamingContext, table: StaticTable<RowOf<typeof ads>>) => DStream<unknown>) {
  const declared = job('spec', {}, ssc => {
    build(ssc, ssc.staticTable(ADS, ads)).foreachRDD(() => undefined);
  });
  return compileStages(buildGraph(declared, {}, 2).plan);
}
