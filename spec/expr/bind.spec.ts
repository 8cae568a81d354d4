import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8 } from '../../lib/core/schema.js';
import { count, countIf, max, min, sum, type AggExpr } from '../../lib/expr/aggregate.js';
import { bindAggregates, bindPredicate } from '../../lib/expr/bind.js';
import { col, not, type ConditionExpr } from '../../lib/expr/expr.js';

const { columns } = schema({
  user: utf8(),
  action: nullable(utf8()),
  size: int32(),
  total: int64(),
  score: nullable(float64()),
  ok: bool(),
  at: timestamp(),
});

function refused(run: () => unknown, text: string): void {
  expect(run, text).to.throw(EngineError, text).with.property('code', 'jobInvalid');
}

describe('bind', () => {
  it('gives the kernels the condition as it is when it fits', () => {
    const condition = col('action')
      .eq('click')
      .or(not(col('size').ge(-5)).and(col('score').lt(0.5)));
    expect(bindPredicate(condition, columns)).to.deep.equal(condition.predicate);
    for (const fits of [col('at').gt(0), col('ok').ne(false), col('total').le(2 ** 53 - 1), col('user').isNull()]) {
      expect(bindPredicate(fits, columns)).to.deep.equal(fits.predicate);
    }
  });

  it('refuses an unknown column anywhere, listing those there are and the nearest', () => {
    const list = 'user utf8, action utf8?, size int32, total int64, score float64?, ok bool, at timestamp';
    const wrong: ConditionExpr[] = [
      col('acton').eq('x'),
      col('acton').isNull(),
      not(col('acton').lt('x')),
      col('ok').eq(true).or(col('acton').ne('x')),
    ];
    for (const condition of wrong)
      refused(
        () => bindPredicate(condition, columns),
        `wants the column 'acton', there are ${list}; did you mean 'action'?`,
      );
    refused(() => bindPredicate(col('constructor').eq('x'), columns), "wants the column 'constructor'");
  });

  it('refuses comparisons of different types, and of integers with what no integer equals', () => {
    const cases: [ConditionExpr, string][] = [
      [col('user').eq(5), "user = 5 cannot be asked: 'user' is utf8, so compare it with a string"],
      [col('size').eq('5'), "'size' is int32, so compare it with a number"],
      [col('ok').eq(1), "'ok' is bool, so compare it with a boolean"],
      [col('ok').eq('true'), "'ok' is bool, so compare it with a boolean"],
      [col('at').lt('2024'), "'at' is timestamp, so compare it with a number"],
      [col('size').lt(1.5), 'integer from -2147483648 to 2147483647'],
      [col('size').lt(2 ** 31), 'integer from -2147483648 to 2147483647'],
      [col('total').eq(2 ** 53), 'integer from -9007199254740991'],
    ];
    for (const [condition, text] of cases) refused(() => bindPredicate(condition, columns), text);
    refused(() => bindPredicate(col('ok').lt(true as never), columns), 'which has no order: use eq or ne');
  });

  it('binds each aggregate to its accumulator and the kind that comes out', () => {
    const bound = bindAggregates(
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
    expect(bound).to.deep.equal([
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
    expect(bindAggregates({ a: count('action'), b: count('action').where(col('size').gt(1)) }, columns)).to.deep.equal([
      { name: 'a', kind: 'sumInt64', outputKind: 'int64', filter: present },
      { name: 'b', kind: 'sumInt64', outputKind: 'int64', filter: { op: 'and', left: present, right: size } },
    ]);
  });

  it('refuses aggregates that do not fit, naming them', () => {
    const cases: [Record<string, AggExpr>, string][] = [
      [{}, 'at least one aggregate'],
      [{ x: sum('sise') }, "aggregate 'x', sum(sise) wants the column 'sise'"],
      [{ x: sum('user') }, "aggregate 'x', sum(user) wants a column of numbers, 'user' is utf8"],
      [{ x: max('user') }, "wants a column of numbers or timestamps, 'user' is utf8"],
      [{ x: sum('ok') }, "true ones are counted by countIf(col('ok').eq(true))"],
      [{ x: sum('at') }, "wants a column of numbers, 'at' is timestamp"],
      [{ x: countIf(col('nope').eq(1)) }, "wants the column 'nope'"],
      [{ x: sum('size').where(col('user').eq(1)) }, 'user = 1 cannot be asked'],
      [{ x: 'size' as never }, "aggregate 'x' wants count(), countIf(...), sum, min or max of a column, got string"],
    ];
    for (const [aggregates, text] of cases) refused(() => bindAggregates(aggregates, columns), text);
  });
});
