/**
 * Expressions as data. What the job writes (`ExprData`) names columns and functions; bound to the columns of a stream
 * it becomes a `BoundExpr`, in which every node says its kind and whether it can be null. Bound expressions are part of
 * the plan: frozen, JSON-able, printed and compared as they are. Functions of the job are in them by number only.
 */
import type { ColumnKind } from '../core/schema.js';

export type Literal = string | number | boolean;

/** A value of a row, as functions take and give it. */
export type Value = Literal | null;

/** Functions that give null exactly where an argument is null; some give null elsewhere too. */
export type StrictFunction =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'neg'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'
  | 'not'
  | 'isIn'
  | 'cast'
  | 'lower'
  | 'upper'
  | 'trim'
  | 'substring'
  | 'length'
  | 'concat'
  | 'replace'
  | 'like'
  | 'startsWith'
  | 'endsWith'
  | 'contains'
  | 'regexp'
  | 'toTimestamp'
  | 'dateFormat'
  | 'dateTrunc'
  | 'datePart'
  | 'windowStart';

/** Functions that look at nulls themselves, or leave some arguments unevaluated. */
export type LazyFunction = 'and' | 'or' | 'isNull' | 'eqNullSafe' | 'coalesce' | 'when' | 'hash';

export type FunctionName = StrictFunction | LazyFunction;

export type ExprData =
  | { readonly op: 'column'; readonly name: string }
  | { readonly op: 'literal'; readonly value: Literal }
  /** `to`: the kind that `cast` gives. */
  | { readonly op: 'call'; readonly fn: FunctionName; readonly args: readonly ExprData[]; readonly to?: ColumnKind }
  | {
      readonly op: 'udf';
      readonly f: (...args: never[]) => unknown;
      readonly to: ColumnKind;
      readonly args: readonly ExprData[];
    };

interface Typed {
  readonly kind: ColumnKind;
  /** False: it is never null. */
  readonly nullable: boolean;
}

export type BoundExpr = BoundColumn | BoundLiteral | BoundCall | BoundUdf;

export interface BoundColumn extends Typed {
  readonly op: 'column';
  readonly name: string;
}

export interface BoundLiteral extends Typed {
  readonly op: 'literal';
  readonly value: Value;
}

export interface BoundCall extends Typed {
  readonly op: 'call';
  readonly fn: FunctionName;
  readonly args: readonly BoundExpr[];
}

export interface BoundUdf extends Typed {
  readonly op: 'udf';
  /** Which of the functions of its node. */
  readonly index: number;
  readonly args: readonly BoundExpr[];
}

/** A column of a projection. */
export interface NamedExpr {
  readonly name: string;
  readonly expr: BoundExpr;
}

/** Calls the function of that number. */
export type CallUdf = (index: number, args: readonly Value[]) => unknown;

export const callData = (fn: FunctionName, args: readonly ExprData[], to?: ColumnKind): ExprData =>
  Object.freeze({ op: 'call', fn, args: Object.freeze(args), ...(to === undefined ? {} : { to }) });

/** Names of the columns it reads, each once. */
export function columnsOf(expr: BoundExpr, into: Set<string> = new Set()): ReadonlySet<string> {
  if (expr.op === 'column') into.add(expr.name);
  else if (expr.op !== 'literal') for (const arg of expr.args) columnsOf(arg, into);
  return into;
}

/** Whether it calls functions of the job. */
export const hasUdf = (expr: BoundExpr): boolean =>
  expr.op === 'udf' || (expr.op === 'call' && expr.args.some(arg => hasUdf(arg)));

/** True where both conditions are. */
export const andOf = (a: BoundExpr, b: BoundExpr): BoundExpr =>
  Object.freeze({
    op: 'call',
    fn: 'and',
    args: Object.freeze([a, b]),
    kind: 'bool',
    nullable: a.nullable || b.nullable,
  });

/** The expression with others in place of the columns that it reads. */
export function substituted(expr: BoundExpr, given: ReadonlyMap<string, BoundExpr>): BoundExpr {
  if (expr.op === 'column') return given.get(expr.name) ?? expr;
  if (expr.op === 'literal') return expr;
  return Object.freeze({ ...expr, args: Object.freeze(expr.args.map(arg => substituted(arg, given))) });
}
