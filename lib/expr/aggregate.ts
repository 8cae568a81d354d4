/**
 * Aggregates over columns, as frozen data: `{ n: count(), clicks: countIf(col('action').eq('click')), bytes: sum('size') }`.
 * What they read is a column, by name, or any expression. A null is left out of every aggregate but `count()`. The type
 * parameter `R` is the row it reads, as in `expr.ts`; `V` is what comes out: a number, or null where there is nothing
 * to take a minimum, maximum or average of.
 */
import { EngineError } from '../core/errors.js';
import { callData, type ExprData } from './expr-data.js';
import { Expr, type ConditionExpr, type ReadsAs } from './expr.js';
import { show } from './literal.js';
import type { Reads } from './names.js';

export type AggregateKind = 'count' | 'sum' | 'min' | 'max' | 'avg';

export class AggExpr<R = never, V extends number | null = number | null> {
  readonly kind: AggregateKind;
  /** What it reads; undefined for `count()`. */
  readonly input: ExprData | undefined;
  /** Only rows for which this is true take part. */
  readonly filter: ExprData | undefined;
  declare readonly __row?: (row: R) => void;
  declare readonly __value?: V;

  constructor(kind: AggregateKind, input: ExprData | undefined, filter: ExprData | undefined) {
    this.kind = kind;
    this.input = input;
    this.filter = filter;
    Object.freeze(this);
  }

  /** The same over the rows for which the condition is true (SQL's FILTER). */
  where<O extends ConditionExpr>(condition: O): AggExpr<R & ReadsAs<O, boolean>, V> {
    const added = conditionOf(condition, 'where');
    return new AggExpr(
      this.kind,
      this.input,
      this.filter === undefined ? added : callData('and', [this.filter, added]),
    );
  }
}

/** The row that aggregates `A` give: one number for each name, or null where there is no value to aggregate. */
export type AggOutput<A> = { readonly [N in keyof A]: A[N] extends AggExpr<never, infer V> ? V : never };

/** The rows that an aggregate's input reads: a column by name, or an expression. */
type InputReads<I, W> = I extends string ? Reads<I, W> : ReadsAs<I, W>;
type NumberInput = string | Expr<never, number | null, string, string>;

/** How many rows; with a column or expression, how many rows where it is not null. */
export function count(): AggExpr<unknown, number>;
export function count<const I extends string | Expr<never, unknown, string, string>>(
  input: I,
): AggExpr<InputReads<I, unknown>, number>;
export function count(input?: unknown): AggExpr<unknown, number> {
  return new AggExpr('count', input === undefined ? undefined : inputOf('count', input), undefined);
}

/** How many rows for which the condition is true. */
export const countIf = <O extends ConditionExpr>(condition: O): AggExpr<ReadsAs<O, boolean>, number> =>
  new AggExpr('count', undefined, conditionOf(condition, 'countIf'));

/** Sum of numbers; 0 of none. Integers are summed exactly as long as the sum is a safe integer. */
export const sum = <const I extends NumberInput>(input: I): AggExpr<InputReads<I, number>, number> =>
  new AggExpr('sum', inputOf('sum', input), undefined);

/** Smallest number; null of none. */
export const min = <const I extends NumberInput>(input: I): AggExpr<InputReads<I, number>, number | null> =>
  new AggExpr('min', inputOf('min', input), undefined);

/** Greatest number; null of none. */
export const max = <const I extends NumberInput>(input: I): AggExpr<InputReads<I, number>, number | null> =>
  new AggExpr('max', inputOf('max', input), undefined);

/** Average of numbers, as float64; null of none. It is kept as a sum and a count. */
export const avg = <const I extends NumberInput>(input: I): AggExpr<InputReads<I, number>, number | null> =>
  new AggExpr('avg', inputOf('avg', input), undefined);

function inputOf(kind: AggregateKind, input: unknown): ExprData {
  if (typeof input === 'string') return Object.freeze({ op: 'column', name: input });
  if (input instanceof Expr) return input.data;
  throw new EngineError(
    'jobInvalid',
    `${kind} wants a column by name, or an expression such as col('size').mul(8), got ${show(input)}`,
  );
}

function conditionOf(condition: unknown, user: string): ExprData {
  if (condition instanceof Expr) return condition.data;
  throw new EngineError(
    'jobInvalid',
    `${user} wants a condition such as col('action').eq('click'), got ${show(condition)}`,
  );
}
