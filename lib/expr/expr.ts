/**
 * Column expressions: values computed from columns, as frozen data built by chaining,
 * `col('size').mul(2).gt(10).and(col('action').eq('click'))`. Being data they run on the columns, before any row exists,
 * and need no closure in the workers.
 *
 * Nulls are SQL's: what is computed from null is null, `and` and `or` follow three-valued logic, and a row is kept only
 * where a condition is true. Numbers compare as in JavaScript (NaN is unequal to everything), strings by their UTF-8
 * bytes. A constant takes the place of an expression wherever one is wanted.
 *
 * Names and types are checked by the compiler where the stream's row type is known, and by `bind-expr.ts` when the job
 * is built. The type parameters exist for the compiler only:
 *
 *   R  the row it reads: `{ action: string | null }`. An expression fits rows that are assignable to R
 *   V  what it gives; never where that is what its column holds
 *   N  columns that make it null where they are null
 *   C  columns whose values it gives as they are
 */
import type { ColumnKind } from '../core/schema.js';
import { EngineError } from '../core/errors.js';
import { callData, type ExprData, type FunctionName, type Literal } from './expr-data.js';
import { checkedLiteral, show } from './literal.js';
import type { Reads } from './names.js';

export type { Literal } from './expr-data.js';

/** Any expression or constant. */
export type Operand = AnyExpr | Literal;
export type AnyExpr = Expr<never, unknown, string, string>;
export type NumberOperand = number | Expr<never, number | null, string, string>;
export type TextOperand = string | Expr<never, string | null, string, string>;
export type OrderedOperand = number | string | Expr<never, number | string | null, string, string>;
/** A condition over the columns of rows `R`. */
export type ConditionExpr<R = never> = Expr<R, boolean | null, string, string>;
export type ColumnExpr<N extends string = string> = Expr<Reads<N, unknown>, never, never, N>;

/** What TypeScript infers as 'click' is a string. */
export type Widen<V> = V extends string ? string : V extends number ? number : V extends boolean ? boolean : V;

/** The rows that an operand reads when its value is to be a W. */
export type ReadsAs<O, W> = O extends Expr<infer R, infer _V, infer _N, infer C> ? R & Reads<C, W> : unknown;
export type NullsOf<O> = O extends Expr<infer _R, infer _V, infer N, infer C> ? N | C : never;
export type OwnNull<O> = O extends Expr<infer _R, infer V, infer _N, infer _C> ? Extract<V, null> : never;
/** The type of an operand's values where it is known without the row. */
type Known<O> = O extends Literal
  ? Widen<O>
  : O extends Expr<infer _R, infer V, infer _N, infer _C>
    ? [V] extends [never]
      ? unknown
      : NonNullable<V>
    : unknown;

/** Gives an Out, or null where an operand is null; operands are read as W. */
export type Of1<Out, W, A> = Expr<ReadsAs<A, W>, Out | OwnNull<A>, NullsOf<A>, never>;
export type Of2<Out, W, A, B> = Expr<
  ReadsAs<A, W> & ReadsAs<B, W>,
  Out | OwnNull<A> | OwnNull<B>,
  NullsOf<A> | NullsOf<B>,
  never
>;
/** A condition on two values of one type. */
type Comparison<A, B> = Expr<
  ReadsAs<A, Known<B>> & ReadsAs<B, Known<A>>,
  boolean | OwnNull<A> | OwnNull<B>,
  NullsOf<A> | NullsOf<B>,
  never
>;

/** The values that an expression gives for rows T. */
export type ValueIn<E, T> =
  E extends Expr<infer _R, infer V, infer N, infer C>
    ? V | (string extends C ? unknown : T[C & keyof T]) | Extract<T[N & keyof T], null>
    : E extends Literal
      ? Widen<E>
      : never;

/** The JavaScript type of a kind of column. */
export type KindValue<K extends ColumnKind> = K extends 'utf8' ? string : K extends 'bool' ? boolean : number;

