import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import * as expressions from '../../lib/api/expressions.js';
import { EngineError } from '../../lib/core/errors.js';
import { count, countIf, max, min, sum } from '../../lib/expr/aggregate.js';
import { col, Expr, lit, not, type AnyExpr } from '../../lib/expr/expr.js';
import { coalesce, concat, udf, when } from '../../lib/expr/functions.js';
import { formatExpr } from '../../lib/expr/format-expr.js';

/** For uses that the compiler refuses and a job without types can still make. */
const untyped = (run: () => unknown): (() => unknown) => run;

describe('expr', () => {
  it('is frozen data that survives JSON', () => {
    const condition = col('action')
      .eq('click')
      .and(not(col('size').isNull()));
    expect(JSON.parse(JSON.stringify(condition))).to.deep.equal({
      data: {
        op: 'call',
        fn: 'and',
        args: [
          {
            op: 'call',
            fn: 'eq',
            args: [
              { op: 'column', name: 'action' },
              { op: 'literal', value: 'click' },
            ],
          },
          {
            op: 'call',
            fn: 'not',
            args: [{ op: 'call', fn: 'isNull', args: [{ op: 'column', name: 'size' }] }],
          },
        ],
      },
    });
    expect(Object.isFrozen(condition)).to.equal(true);
    expect(Object.isFrozen(condition.data)).to.equal(true);
    expect(JSON.parse(JSON.stringify(sum('size')))).to.deep.equal({
      kind: 'sum',
      input: { op: 'column', name: 'size' },
    });
  });

  it('prints with the parentheses that it needs and no others', () => {
    const [a, b, c] = [col('a').eq(1), col('b').lt('x"y'), col('c d').ge(-0)] as const;
    const cases: [AnyExpr, string][] = [
      [a.and(b).and(c), 'a = 1 and b < "x\\"y" and "c d" >= 0'],
      [a.and(b.and(c)), 'a = 1 and (b < "x\\"y" and "c d" >= 0)'],
      [a.or(b).and(c), '(a = 1 or b < "x\\"y") and "c d" >= 0'],
      [a.and(b).or(c), 'a = 1 and b < "x\\"y" or "c d" >= 0'],
      [not(a.or(b)), 'not (a = 1 or b < "x\\"y")'],
      [not(not(a)), 'not not a = 1'],
      [not(a).and(col('b').isNull()), 'not a = 1 and b is null'],
      [col('a').add(1).mul(col('b').sub(2).sub(3)), '(a + 1) * (b - 2 - 3)'],
      [lit(5).sub(col('a').sub(1)).neg().lt(2), '-(5 - (a - 1)) < 2'],
      [a.eq(col('ok')), '(a = 1) = ok'],
      [col('a').eq(col('b').isNull()), 'a = (b is null)'],
      [col('a').div(2).mod(3).eqNullSafe(1), 'a / 2 % 3 <=> 1'],
      [col('a').isIn(['x', 'y']).or(not(a)), 'a in ("x", "y") or not a = 1'],
      [when(a, 'x').when(b, col('s')).otherwise(null), 'case when a = 1 then "x" when b < "x\\"y" then s end'],
      [when(a, 1).otherwise(2), 'case when a = 1 then 1 else 2 end'],
      [coalesce(concat(col('a'), '-'), col('b')), 'coalesce(concat(a, "-"), b)'],
      [udf((s: string) => s, 'utf8')(col('a').cast('utf8')), 'udf(cast(a as utf8))'],
      [col('a').between(1, 2), 'a >= 1 and a <= 2'],
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
      [() => col('s').regexp(/a/g), 'regexp wants a RegExp with no flags but i, m, s and u, got /a/g'],
      [() => col('s').regexp('a' as never), 'got "a"'],
      [() => udf(5 as never, 'utf8'), 'udf wants a function, got 5'],
      [() => countIf('ok' as never), "countIf wants a condition such as col('action').eq('click'), got \"ok\""],
      [
        () =>
          col('a')
            .eq(1)
            .and((() => true) as never),
        'and wants a string, a finite number or a boolean, got a function',
      ],
      [() => col(5 as never), 'col wants the name of a column, got 5'],
      [() => sum(5 as never), 'sum wants a column'],
    ];
    for (const [run, text] of cases)
      expect(untyped(run), text).to.throw(EngineError, text).with.property('code', 'jobInvalid');
  });
});

describe('lib/README.md on columns', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'lib', 'README.md'), 'utf8');
  const section = text.slice(text.indexOf('## Columns'), text.indexOf('## A checkpoint directory'));
  const rows = section.split('\n').filter(line => line.startsWith('|'));
  const documented = new Set(
    rows.flatMap(row => [...(row.split('|')[1] ?? '').matchAll(/[a-zA-Z]+/g)].map(([name]) => name)),
  );

  it('names every function and every method of an expression', () => {
    const methods = Object.getOwnPropertyNames(Expr.prototype).filter(name => name !== 'constructor');
    const functions = Object.entries(expressions).flatMap(([name, value]) =>
      typeof value === 'function' ? [name] : [],
    );
    const missing = [...methods, ...functions].filter(name => !documented.has(name));
    expect(missing).to.deep.equal([]);
  });
});
