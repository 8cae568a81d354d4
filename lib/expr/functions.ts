/**
 * Functions over columns, as Spark's `functions` has them: each gives an expression. What is computed from null is null
 * unless it says otherwise. Patterns, units and sizes are constants of the job. Times are UTC.
 */
import { EngineError } from '../core/errors.js';
import type { ColumnKind } from '../core/schema.js';
import { parseDuration, type Duration } from '../core/time.js';
import { callData, type ExprData, type Literal, type Value } from './expr-data.js';
import {
  call,
  dataOf,
  Expr,
  type ConditionExpr,
  type KindValue,
  type NullsOf,
  type NumberOperand,
  type Of1,
  type Operand,
  type OwnNull,
  type ReadsAs,
  type TextOperand,
  type Widen,
} from './expr.js';
import { checkedLiteral, show } from './literal.js';

export type TimeUnit = 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month';
export type TimePart = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'millisecond' | 'dayOfWeek';

type ReadsAll<A extends readonly unknown[], W> = A extends readonly [infer First, ...infer Rest]
  ? ReadsAs<First, W> & ReadsAll<Rest, W>
  : unknown;
type ReadsParameters<A, P> = A extends readonly [infer First, ...infer Rest]
  ? P extends readonly [infer Want, ...infer Wants]
    ? ReadsAs<First, Want> & ReadsParameters<Rest, Wants>
    : unknown
  : unknown;
type Last<A extends readonly unknown[]> = A extends readonly [...unknown[], infer L] ? L : never;

/** What a branch gives, where it is no column; and the column that it gives, where it is one. */
type BranchValue<O> = O extends Expr<infer _R, infer V, infer _N, infer _C> ? V : Widen<O>;
type BranchNulls<O> = O extends Expr<infer _R, infer _V, infer N, infer _C> ? N : never;
type BranchColumn<O> = O extends Expr<infer _R, infer _V, infer _N, infer C> ? C : never;

/** Branches of a `when` so far; `otherwise` makes an expression of them. */
export class CaseBuilder<R, O> {
  readonly #args: readonly ExprData[];
  declare readonly __reads?: (row: R) => void;
  declare readonly __branches?: O;

  constructor(args: readonly ExprData[]) {
    this.#args = args;
  }

