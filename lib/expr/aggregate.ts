/**
 * Aggregates over columns, as frozen data: `{ n: count(), clicks: countIf(col('action').eq('click')), bytes: sum('size') }`.
 * What they read is a column, by name, or any expression. A null is left out of every aggregate but `count()`. The type
 * parameter `R` is the row it reads, as in `expr.ts`; `V` is what comes out: a number, or null where there is nothing
 * to take a minimum, maximum or average of. What comes out as it went in is an `InputValue`, known with the row only.
 */
import { EngineError } from '../core/errors.js';
import { callData, type ExprData } from './expr-data.js';
import { Expr, type ConditionExpr, type ReadsAs, type ValueIn } from './expr.js';
import { show } from './literal.js';
import type { Reads } from './names.js';

export type AggregateKind =
  | 'count'
  | 'sum'
  | 'min'
  | 'max'
  | 'avg'
  | 'first'
  | 'last'
  | 'countDistinct'
  | 'collectList'
  | 'approxCountDistinct'
  | 'approxPercentile'
  | 'variance'
  | 'stddev';

/** Stands for a value of the input `I` that is not null. Exists for the compiler only. */
export interface InputValue<I> {
  readonly __input: I;
}

/** Stands for a list of them. */
export interface InputList<I> {
  readonly __inputs: I;
}

export class AggExpr<R = never, V = unknown> {
  readonly kind: AggregateKind;
  /** What it reads; undefined for `count()`. */
  readonly input: ExprData | undefined;
  /** Only rows for which this is true take part. */
  readonly filter: ExprData | undefined;
  /** Of approxPercentile: which. */
  readonly probability: number | undefined;
  declare readonly __row?: (row: R) => void;
  declare readonly __value?: V;

  constructor(
    kind: AggregateKind,
    input: ExprData | undefined,
    filter: ExprData | undefined,
    probability?: number | undefined,
  ) {
    this.kind = kind;
    this.input = input;
    this.filter = filter;
    this.probability = probability;
    Object.freeze(this);
  }

  /** The same over the rows for which the condition is true (SQL's FILTER). */
  where<O extends ConditionExpr>(condition: O): AggExpr<R & ReadsAs<O, boolean>, V> {
    const added = conditionOf(condition, 'where');
    return new AggExpr(
      this.kind,
      this.input,
      this.filter === undefined ? added : callData('and', [this.filter, added]),
      this.probability,
    );
  }
}

/** The row that aggregates `A` over rows `T` give: one value for each name, or null where there is nothing to aggregate. */
export type AggOutput<A, T> = {
  readonly [N in keyof A]: A[N] extends AggExpr<never, infer V> ? OutputValue<V, T> : never;
};

type OutputValue<V, T> =
  V extends InputValue<infer I> ? Present<I, T> : V extends InputList<infer I> ? readonly Present<I, T>[] : V;
/** A column whose name is known at run time only may hold anything. */
type Present<I, T> = NonNullable<
  I extends string ? (string extends I ? string | number | boolean : T[I & keyof T]) : ValueIn<I, T>
>;

/** The rows that an aggregate's input reads: a column by name, or an expression. */
type InputReads<I, W> = I extends string ? Reads<I, W> : ReadsAs<I, W>;
type NumberInput = string | Expr<never, number | null, string, string>;
type OrderedInput = string | Expr<never, number | string | null, string, string>;
type AnyInput = string | Expr<never, unknown, string, string>;

/** How many rows; with a column or expression, how many rows where it is not null. */
export function count(): AggExpr<unknown, number>;
export function count<const I extends AnyInput>(input: I): AggExpr<InputReads<I, unknown>, number>;
export function count(input?: unknown): AggExpr<unknown, number> {
  return new AggExpr('count', input === undefined ? undefined : inputOf('count', input), undefined);
}

