/**
 * Column expressions: conditions over columns as frozen data, built by chaining, `col('action').eq('click').and(...)`.
 * Being data they run in the kernels, on the columns, before any row exists, and need no closure in the workers.
 *
 * A condition is three-valued, as in SQL: a comparison with null is neither true nor false, and what is not true is
 * left out. Numbers compare as in JavaScript (NaN is unequal to everything), strings by their UTF-8 bytes.
 *
 * The type parameter `R` of a condition is the row it reads: `{ action: string | null }` above. A condition fits the
 * rows of a stream when these are assignable to `R`, so names and types are checked by the compiler where the stream's
 * row type is known, and by `bind.ts` when the job is built.
 */
import type { ComparisonOp, Predicate } from '../columnar/predicate.js';
import { EngineError } from '../core/errors.js';
import type { Reads } from './names.js';

export type Literal = string | number | boolean;

/** What TypeScript infers as 'click' is compared as a string. */
type Widen<V> = V extends string ? string : V extends number ? number : boolean;

/** The same comparison with its sides exchanged. */
const EXCHANGED: Record<ComparisonOp, ComparisonOp> = { eq: 'eq', ne: 'ne', lt: 'gt', le: 'ge', gt: 'lt', ge: 'le' };

/** A condition over the columns of rows `R`. */
export class ConditionExpr<R = never> {
  readonly kind = 'condition';
  readonly predicate: Predicate;
  declare readonly __row?: (row: R) => void;

  constructor(predicate: Predicate) {
    this.predicate = predicate;
    Object.freeze(this);
  }

  /** True where both are; false where one is false. */
  and<S>(other: ConditionExpr<S>): ConditionExpr<R & S> {
    return new ConditionExpr(Object.freeze({ op: 'and', left: this.predicate, right: predicateOf(other, 'and') }));
  }

  /** True where one is; false where both are false. */
  or<S>(other: ConditionExpr<S>): ConditionExpr<R & S> {
    return new ConditionExpr(Object.freeze({ op: 'or', left: this.predicate, right: predicateOf(other, 'or') }));
  }
}

/** A column by name. */
export class ColumnExpr<N extends string = string> {
  readonly kind = 'column';
  readonly name: N;

  constructor(name: N) {
    if (typeof name !== 'string')
      throw new EngineError('jobInvalid', `col wants the name of a column, got ${show(name)}`);
    this.name = name;
    Object.freeze(this);
  }

  eq<V extends Literal>(value: V | LiteralExpr<V>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison('eq', this, value);
  }
  ne<V extends Literal>(value: V | LiteralExpr<V>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison('ne', this, value);
  }
  lt<V extends string | number>(value: V | LiteralExpr<V>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison('lt', this, value);
  }
  le<V extends string | number>(value: V | LiteralExpr<V>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison('le', this, value);
  }
  gt<V extends string | number>(value: V | LiteralExpr<V>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison('gt', this, value);
  }
  ge<V extends string | number>(value: V | LiteralExpr<V>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison('ge', this, value);
  }

  /** True where the column is null, false elsewhere. */
  isNull(): ConditionExpr<Reads<N, unknown>> {
    return new ConditionExpr(Object.freeze({ op: 'isNull', column: this.name }));
  }
}

/** A constant, for where it reads better on the left: `lit(10).lt(col('size'))`. */
export class LiteralExpr<V extends Literal = Literal> {
  readonly kind = 'literal';
  readonly value: V;

  constructor(value: V) {
    this.value = checkedLiteral(value);
    Object.freeze(this);
  }

  eq<N extends string>(column: ColumnExpr<N>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison(EXCHANGED.eq, column, this);
  }
  ne<N extends string>(column: ColumnExpr<N>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison(EXCHANGED.ne, column, this);
  }
  lt<N extends string>(column: ColumnExpr<N>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison(EXCHANGED.lt, column, this);
  }
  le<N extends string>(column: ColumnExpr<N>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison(EXCHANGED.le, column, this);
  }
  gt<N extends string>(column: ColumnExpr<N>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison(EXCHANGED.gt, column, this);
  }
  ge<N extends string>(column: ColumnExpr<N>): ConditionExpr<Reads<N, Widen<V>>> {
    return comparison(EXCHANGED.ge, column, this);
  }
}

/** Any expression, as the data that it is. */
export type Expr<R = never> =
  | ConditionExpr<R>
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: Literal };

/** The column of that name. */
export const col = <const N extends string>(name: N): ColumnExpr<N> => new ColumnExpr(name);

/** A string, finite number or boolean as an expression. */
export const lit = <const V extends Literal>(value: V): LiteralExpr<V> => new LiteralExpr(value);

/** True where the condition is false; null where it is null. */
export function not<R>(condition: ConditionExpr<R>): ConditionExpr<R> {
  return new ConditionExpr(Object.freeze({ op: 'not', input: predicateOf(condition, 'not') }));
}

/** The data of a condition. Throws `jobInvalid` for what is none, saying what `user` wants. */
export function predicateOf(condition: unknown, user: string): Predicate {
  if (condition instanceof ConditionExpr) return condition.predicate;
  const came =
    condition instanceof ColumnExpr
      ? `col('${condition.name}'), a column: write col('${condition.name}').eq(true)`
      : show(condition);
  throw new EngineError('jobInvalid', `${user} wants a condition such as col('action').eq('click'), got ${came}`);
}

function comparison<N extends string, R>(op: ComparisonOp, column: ColumnExpr<N>, value: unknown): ConditionExpr<R> {
  if (!(column instanceof ColumnExpr)) {
    throw new EngineError(
      'jobInvalid',
      `a constant is compared with a column, as in lit(10).lt(col('size')), got ${show(column)}`,
    );
  }
  const user = `col('${column.name}').${op}`;
  if (value instanceof ColumnExpr) {
    throw new EngineError(
      'jobInvalid',
      `${user} wants a constant, got col('${value.name}'): compare two columns in filter(row => ...)`,
    );
  }
  const literal = checkedLiteral(value instanceof LiteralExpr ? value.value : value, user);
  return new ConditionExpr(Object.freeze({ op, column: column.name, value: literal }));
}

/** The literal, 0 for -0. A lone surrogate is refused because no UTF-8 text can equal it. */
function checkedLiteral<V>(value: V, user = 'lit'): V & Literal {
  const refuse = (cure: string): never => {
    throw new EngineError(
      'jobInvalid',
      `${user} wants a string, a finite number or a boolean, got ${show(value)}${cure}`,
    );
  };
  if (typeof value === 'string') {
    if (Buffer.from(value).toString() !== value) refuse(', which holds half of a surrogate pair');
    return value;
  }
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) refuse('');
    return (value === 0 ? 0 : value) as V & Literal;
  }
  if (value === null || value === undefined) return refuse(`: nothing equals null, ask with col(...).isNull()`);
  return refuse(value instanceof Date ? ': use its getTime()' : '');
}

function show(value: unknown): string {
  if (typeof value === 'string' || value === null) return JSON.stringify(value);
  if (typeof value === 'object')
    return Array.isArray(value) ? 'an array' : value instanceof Date ? 'a Date' : 'an object';
  return typeof value === 'function' ? 'a function' : `${String(value)}${typeof value === 'bigint' ? 'n' : ''}`;
}
