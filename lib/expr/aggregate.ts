/**
 * Aggregates over columns, as frozen data: `{ n: count(), clicks: countIf(col('action').eq('click')), bytes: sum('size') }`.
 * A null is left out of every aggregate but `count()`. The type parameter `R` is the row it reads, as in `expr.ts`.
 */
import type { Predicate } from '../columnar/predicate.js';
import { EngineError } from '../core/errors.js';
import { ColumnExpr, predicateOf, type ConditionExpr } from './expr.js';
import type { Reads } from './names.js';

export type AggregateKind = 'count' | 'sum' | 'min' | 'max';

export class AggExpr<R = never> {
  readonly kind: AggregateKind;
  /** The column it reads; undefined for `count()`. */
  readonly column: string | undefined;
  /** Only rows for which this is true take part. */
  readonly filter: Predicate | undefined;
  declare readonly __row?: (row: R) => void;

  constructor(kind: AggregateKind, column: string | undefined, filter: Predicate | undefined) {
    this.kind = kind;
    this.column = column;
    this.filter = filter;
    Object.freeze(this);
  }

  /** The same over the rows for which the condition is true (SQL's FILTER). */
  where<S>(condition: ConditionExpr<S>): AggExpr<R & S> {
    const added = predicateOf(condition, 'where');
    const filter: Predicate =
      this.filter === undefined ? added : Object.freeze({ op: 'and', left: this.filter, right: added });
    return new AggExpr(this.kind, this.column, filter);
  }
}

/** The row that aggregates `A` give: one number for each name. */
export type AggOutput<A> = { readonly [N in keyof A]: number };

/** How many rows; with a column, how many rows where it is not null. */
export function count(): AggExpr<unknown>;
export function count<const N extends string>(column: N | ColumnExpr<N>): AggExpr<Reads<N, unknown>>;
export function count(column?: string | ColumnExpr): AggExpr<unknown> {
  return new AggExpr('count', column === undefined ? undefined : nameOf('count', column), undefined);
}

/** How many rows for which the condition is true. */
export function countIf<R>(condition: ConditionExpr<R>): AggExpr<R> {
  return new AggExpr('count', undefined, predicateOf(condition, 'countIf'));
}

/** Sum of a column of numbers; 0 of none. Integers are summed exactly as long as the sum is a safe integer. */
export function sum<const N extends string>(column: N | ColumnExpr<N>): AggExpr<Reads<N, number>> {
  return new AggExpr('sum', nameOf('sum', column), undefined);
}

/** Smallest number of a column. */
export function min<const N extends string>(column: N | ColumnExpr<N>): AggExpr<Reads<N, number>> {
  return new AggExpr('min', nameOf('min', column), undefined);
}

/** Greatest number of a column. */
export function max<const N extends string>(column: N | ColumnExpr<N>): AggExpr<Reads<N, number>> {
  return new AggExpr('max', nameOf('max', column), undefined);
}

function nameOf(kind: AggregateKind, column: unknown): string {
  if (typeof column === 'string') return column;
  if (column instanceof ColumnExpr) return column.name;
  const cure = kind === 'count' ? '; conditions are counted by countIf' : '';
  throw new EngineError('jobInvalid', `${kind} wants a column, by name or as col('name'), got ${typeof column}${cure}`);
}