/** How many rows for which the condition is true. */
export const countIf = <O extends ConditionExpr>(condition: O): AggExpr<ReadsAs<O, boolean>, number> =>
  new AggExpr('count', undefined, conditionOf(condition, 'countIf'));

/** Sum of numbers; 0 of none. Integers are summed exactly as long as the sum is a safe integer. */
export const sum = <const I extends NumberInput>(input: I): AggExpr<InputReads<I, number>, number> =>
  new AggExpr('sum', inputOf('sum', input), undefined);

/** Smallest number, time or text (by UTF-8 bytes); null of none. */
export const min = <const I extends OrderedInput>(
  input: I,
): AggExpr<InputReads<I, number | string>, InputValue<I> | null> =>
  new AggExpr('min', inputOf('min', input), undefined);

/** Greatest number, time or text (by UTF-8 bytes); null of none. */
export const max = <const I extends OrderedInput>(
  input: I,
): AggExpr<InputReads<I, number | string>, InputValue<I> | null> =>
  new AggExpr('max', inputOf('max', input), undefined);

/** Average of numbers, as float64; null of none. It is kept as a sum and a count. */
export const avg = <const I extends NumberInput>(input: I): AggExpr<InputReads<I, number>, number | null> =>
  new AggExpr('avg', inputOf('avg', input), undefined);

/** The value that came first: in the earliest batch, of its partitions the first, there the first row. Null of none. */
export const first = <const I extends AnyInput>(input: I): AggExpr<InputReads<I, unknown>, InputValue<I> | null> =>
  new AggExpr('first', inputOf('first', input), undefined);

/** The value that came last, by the order that `first` goes by. Null of none. */
export const last = <const I extends AnyInput>(input: I): AggExpr<InputReads<I, unknown>, InputValue<I> | null> =>
  new AggExpr('last', inputOf('last', input), undefined);

/** How many different values, exactly: all of them are kept. NaN is one value, and -0 is 0. */
export const countDistinct = <const I extends AnyInput>(input: I): AggExpr<InputReads<I, unknown>, number> =>
  new AggExpr('countDistinct', inputOf('countDistinct', input), undefined);

/** All values as an array, in the order that `first` goes by. What it gives are rows, without declared columns. */
export const collectList = <const I extends AnyInput>(input: I): AggExpr<InputReads<I, unknown>, InputList<I>> =>
  new AggExpr('collectList', inputOf('collectList', input), undefined);

/** How many different values, estimated with a standard error of 1.6 %, in 4 KiB a group at the most (HyperLogLog). */
export const approxCountDistinct = <const I extends AnyInput>(input: I): AggExpr<InputReads<I, unknown>, number> =>
  new AggExpr('approxCountDistinct', inputOf('approxCountDistinct', input), undefined);

/**
 * The value below which that part of the numbers lies, within 1 % of one that is there (DDSketch); null of none. NaN is
 * the greatest. Throws `jobInvalid` for a probability outside 0 to 1.
 */
export function approxPercentile<const I extends NumberInput>(
  input: I,
  probability: number,
): AggExpr<InputReads<I, number>, number | null> {
  if (typeof probability === 'number' && probability >= 0 && probability <= 1)
    return new AggExpr('approxPercentile', inputOf('approxPercentile', input), undefined, probability);
  throw new EngineError(
    'jobInvalid',
    `approxPercentile wants a probability from 0 to 1, got ${show(probability)}: the 95th percentile is 0.95`,
  );
}

/** Sample variance of numbers (divided by n - 1), as float64; null of fewer than two. */
export const variance = <const I extends NumberInput>(input: I): AggExpr<InputReads<I, number>, number | null> =>
  new AggExpr('variance', inputOf('variance', input), undefined);

/** Sample standard deviation of numbers: the root of `variance`. */
export const stddev = <const I extends NumberInput>(input: I): AggExpr<InputReads<I, number>, number | null> =>
  new AggExpr('stddev', inputOf('stddev', input), undefined);

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
