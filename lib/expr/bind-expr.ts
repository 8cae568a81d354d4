/**
 * Checks expressions against the columns they are used on, when the job is built, and gives each part its kind.
 * Everything that does not fit is `jobInvalid`. What is constant is computed here.
 */
import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import { didYouMean } from '../core/nearest.js';
import { formatSchema, type Column, type ColumnKind } from '../core/schema.js';
import { areComparable, castTo } from './compare-functions.js';
import type {
  BoundCall,
  BoundExpr,
  BoundLiteral,
  ExprData,
  LazyFunction,
  Literal,
  StrictFunction,
  Value,
} from './expr-data.js';
import { evalOnRow } from './eval-row.js';
import { formatExpr } from './format-expr.js';
import { isNumber, isWhole } from './function-rule.js';
import { applyOf, isStrict, STRICT } from './function-table.js';

/** A function of the job that an operation calls. */
export type UdfFunction = (...args: never[]) => unknown;

/** Where an expression is bound. */
export interface BindScope {
  readonly columns: readonly Column[];
  /** What wants the expression, for messages: `where`, `column 'x' of select`. */
  readonly user: string;
  /** The job's functions that were met so far; they are called by their place in it. */
  readonly udfs: UdfFunction[];
}

const KINDS: readonly string[] = ['utf8', 'int32', 'int64', 'float64', 'bool', 'timestamp'] satisfies ColumnKind[];

/** Throws `jobInvalid` for unknown columns and for types that do not fit. */
export function bindExpr(data: ExprData, scope: BindScope): BoundExpr {
  switch (data.op) {
    case 'column': {
      const { name, kind, nullable } = columnNamed(data.name, scope.columns, scope.user);
      return Object.freeze({ op: 'column', name, kind, nullable });
    }
    case 'literal':
      return literal(data.value, kindOfLiteral(data.value));
    case 'udf': {
      const args = data.args.map(arg => bindExpr(arg, scope));
      checkKind(data.to, scope);
      return Object.freeze({
        op: 'udf',
        index: scope.udfs.push(data.f) - 1,
        args: Object.freeze(args),
        kind: data.to,
        nullable: true,
      });
    }
    case 'call': {
      const args = Object.freeze(data.args.map(arg => bindExpr(arg, scope)));
      const { fn } = data;
      const bound = isStrict(fn) ? bindStrict(data, fn, args, scope) : bindLazy(data, fn, args, scope);
      return folded(bound);
    }
    default:
      return assertNever(data);
  }
}

/** As `bindExpr`, of something that must be a condition. */
export function bindCondition(data: ExprData, scope: BindScope): BoundExpr {
  const bound = bindExpr(data, scope);
  if (bound.kind === 'bool') return bound;
  throw new EngineError(
    'jobInvalid',
    `${scope.user} wants a condition such as col('action').eq('click'), got ${formatExpr(bound)}, which is ${bound.kind}`,
  );
}

/** Throws `jobInvalid` for a column that is not there, listing those there are and the nearest. */
export function columnNamed(name: string, columns: readonly Column[], user: string): Column {
  const column = columns.find(candidate => candidate.name === name);
  if (column !== undefined) return column;
  const names = columns.map(candidate => candidate.name);
  throw new EngineError(
    'jobInvalid',
    `${user} wants the column '${name}', there are ${formatSchema(columns)}${didYouMean(name, names)}`,
  );
}

type CallData = Extract<ExprData, { readonly op: 'call' }>;

function bindStrict(data: CallData, fn: StrictFunction, args: readonly BoundExpr[], scope: BindScope): BoundCall {
  const rule = STRICT[fn];
  const from = args[0];
  let kind = rule.kindOf(args);
  let mayBeNull = kind !== undefined && (rule.mayBeNull?.(args, kind) ?? false);
  if (fn === 'cast' && from !== undefined) {
    const to = checkKind(data.to, scope);
    const cast = castTo(from, to);
    if (cast.possible) kind = to;
    mayBeNull = cast.mayBeNull;
  }
  if (kind === undefined) return refuse(data, args, rule.wants, scope);
  const bound = call(fn, args, kind, mayBeNull || args.some(arg => arg.nullable));
  // A constant that the function cannot take is an error of the job, not of its first row.
  applyOf(bound, fn);
  return bound;
}