  /** The value where no condition before is true and this one is. */
  when<W extends ConditionExpr, E extends Operand>(
    condition: W,
    value: E,
  ): CaseBuilder<R & ReadsAs<W, boolean> & ReadsAs<E, unknown>, O | E> {
    return new CaseBuilder([...this.#args, dataOf(condition, 'when'), dataOf(value, 'when')]);
  }

  /** What it is where no condition is true. */
  otherwise<E extends Operand | null>(
    value: E,
  ): Expr<R & ReadsAs<E, unknown>, BranchValue<O | E>, BranchNulls<O | E>, BranchColumn<O | E>> {
    return new Expr(callData('when', value === null ? this.#args : [...this.#args, dataOf(value, 'otherwise')]));
  }
}

/** The value of the first condition that is true: `when(c, x).when(d, y).otherwise(z)`; others are not evaluated. */
export const when = <W extends ConditionExpr, E extends Operand>(
  condition: W,
  value: E,
): CaseBuilder<ReadsAs<W, boolean> & ReadsAs<E, unknown>, E> =>
  new CaseBuilder([dataOf(condition, 'when'), dataOf(value, 'when')]);

/** The first that is not null; those behind it are not evaluated. */
export function coalesce<A extends readonly [Operand, ...Operand[]]>(
  ...args: A
): [NonNullable<BranchValue<A[number]>>] extends [never]
  ? Expr<ReadsAll<A, unknown>, never, never, BranchColumn<A[number]>>
  : Expr<
      ReadsAll<A, NonNullable<BranchValue<A[number]>>>,
      NonNullable<BranchValue<A[number]>> | OwnNull<Last<A>>,
      NullsOf<Last<A>>,
      never
    > {
  return call('coalesce', args) as never;
}

export const lower = <O extends TextOperand>(text: O): Of1<string, string, O> => call('lower', [text]);
export const upper = <O extends TextOperand>(text: O): Of1<string, string, O> => call('upper', [text]);
/** Without white space at both ends. */
export const trim = <O extends TextOperand>(text: O): Of1<string, string, O> => call('trim', [text]);
/** Number of characters (code points). */
export const length = <O extends TextOperand>(text: O): Of1<number, string, O> => call('length', [text]);

/** `length` characters from position `start` on, the first is 1; a negative start counts from the end. Without length: the rest. */
export function substring<O extends TextOperand>(text: O, start: number, length?: number): Of1<string, string, O> {
  return call('substring', [text, start, length ?? Number.MAX_SAFE_INTEGER]);
}

/** The texts one after another; null where one is null. */
export function concat<A extends readonly [TextOperand, ...TextOperand[]]>(
  ...texts: A
): Expr<ReadsAll<A, string>, string | OwnNull<A[number]>, NullsOf<A[number]>, never> {
  return call('concat', texts);
}

/** With every occurrence of the constant `search` replaced; an empty `search` occurs nowhere. */
export const replace = <O extends TextOperand>(text: O, search: string, by: string): Of1<string, string, O> =>
  call('replace', [text, search, by]);

/** The pieces of a text, for `explode`. */
export class SplitText<R = never> {
  readonly text: ExprData;
  readonly separator: string;
  declare readonly __reads?: (row: R) => void;

  constructor(text: ExprData, separator: string) {
    this.text = text;
    this.separator = separator;
    Object.freeze(this);
  }
}

/** The pieces of the text between the constant separator, for `explode`. */
export function split<O extends TextOperand>(text: O, separator: string): SplitText<ReadsAs<O, string>> {
  if (typeof separator !== 'string' || separator === '')
    throw new EngineError('jobInvalid', `split wants a text as separator that is not empty, got ${show(separator)}`);
  return new SplitText(dataOf(text, 'split'), String(checkedLiteral(separator, 'split')));
}

/** The text as a time by a date-fns pattern, in UTC where the pattern has no zone; null where it does not fit. */
export const toTimestamp = <O extends TextOperand>(text: O, pattern: string): Of1<number | null, string, O> =>
  call('toTimestamp', [text, pattern]);

/** The time in UTC by a date-fns pattern; `Invalid Date` beyond 275 000 years from now. */
export const dateFormat = <O extends NumberOperand>(time: O, pattern: string): Of1<string, number, O> =>
  call('dateFormat', [time, pattern]);

/** The beginning of the UTC second, minute, hour, day, week (Monday) or month. */
export const dateTrunc = <O extends NumberOperand>(unit: TimeUnit, time: O): Of1<number, number, O> =>
  call('dateTrunc', [time, unit]);

/** A part of the time in UTC; `month` from 1, `dayOfWeek` from 1 = Monday to 7. */
export const datePart = <O extends NumberOperand>(part: TimePart, time: O): Of1<number, number, O> =>
  call('datePart', [time, part]);

/** The beginning of the window of that size, counted from the epoch, that the time lies in. */
export const windowStart = <O extends NumberOperand>(time: O, size: Duration): Of1<number, number, O> =>
  call('windowStart', [time, parseDuration(size, 'the size of windowStart')]);

/** The hash by which keys of these values go to partitions, an integer from 0 to 2^32 - 1; null is a value too. */
export const hash = <A extends readonly [Operand, ...Operand[]]>(
  ...values: A
): Expr<ReadsAll<A, unknown>, number, never, never> => call('hash', values);

/**
 * A function of the job over values of one row each, as a function over expressions: `const tax = udf((n: number) => n *
 * 0.2, 'float64')`, then `tax(col('price'))`. It is called in the workers, where no argument is null; it must give the
 * same for the same arguments. What is not a value of the kind, or null, fails the batch.
 */
export function udf<P extends readonly Literal[], V extends Value, K extends ColumnKind>(
  f: (...args: P) => V & (KindValue<K> | null),
  kind: K,
): <A extends { readonly [I in keyof P]: P[I] | Expr<never, P[I] | null, string, string> }>(
  ...args: A
) => Expr<ReadsParameters<A, P>, V | OwnNull<A[number & keyof A]>, NullsOf<A[number & keyof A]> & string, never> {
  if (typeof f !== 'function') throw new EngineError('jobInvalid', `udf wants a function, got ${show(f)}`);
  return (...args) =>
    new Expr({
      op: 'udf',
      f: f as (...args: never[]) => unknown,
      to: kind,
      args: Object.freeze([...(args as Iterable<unknown>)].map(arg => dataOf(arg, 'a udf'))),
    });
}