export class Expr<R = never, V = unknown, N extends string = string, C extends string = string> {
  readonly data: ExprData;
  declare readonly __reads?: (row: R) => void;
  declare readonly __value?: V;
  declare readonly __nulls?: N;
  declare readonly __column?: C;

  constructor(data: ExprData) {
    this.data = Object.freeze(data);
    Object.freeze(this);
  }

  /** Sum. Whole numbers stay whole; a whole number beyond 2^53 - 1 fails the batch (cast one side to float64 to avoid it). */
  add<O extends NumberOperand>(this: Expr<R, number | null, N, C>, other: O): Of2<number, number, Expr<R, V, N, C>, O> {
    return call('add', [this, other]);
  }
  sub<O extends NumberOperand>(this: Expr<R, number | null, N, C>, other: O): Of2<number, number, Expr<R, V, N, C>, O> {
    return call('sub', [this, other]);
  }
  mul<O extends NumberOperand>(this: Expr<R, number | null, N, C>, other: O): Of2<number, number, Expr<R, V, N, C>, O> {
    return call('mul', [this, other]);
  }
  /** Quotient as float64; null where the divisor is 0. */
  div<O extends NumberOperand>(
    this: Expr<R, number | null, N, C>,
    other: O,
  ): Of2<number | null, number, Expr<R, V, N, C>, O> {
    return call('div', [this, other]);
  }
  /** Remainder with the sign of this; null where the divisor is 0. */
  mod<O extends NumberOperand>(
    this: Expr<R, number | null, N, C>,
    other: O,
  ): Of2<number | null, number, Expr<R, V, N, C>, O> {
    return call('mod', [this, other]);
  }
  neg(this: Expr<R, number | null, N, C>): Of1<number, number, Expr<R, V, N, C>> {
    return call('neg', [this]);
  }

  eq<const O extends Operand>(other: O): Comparison<Expr<R, V, N, C>, O> {
    return call('eq', [this, other]);
  }
  ne<const O extends Operand>(other: O): Comparison<Expr<R, V, N, C>, O> {
    return call('ne', [this, other]);
  }
  lt<O extends OrderedOperand>(other: O): Comparison<Expr<R, V, N, C>, O> {
    return call('lt', [this, other]);
  }
  le<O extends OrderedOperand>(other: O): Comparison<Expr<R, V, N, C>, O> {
    return call('le', [this, other]);
  }
  gt<O extends OrderedOperand>(other: O): Comparison<Expr<R, V, N, C>, O> {
    return call('gt', [this, other]);
  }
  ge<O extends OrderedOperand>(other: O): Comparison<Expr<R, V, N, C>, O> {
    return call('ge', [this, other]);
  }
  /** As `eq`, but two nulls are equal, and null and a value are not: never null. */
  eqNullSafe<O extends Operand>(
    other: O,
  ): Expr<ReadsAs<Expr<R, V, N, C>, Known<O>> & ReadsAs<O, Known<Expr<R, V, N, C>>>, boolean, never, never> {
    return call('eqNullSafe', [this, other]);
  }
  /** `low <= this and this <= high`. */
  between<O extends OrderedOperand>(low: O, high: O): Comparison<Expr<R, V, N, C>, O> {
    return call('and', [call('ge', [this, low]), call('le', [this, high])]);
  }
  /** Whether it is one of these constants. */
  isIn<O extends Literal>(values: readonly O[]): Comparison<Expr<R, V, N, C>, O> {
    return call('isIn', [this, ...values]);
  }

  /** True where both are; false where one is false. */
  and<O extends boolean | ConditionExpr>(
    this: Expr<R, boolean | null, N, C>,
    other: O,
  ): Of2<boolean, boolean, Expr<R, V, N, C>, O> {
    return call('and', [this, other]);
  }
  /** True where one is; false where both are false. */
  or<O extends boolean | ConditionExpr>(
    this: Expr<R, boolean | null, N, C>,
    other: O,
  ): Of2<boolean, boolean, Expr<R, V, N, C>, O> {
    return call('or', [this, other]);
  }
  /** True where it is null, false elsewhere. */
  isNull(): Expr<ReadsAs<Expr<R, V, N, C>, unknown>, boolean, never, never> {
    return call('isNull', [this]);
  }
  isNotNull(): Expr<ReadsAs<Expr<R, V, N, C>, unknown>, boolean, never, never> {
    return call('not', [call('isNull', [this])]);
  }