function bindLazy(data: CallData, fn: LazyFunction, args: readonly BoundExpr[], scope: BindScope): BoundCall {
  const anyNull = args.some(arg => arg.nullable);
  switch (fn) {
    case 'and':
    case 'or':
      if (!args.every(arg => arg.kind === 'bool')) return refuse(data, args, 'two conditions', scope);
      return call(fn, args, 'bool', anyNull);
    case 'isNull':
      return call(fn, args, 'bool', false);
    case 'eqNullSafe': {
      const [a, b] = args;
      if (a === undefined || b === undefined || !areComparable(a, b))
        return refuse(data, args, 'two values of one type', scope);
      return call(fn, args, 'bool', false);
    }
    case 'coalesce': {
      const kind = commonKind(args);
      if (kind === undefined) return refuse(data, args, 'values of one type', scope);
      return call(
        fn,
        args,
        kind,
        args.every(arg => arg.nullable),
      );
    }
    case 'when': {
      const hasElse = args.length % 2 === 1;
      const values = args.filter((_, i) => i % 2 === 1 || (hasElse && i === args.length - 1));
      const conditions = args.filter((_, i) => i % 2 === 0 && !(hasElse && i === args.length - 1));
      const kind = commonKind(values);
      if (kind === undefined || !conditions.every(condition => condition.kind === 'bool'))
        return refuse(data, args, 'conditions, and values of one type', scope);
      return call(fn, args, kind, !hasElse || values.some(value => value.nullable));
    }
    case 'hash':
      return call(fn, args, 'int64', false);
    default:
      return assertNever(fn);
  }
}

/** The kind that all of them have; numbers of different kinds have the wider one. */
function commonKind(values: readonly BoundExpr[]): ColumnKind | undefined {
  const [first] = values;
  if (first === undefined) return undefined;
  if (values.every(value => value.kind === first.kind)) return first.kind;
  if (values.every(isWhole)) return 'int64';
  return values.every(isNumber) ? 'float64' : undefined;
}

const call = (fn: BoundCall['fn'], args: readonly BoundExpr[], kind: ColumnKind, nullable: boolean): BoundCall =>
  Object.freeze({ op: 'call', fn, args, kind, nullable });

const literal = (value: Value, kind: ColumnKind): BoundLiteral =>
  Object.freeze({ op: 'literal', value, kind, nullable: value === null });

function kindOfLiteral(value: Literal): ColumnKind {
  if (typeof value === 'string') return 'utf8';
  if (typeof value === 'boolean') return 'bool';
  return Number.isSafeInteger(value) ? 'int64' : 'float64';
}

/** The call, or its value where all its arguments are constants and the value can be written down. */
function folded(bound: BoundCall): BoundExpr {
  if (!bound.args.every(arg => arg.op === 'literal')) return bound;
  try {
    const value = evalOnRow(bound, {}, () => null);
    const isWritable = typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0));
    return isWritable ? literal(value, bound.kind) : bound;
  } catch (error) {
    // A constant that cannot be computed fails where it is: perhaps in a branch that no row takes.
    if (error instanceof EngineError) return bound;
    throw error;
  }
}

function checkKind(kind: ColumnKind | undefined, { user }: BindScope): ColumnKind {
  if (kind !== undefined && KINDS.includes(kind)) return kind;
  throw new EngineError('jobInvalid', `${user} wants a kind of column, one of ${KINDS.join(', ')}; got '${kind}'`);
}

function refuse(data: CallData, args: readonly BoundExpr[], wants: string, scope: BindScope): never {
  const got = args.map(arg => `${formatExpr(arg)}, which is ${arg.kind}`).join('; ');
  throw new EngineError('jobInvalid', `${formatExpr(data)} of ${scope.user}: ${data.fn} wants ${wants}, got ${got}`);
}
