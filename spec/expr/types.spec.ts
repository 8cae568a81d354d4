/** Mostly for the compiler: an expression fits a row type only when its columns are there with the types it reads. */
import { expect } from 'chai';
import { int64, nullable, schema, utf8, type RowOf } from '../../lib/core/schema.js';
import {
  approxPercentile,
  count,
  countDistinct,
  countIf,
  first,
  last,
  max,
  stddev,
  sum,
  type AggExpr,
  type AggOutput,
} from '../../lib/expr/aggregate.js';
import { bindAggregates, type BoundAggregates } from '../../lib/expr/bind.js';
import { col, lit, not, type ConditionExpr } from '../../lib/expr/expr.js';
import type { NamesOf } from '../../lib/expr/names.js';

const events = schema({ user: utf8(), action: nullable(utf8()), size: int64() });
type Event = RowOf<typeof events>;

const where = <R>(_condition: ConditionExpr<R>, _rows?: R): number => 1;
const whereEvent = (condition: ConditionExpr<Event>): ConditionExpr => condition;
const namesOf = ({ aggregates, wide = [] }: BoundAggregates): string[] =>
  [...aggregates, ...wide].map(({ name }) => name);
const agg = <A extends Record<string, AggExpr<Event>>>(aggregates: A): AggOutput<A, Event> =>
  Object.fromEntries(namesOf(bindAggregates(aggregates, events.columns)).map(name => [name, 0])) as AggOutput<A, Event>;
const names = (...list: NamesOf<Event>[]): number => list.length;

describe('expr types', () => {
  it('take columns that the row has', () => {
    whereEvent(
      col('action')
        .eq('click')
        .and(not(col('size').lt(5)))
        .or(lit('x').le(col('user'))),
    );
    whereEvent(col('size').isNull());
    const name: string = 'size';
    whereEvent(col(name).eq(5));
    const row: { readonly n: number; readonly clicks: number; readonly bytes: number } = agg({
      n: count(),
      clicks: countIf(col('action').eq('click')),
      bytes: sum('size').where(col('user').ne('x')),
    });
    const kept: { readonly a: string | null; readonly b: string | null; readonly c: number } = agg({
      a: first('action'),
      b: max(col('user')),
      c: countDistinct('size'),
    });
    const sizes: { readonly s: number | null; readonly p: number | null } = agg({
      s: last(col('size').add(1)),
      p: approxPercentile('size', 0.5),
    });
    expect([...Object.keys(kept), ...Object.keys(sizes)]).to.deep.equal(['a', 'b', 'c', 's', 'p']);
    expect(Object.keys(row)).to.deep.equal(['n', 'clicks', 'bytes']);
    expect(names('user', 'size')).to.equal(2);
    expect(where(col('a').eq(1))).to.equal(1);
  });

  it('refuse columns that the row lacks, and other types', () => {
    // @ts-expect-error no such column
    whereEvent(col('acton').eq('click'));
    // @ts-expect-error one of two columns is missing
    whereEvent(col('action').eq('click').and(col('acton').isNull()));
    // @ts-expect-error a string column compared with a number
    whereEvent(not(col('user').eq(5)));
    // @ts-expect-error a number column compared with a string
    whereEvent(lit('5').eq(col('size')));
    // @ts-expect-error not a column's name
    names('nope');
    const wrong = [
      // @ts-expect-error no such column
      () => agg({ x: sum('sise') }),
      // @ts-expect-error a column of strings
      () => agg({ x: stddev('user') }),
      // @ts-expect-error a condition on a column that is not there
      () => agg({ x: count().where(col('acton').eq('x')) }),
    ];
    for (const run of wrong) expect(run).to.throw();
  });

  it('refuse orders of booleans', () => {
    // @ts-expect-error booleans have no order
    expect(() => col('ok').lt(true)).to.not.throw();
    // @ts-expect-error an aggregate is no condition
    expect(() => not(count())).to.throw();
  });
});
