/** What a strict function is: its types, and its meaning for values that are not null. */
import type { ColumnKind } from '../core/schema.js';
import type { BoundCall, BoundExpr, Literal, Value } from './expr-data.js';

/** A function of values that are not null. */
export type Apply = (...values: never[]) => Value;

export interface FunctionRule {
  /** What arguments it takes, for messages. */
  readonly wants: string;
  /** The kind that it gives, or undefined where it cannot take the arguments. */
  kindOf(args: readonly BoundExpr[]): ColumnKind | undefined;
  /** Whether it may give null of arguments that are not null; default false. */
  mayBeNull?(args: readonly BoundExpr[], kind: ColumnKind): boolean;
  /** Its function, made once for each place where it is called. Throws `jobInvalid` for constants that it cannot take. */
  make(call: BoundCall): Apply;
}

export const isWhole = ({ kind }: BoundExpr): boolean => kind === 'int32' || kind === 'int64';
export const isNumber = (arg: BoundExpr): boolean => isWhole(arg) || arg.kind === 'float64';
export const isText = ({ kind }: BoundExpr): boolean => kind === 'utf8';
export const isTime = ({ kind }: BoundExpr): boolean => kind === 'timestamp';
export const isOrdered = (arg: BoundExpr): boolean => isNumber(arg) || isTime(arg);

/** The constant that an argument is, or undefined. */
export const constantOf = (arg: BoundExpr | undefined): Literal | undefined =>
  arg?.op === 'literal' && arg.value !== null ? arg.value : undefined;

/** The text that an argument of a checked call is. */
export const textConstant = (call: BoundCall, index: number): string => String(constantOf(call.args[index]) ?? '');
