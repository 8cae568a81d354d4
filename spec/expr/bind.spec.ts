import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import {
  approxPercentile,
  avg,
  collectList,
  count,
  countDistinct,
  countIf,
  first,
  max,
  min,
  stddev,
  sum,
  type AggExpr,
} from '../../lib/expr/aggregate.js';
import { bindAggregates } from '../../lib/expr/bind.js';
import { bindCondition, bindExpr } from '../../lib/expr/bind-expr.js';
import type { BoundExpr } from '../../lib/expr/expr-data.js';
import { predicateOf } from '../../lib/expr/predicate-of.js';
import { col, lit, not, type AnyExpr } from '../../lib/expr/expr.js';
import { coalesce, dateTrunc, lower, udf, when } from '../../lib/expr/functions.js';
import { formatExpr } from '../../lib/expr/format-expr.js';

const { columns } = schema({
  user: utf8(),
  action: nullable(utf8()),
  size: int32(),
  total: int64(),
  score: nullable(float64()),
  ok: bool(),
  at: timestamp(),
});

const scope = { columns, user: 'where', udfs: [] };
const condition = (expr: AnyExpr): BoundExpr => bindCondition(expr.data, scope);
const bound = (expr: AnyExpr): BoundExpr => bindExpr(expr.data, scope);

function refused(run: () => unknown, text: string): void {
  expect(run, text).to.throw(EngineError, text).with.property('code', 'jobInvalid');
}