  /** SQL's LIKE: `%` stands for any text, `_` for one character, `\` takes what follows as it is. The pattern is a constant. */
  like(this: Expr<R, string | null, N, C>, pattern: string): Of1<boolean, string, Expr<R, V, N, C>> {
    return call('like', [this, pattern]);
  }
  startsWith<O extends TextOperand>(
    this: Expr<R, string | null, N, C>,
    start: O,
  ): Of2<boolean, string, Expr<R, V, N, C>, O> {
    return call('startsWith', [this, start]);
  }
  endsWith<O extends TextOperand>(
    this: Expr<R, string | null, N, C>,
    end: O,
  ): Of2<boolean, string, Expr<R, V, N, C>, O> {
    return call('endsWith', [this, end]);
  }
  contains<O extends TextOperand>(
    this: Expr<R, string | null, N, C>,
    part: O,
  ): Of2<boolean, string, Expr<R, V, N, C>, O> {
    return call('contains', [this, part]);
  }
  /** Whether the pattern matches somewhere. It is a constant of the job; flags other than i, m, s and u are refused. */
  regexp(this: Expr<R, string | null, N, C>, pattern: RegExp): Of1<boolean, string, Expr<R, V, N, C>> {
    if (!(pattern instanceof RegExp) || /[^imsu]/.test(pattern.flags)) {
      throw new EngineError(
        'jobInvalid',
        `regexp wants a RegExp with no flags but i, m, s and u, got ${pattern instanceof RegExp ? String(pattern) : show(pattern)}`,
      );
    }
    return call('regexp', [this, pattern.source, pattern.flags]);
  }

  /**
   * As another kind of column; null where the value has no such form: a text that is no number, a number too large for
   * int32. Fractions are cut off, text is read as a source reads it, a timestamp is its epoch milliseconds.
   */
  cast<K extends ColumnKind>(
    kind: K,
  ): Expr<
    ReadsAs<Expr<R, V, N, C>, unknown>,
    KindValue<K> | (K extends 'utf8' ? OwnNull<Expr<R, V, N, C>> : null),
    N | C,
    never
  > {
    return new Expr(callData('cast', [dataOf(this, 'cast')], kind));
  }
}

/** The column of that name. */
export function col<const N extends string>(name: N): ColumnExpr<N> {
  if (typeof name !== 'string')
    throw new EngineError('jobInvalid', `col wants the name of a column, got ${show(name)}`);
  return new Expr({ op: 'column', name });
}

/** A string, finite number or boolean as an expression. */
export const lit = <const V extends Literal>(value: V): Expr<unknown, Widen<V>, never, never> =>
  new Expr({ op: 'literal', value: checkedLiteral(value, 'lit') });

/** True where the condition is false; null where it is null. */
export const not = <O extends ConditionExpr>(condition: O): Of1<boolean, boolean, O> => call('not', [condition]);

/** A call of a function; constants among the arguments become expressions. */
export function call<R, V, N extends string, C extends string>(
  fn: FunctionName,
  args: readonly unknown[],
): Expr<R, V, N, C> {
  const first = args[0] instanceof Expr && args[0].data.op === 'column' ? `col('${args[0].data.name}').${fn}` : fn;
  return new Expr(
    callData(
      fn,
      args.map(arg => dataOf(arg, first)),
    ),
  );
}

/** The data of an expression or constant. @param user what wants it, for messages */
export function dataOf(value: unknown, user: string): ExprData {
  if (value instanceof Expr) return value.data;
  return Object.freeze({ op: 'literal', value: checkedLiteral(value, user) });
}
