/**
 * Aggregates over columns, as frozen data: `{ n: count(), clicks: countIf(col('action').eq('click')), bytes: sum('size') }`.
 * A null is left out of every aggregate but `count()`. The type parameter `R` is the row it reads, as in `expr.ts`; `V` is
 * what comes out: a number, or null where there is nothing to take a minimum or maximum of.
 */
import type { Predicate } from '../columnar/predicate.js';
import { EngineError } from '../core/errors.js';
import { ColumnExpr, predicateOf, type ConditionExpr } from './expr.js';
import type { Reads } from './names.js';

export type AggregateKind = 'count' | 'sum' | 'min' | 'max';

export class AggExpr<R = never, V extends number | null = number | null> {
  readonly kind: AggregateKind;
  /** The column it reads; undefined for `count()`. */
  readonly column: string | undefined;
  /** Only rows for which this is true take part. */
  readonly filter: Predicate | undefined;
  declare readonly __row?: (row: R) => void;
  declare readonly __value?: V;

  constructor(kind: AggregateKind, column: string | undefined, filter: Predicate | undefined) {
    this.kind = kind;
    this.column = column;
    this.filter = filter;
    Object.freeze(this);
  }

  /** The same over the rows for which the condition is true (SQL's FILTER). */
  where<S>(condition: ConditionExpr<S>): AggExpr<R & S, V> {
    const added = predicateOf(condition, 'where');
    const filter: Predicate =
      this.filter === undefined ? added : Object.freeze({ op: 'and', left: this.filter, right: added });
    return new AggExpr(this.kind, this.column, filter);
  }
}

/** The row that aggregates `A` give: one number for each name, or null for a minimum or maximum of no value. */
export type AggOutput<A> = { readonly [N in keyof A]: A[N] extends AggExpr<never, infer V> ? V : never };

/** How many rows; with a column, how many rows where it is not null. */
export function count(): AggExpr<unknown, number>;
export function count<const N extends string>(column: N | ColumnExpr<N>): AggExpr<Reads<N, unknown>, number>;
export function count(column?: string | ColumnExpr): AggExpr<unknown, number> {
  return new AggExpr('count', column === undefined ? undefined : nameOf('count', column), undefined);
}

/** How many rows for which the condition is true. */
export function countIf<R>(condition: ConditionExpr<R>): AggExpr<R, number> {
  return new AggExpr('count', undefined, predicateOf(condition, 'countIf'));
}

/** Sum of a column of numbers; 0 of none. Integers are summed exactly as long as the sum is a safe integer. */
export function sum<const N extends string>(column: N | ColumnExpr<N>): AggExpr<Reads<N, number>, number> {
  return new AggExpr('sum', nameOf('sum', column), undefined);
}

/** Smallest number of a column; null of none. */
export function min<const N extends string>(column: N | ColumnExpr<N>): AggExpr<Reads<N, number>, number | null> {
  return new AggExpr('min', nameOf('min', column), undefined);
}

/** Greatest number of a column; null of none. */
export function max<const N extends string>(column: N | ColumnExpr<N>): AggExpr<Reads<N, number>, number | null> {
  return new AggExpr('max', nameOf('max', column), undefined);
}

function nameOf(kind: AggregateKind, column: unknown): string {
  if (typeof column === 'string') return column;
  if (column instanceof ColumnExpr) return column.name;
  const cure = kind === 'count' ? '; conditions are counted by countIf' : '';
  throw new EngineError('jobInvalid', `${kind} wants a column, by name or as col('name'), got ${typeof column}${cure}`);
}