describe('bind', () => {
  it('gives the kernels conditions that compare columns with constants', () => {
    const fits = col('action')
      .eq('click')
      .or(not(lit(-5).le(col('size'))).and(col('score').lt(0.5)));
    expect(predicateOf(condition(fits))).to.deep.equal({
      op: 'or',
      left: { op: 'eq', column: 'action', value: 'click' },
      right: {
        op: 'and',
        left: { op: 'not', input: { op: 'ge', column: 'size', value: -5 } },
        right: { op: 'lt', column: 'score', value: 0.5 },
      },
    });
    expect(predicateOf(condition(col('ok')))).to.deep.equal({ op: 'eq', column: 'ok', value: true });
    expect(predicateOf(condition(col('user').isNull()))).to.deep.equal({ op: 'isNull', column: 'user' });
    expect(predicateOf(condition(col('size').isIn([1, 2])))).to.deep.equal({
      op: 'or',
      left: { op: 'eq', column: 'size', value: 1 },
      right: { op: 'eq', column: 'size', value: 2 },
    });
    const others = [
      col('size').lt(1.5),
      col('size').lt(2 ** 31),
      col('total').eq(2 ** 53),
      col('user').eq(col('action')),
      col('ok').and(col('size').add(1).gt(2)),
      not(lower(col('user')).eq('x')),
      lower(col('user')).isNull(),
      col('size').isIn([1, 1.5]),
      col('size').isIn([1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ];
    for (const other of others) expect(predicateOf(condition(other)), formatExpr(other)).to.equal(undefined);
  });

  it('gives each expression its kind, and says whether it can be null', () => {
    const kindOf = (expr: AnyExpr): string => {
      const { kind, nullable } = bound(expr);
      return `${kind}${nullable ? '?' : ''}`;
    };
    expect(
      [
        col('size').add(col('size')),
        col('size').add(0.5),
        col('size').add(col('score')),
        col('size').div(2),
        col('total').mod(2),
        col('at').add(1000),
        col('at').sub(col('at')),
        col('action').isNull(),
        col('action').eq('x'),
        col('action').eqNullSafe('x'),
        coalesce(col('action'), 'none'),
        coalesce(col('size'), 0.5),
        when(col('ok'), col('size')).otherwise(col('total')),
        when(col('ok'), col('size')).otherwise(null),
        col('user').cast('int32'),
        col('size').cast('float64'),
        col('total').cast('int32'),
        dateTrunc('day', col('at')),
        udf((user: string) => user, 'utf8')(col('user')),
      ].map(kindOf),
    ).to.deep.equal([
      'int64',
      'float64',
      'float64?',
      'float64?',
      'int64?',
      'timestamp',
      'int64',
      'bool',
      'bool?',
      'bool',
      'utf8',
      'float64',
      'int64',
      'int32?',
      'int32?',
      'float64',
      'int32?',
      'timestamp',
      'utf8?',
    ]);
  });

  it('computes what is constant, and leaves what fails to the rows that need it', () => {
    expect(bound(lit(2).mul(3).add(col('size')))).to.have.nested.property('args[0].value', 6);
    expect(bound(when(lit(1).gt(2), 1).otherwise(7))).to.deep.equal({
      op: 'literal',
      value: 7,
      kind: 'int64',
      nullable: false,
    });
    expect(bound(lit(2 ** 52).mul(4))).to.have.property('op', 'call');
    expect(bound(lit(1e308).mul(1e10))).to.have.property('op', 'call');
  });

  it('refuses an unknown column anywhere, listing those there are and the nearest', () => {
    const list = 'user utf8, action utf8?, size int32, total int64, score float64?, ok bool, at timestamp';
    const wrong: AnyExpr[] = [
      col('acton').eq('x'),
      col('acton').isNull(),
      not(col('acton').lt('x')),
      col('ok').eq(true).or(col('acton').ne('x')),
      coalesce(col('action'), lower(col('acton'))).eq('x'),
    ];
    for (const expr of wrong)
      refused(() => condition(expr), `where wants the column 'acton', there are ${list}; did you mean 'action'?`);
    refused(() => condition(col('constructor').eq('x')), "wants the column 'constructor'");
  });

  it('refuses values that a function cannot take, naming them and their kinds', () => {
    const cases: [AnyExpr, string][] = [
      [
        col('user').eq(5),
        'user = 5 of where: eq wants two values of one type, got user, which is utf8; 5, which is int64',
      ],
      [col('ok').eq('true'), 'got ok, which is bool; "true", which is utf8'],
      [col('at').lt('2024'), 'at < "2024" of where: lt wants two numbers, two timestamps or two texts'],
      [col('ok').lt(lit(true) as never), 'lt wants two numbers, two timestamps or two texts'],
      [col('user').add(1), 'add wants two numbers, or a timestamp and a whole number, got user, which is utf8'],
      [col('at').mul(2), 'mul wants two numbers'],
      [col('at').add(0.5), 'add wants'],
      [lower(col('size')), 'lower(size) of where: lower wants a text'],
      [dateTrunc('day', col('total')), 'dateTrunc wants a timestamp'],
      [
        dateTrunc('year' as never, col('at')),
        "dateTrunc wants one of second, minute, hour, day, week, month, got 'year'",
      ],
      [col('at').cast('bool'), 'cast(at as bool) of where: cast wants a value that can take this form'],
      [
        col('at').cast('int' as never),
        "wants a kind of column, one of utf8, int32, int64, float64, bool, timestamp; got 'int'",
      ],
      [coalesce(col('user'), 1), 'coalesce wants values of one type'],
      [when(col('size') as never, 1).otherwise(2), 'when wants conditions, and values of one type'],
      [col('ok').and(col('size') as never), 'and wants two conditions'],
      [col('user').isIn([1]), 'isIn wants constants of the type of its value'],
    ];
    for (const [expr, text] of cases) refused(() => bound(expr), text);
    refused(
      () => condition(col('size').add(1)),
      "where wants a condition such as col('action').eq('click'), got size + 1, which is int64",
    );
  });

  it('binds each aggregate to its accumulator and the kind that comes out', () => {
    const { aggregates, behind } = bindAggregates(
      {
        n: count(),
        users: count('user'),
        clicks: countIf(col('action').eq('click')),
        size: sum('size'),
        score: sum(col('score')),
        first: min('at'),
        most: max('total'),
        best: max('score'),
        least: min('size'),
      },
      columns,
    );
    expect(behind).to.equal(undefined);
    expect(aggregates).to.deep.equal([
      { name: 'n', kind: 'sumInt64', outputKind: 'int64' },
      { name: 'users', kind: 'sumInt64', outputKind: 'int64' },
      { name: 'clicks', kind: 'sumInt64', outputKind: 'int64', filter: { op: 'eq', column: 'action', value: 'click' } },
      { name: 'size', kind: 'sumInt64', column: 'size', outputKind: 'int64' },
      { name: 'score', kind: 'sumFloat64', column: 'score', outputKind: 'float64' },
      { name: 'first', kind: 'minInt64', column: 'at', outputKind: 'timestamp' },
      { name: 'most', kind: 'maxInt64', column: 'total', outputKind: 'int64' },
      { name: 'best', kind: 'maxFloat64', column: 'score', outputKind: 'float64' },
      { name: 'least', kind: 'minInt64', column: 'size', outputKind: 'int64' },
    ]);
  });

  it('counts a nullable column by rows where it is present', () => {
    const present = { op: 'not', input: { op: 'isNull', column: 'action' } };
    const size = { op: 'gt', column: 'size', value: 1 };
    expect(
      bindAggregates({ a: count('action'), b: count('action').where(col('size').gt(1)) }, columns).aggregates,
    ).to.deep.equal([
      { name: 'a', kind: 'sumInt64', outputKind: 'int64', filter: present },
      { name: 'b', kind: 'sumInt64', outputKind: 'int64', filter: { op: 'and', left: present, right: size } },
    ]);
  });

  it('computes expressions before the groups and averages behind them', () => {
    const { before, aggregates, behind, udfs } = bindAggregates(
      {
        total: sum(col('size').mul(2)),
        long: countIf(lower(col('user')).eq('x')),
        mean: avg('score').where(col('ok')),
        'mean sum': max(col('total')),
        odd: count(col('total').mod(2)),
        calls: sum(udf((size: number) => size, 'int64')(col('size'))),
      },
      columns,
    );
    expect(udfs).to.have.length(1);
    expect(before.map(({ name, expr }) => `${name}: ${formatExpr(expr)}`)).to.deep.equal([
      'total input: size * 2',
      'long condition: lower(user) = "x"',
      'odd input: total % 2',
      'calls input: udf(size)',
    ]);
    const ok = { op: 'eq', column: 'ok', value: true };
    const present = (column: string) => ({ op: 'not', input: { op: 'isNull', column } });
    expect(aggregates).to.deep.equal([
      { name: 'total', kind: 'sumInt64', column: 'total input', outputKind: 'int64' },
      {
        name: 'long',
        kind: 'sumInt64',
        outputKind: 'int64',
        filter: { op: 'eq', column: 'long condition', value: true },
      },
      { name: 'mean sum 2', kind: 'sumFloat64', column: 'score', outputKind: 'float64', filter: ok },
      {
        name: 'mean count',
        kind: 'sumInt64',
        outputKind: 'int64',
        filter: { op: 'and', left: present('score'), right: ok },
      },
      { name: 'mean sum', kind: 'maxInt64', column: 'total', outputKind: 'int64' },
      { name: 'odd', kind: 'sumInt64', outputKind: 'int64', filter: present('odd input') },
      { name: 'calls', kind: 'sumInt64', column: 'calls input', outputKind: 'int64' },
    ]);
    expect(behind?.map(({ name, expr }) => `${name}: ${formatExpr(expr)}${expr.nullable ? '?' : ''}`)).to.deep.equal([
      'total: total',
      'long: long',
      'mean: "mean sum 2" / "mean count"?',
      'mean sum: "mean sum"?',
      'odd: odd',
      'calls: calls',
    ]);
  });

  it('puts what wants more than a number a group beside the others', () => {
    const { before, aggregates, wide, behind } = bindAggregates(
      {
        n: count(),
        low: min('action').where(col('size').gt(1)),
        p: approxPercentile(col('size').div(2), 0.9),
        all: collectList('at'),
      },
      columns,
    );
    expect(before.map(({ name }) => name)).to.deep.equal(['p input']);
    expect(aggregates.map(({ name }) => name)).to.deep.equal(['n']);
    expect(wide).to.deep.equal([
      {
        name: 'low',
        kind: 'minText',
        column: 'action',
        inputKind: 'utf8',
        outputKind: 'utf8',
        nullable: true,
        filter: { op: 'gt', column: 'size', value: 1 },
      },
      {
        name: 'p',
        kind: 'approxPercentile',
        column: 'p input',
        inputKind: 'float64',
        outputKind: 'float64',
        nullable: true,
        probability: 0.9,
      },
      { name: 'all', kind: 'collectList', column: 'at', inputKind: 'timestamp', outputKind: 'list', nullable: false },
    ]);
    expect(behind, 'they come out in their order').to.equal(undefined);
    const mixed = bindAggregates(
      { top: max('user'), users: countDistinct('user'), n: count(), xs: collectList('ok') },
      columns,
    );
    expect(mixed.behind?.map(({ name, expr }) => `${name} ${expr.kind}${expr.nullable ? '?' : ''}`)).to.deep.equal([
      'top utf8?',
      'users int64',
      'n int64',
    ]);
    expect(bindAggregates({ n: count() }, columns).wide).to.equal(undefined);
  });

  it('refuses a percentile that is none', () => {
    for (const probability of [-0.1, 1.5, Number.NaN, 95, '0.5' as never])
      refused(() => approxPercentile('size', probability), 'approxPercentile wants a probability from 0 to 1, got');
  });

  it('refuses aggregates that do not fit, naming them', () => {
    const cases: [Record<string, AggExpr>, string][] = [
      [{}, 'at least one aggregate'],
      [{ x: sum('sise') }, "aggregate 'x', sum(sise) wants the column 'sise'"],
      [{ x: sum('user') }, "aggregate 'x', sum(user) wants a column of numbers, 'user' is utf8"],
      [{ x: max('ok') }, "wants a column of numbers, timestamps or text, 'ok' is bool"],
      [{ x: stddev('user') }, "aggregate 'x', stddev(user) wants a column of numbers, 'user' is utf8"],
      [{ x: approxPercentile('at', 0.5) }, "approxPercentile(at, 0.5) wants a column of numbers, 'at' is timestamp"],
      [{ x: first('sise') }, "aggregate 'x', first(sise) wants the column 'sise'"],
      [{ x: sum('ok') }, "true ones are counted by countIf(col('ok'))"],
      [{ x: sum('at') }, "wants a column of numbers, 'at' is timestamp"],
      [{ x: countIf(col('nope').eq(1)) }, "wants the column 'nope'"],
      [{ x: sum('size').where(col('user').eq(1)) }, 'user = 1 of aggregate'],
      [{ x: countIf(col('size') as never) }, 'wants a condition'],
      [{ x: sum(lower(col('user')) as never) }, 'lower(user) is utf8'],
      [
        { x: 'size' as never },
        "aggregate 'x' wants count(), countIf(...), sum, min, max, avg or another aggregate of a column, got string",
      ],
    ];
    for (const [aggregates, text] of cases) refused(() => bindAggregates(aggregates, columns), text);
  });
});
