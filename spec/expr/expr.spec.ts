import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { count, countIf, max, min, sum } from '../../lib/expr/aggregate.js';
import { col, lit, not, type ConditionExpr } from '../../lib/expr/expr.js';
import { formatExpr } from '../../lib/expr/format-expr.js';

/** For uses that the compiler refuses and a job without types can still make. */
const untyped = (run: () => unknown): (() => unknown) => run;

describe('expr', () => {
  it('is frozen data that survives JSON', () => {
    const condition = col('action')
      .eq('click')
      .and(not(col('size').isNull()));
    expect(JSON.parse(JSON.stringify(condition))).to.deep.equal({
      kind: 'condition',
      predicate: {
        op: 'and',
        left: { op: 'eq', column: 'action', value: 'click' },
        right: { op: 'not', input: { op: 'isNull', column: 'size' } },
      },
    });
    expect(Object.isFrozen(condition)).to.equal(true);
    expect(Object.isFrozen(condition.predicate)).to.equal(true);
    expect(JSON.parse(JSON.stringify(sum('size')))).to.deep.equal({ kind: 'sum', column: 'size' });
  });

  it('turns a comparison around when the constant is on the left', () => {
    const texts = [
      lit(5).eq(col('n')),
      lit(5).ne(col('n')),
      lit(5).lt(col('n')),
      lit(5).le(col('n')),
      lit(5).gt(col('n')),
      lit(5).ge(col('n')),
    ].map(formatExpr);
    expect(texts).to.deep.equal(['n = 5', 'n <> 5', 'n > 5', 'n >= 5', 'n < 5', 'n <= 5']);
    expect(formatExpr(col('n').lt(lit(5)))).to.equal('n < 5');
  });

  it('prints with the parentheses that it needs and no others', () => {
    const [a, b, c] = [col('a').eq(1), col('b').lt('x"y'), col('c d').ge(-0)] as const;
    const cases: [ConditionExpr, string][] = [
      [a.and(b).and(c), 'a = 1 and b < "x\\"y" and "c d" >= 0'],
      [a.and(b.and(c)), 'a = 1 and (b < "x\\"y" and "c d" >= 0)'],
      [a.or(b).and(c), '(a = 1 or b < "x\\"y") and "c d" >= 0'],
      [a.and(b).or(c), 'a = 1 and b < "x\\"y" or "c d" >= 0'],
      [not(a.or(b)), 'not (a = 1 or b < "x\\"y")'],
      [not(not(a)), 'not not a = 1'],
      [not(a).and(col('b').isNull()), 'not a = 1 and b is null'],
    ];
    for (const [condition, text] of cases) expect(formatExpr(condition)).to.equal(text);
  });

  it('prints aggregates, columns and constants', () => {
    expect(
      [count(), count('user'), countIf(col('ok').eq(true)), min(col('t')), max('t').where(col('n').gt(1))].map(
        formatExpr,
      ),
    ).to.deep.equal(['count()', 'count(user)', 'count() where ok = true', 'min(t)', 'max(t) where n > 1']);
    expect([formatExpr(col('a-b')), formatExpr(lit('x'))]).to.deep.equal(['"a-b"', '"x"']);
  });

  it('joins the conditions of an aggregate', () => {
    const both = countIf(col('a').eq(1)).where(col('b').eq(2));
    expect(formatExpr(both)).to.equal('count() where a = 1 and b = 2');
  });

  it('refuses what nothing can equal, with the cure', () => {
    const cases: [() => unknown, string][] = [
      [
        () => col('a').eq(null as never),
        "col('a').eq wants a string, a finite number or a boolean, got null: nothing equals null, ask with col(...).isNull()",
      ],
      [() => col('a').lt(Number.NaN), 'got NaN'],
      [() => lit(Number.POSITIVE_INFINITY), 'lit wants'],
      [() => col('a').eq('x\ud800'), 'half of a surrogate pair'],
      [() => col('t').ge(new Date(0) as never), 'got a Date: use its getTime()'],
      [() => col('a').eq(1n as never), 'got 1n'],
      [() => col('a').eq(col('b') as never), 'compare two columns in filter(row => ...)'],
      [() => lit(1).eq('a' as never), 'a constant is compared with a column'],
      [() => not(col('ok') as never), "write col('ok').eq(true)"],
      [
        () =>
          col('a')
            .eq(1)
            .and((() => true) as never),
        'and wants a condition',
      ],
      [() => col(5 as never), 'col wants the name of a column, got 5'],
      [() => sum(5 as never), 'sum wants a column'],
      [() => count(col('a').eq(1) as never), 'conditions are counted by countIf'],
    ];
    for (const [run, text] of cases)
      expect(untyped(run), text).to.throw(EngineError, text).with.property('code', 'jobInvalid');
  });
});
