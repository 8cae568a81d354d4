/**
 * Checks expressions against the columns they are used on, when the job is built, and turns them into what the
 * kernels take. Everything that does not fit is `jobInvalid`.
 */
import type { Predicate } from '../columnar/predicate.js';
import { EngineError } from '../core/errors.js';
import { didYouMean } from '../core/nearest.js';
import { formatSchema, type Column, type ColumnKind } from '../core/schema.js';
import { AggExpr } from './aggregate.js';
import { predicateOf, type ConditionExpr } from './expr.js';
import { formatExpr, formatPredicate } from './format-expr.js';

/** One aggregate over given columns: what its accumulator does and what comes out. */
export interface BoundAggregate {
  readonly name: string;
  readonly kind: 'sumInt64' | 'sumFloat64' | 'minInt64' | 'maxInt64' | 'minFloat64' | 'maxFloat64';
  /** The column it reads; absent = 1 for each row. Rows where it is null take no part. */
  readonly column?: string;
  /** Rows for which this is not true take no part. */
  readonly filter?: Predicate;
  readonly outputKind: ColumnKind;
}

type ComparisonPredicate = Extract<Predicate, { readonly value: unknown }>;

/** The JavaScript type of a column's values. */
const TYPE_OF: Record<ColumnKind, 'string' | 'number' | 'boolean'> = {
  utf8: 'string',
  int32: 'number',
  int64: 'number',
  float64: 'number',
  bool: 'boolean',
  timestamp: 'number',
};

/** Bounds of the literals that a column of integers can be compared with. */
const INT_RANGE: Partial<Record<ColumnKind, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  timestamp: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** The condition as the kernels take it. Throws `jobInvalid` for unknown columns and types that cannot be compared. */
export function bindPredicate(condition: ConditionExpr, columns: readonly Column[]): Predicate {
  const predicate = predicateOf(condition, 'where');
  check(predicate, columns);
  return predicate;
}

/** The aggregates in the order of their names. Throws `jobInvalid` for unknown columns and types that don't fit. */
export function bindAggregates(aggregates: Record<string, AggExpr>, columns: readonly Column[]): BoundAggregate[] {
  const entries = Object.entries(aggregates);
  if (entries.length === 0)
    throw new EngineError('jobInvalid', 'agg wants at least one aggregate, such as { n: count() }, got none');
  return entries.map(([name, aggregate]) => {
    if (!(aggregate instanceof AggExpr)) {
      throw new EngineError(
        'jobInvalid',
        `aggregate '${name}' wants count(), countIf(...), sum, min or max of a column, got ${typeof aggregate}`,
      );
    }
    return bindAggregate(name, aggregate, columns);
  });
}

function bindAggregate(name: string, aggregate: AggExpr, columns: readonly Column[]): BoundAggregate {
  const used = `aggregate '${name}', ${formatExpr(aggregate)}`;
  const column = aggregate.column === undefined ? undefined : columnNamed(aggregate.column, columns, used);
  if (aggregate.filter !== undefined) check(aggregate.filter, columns);
  if (aggregate.kind === 'count' || column === undefined) {
    const present = column?.nullable === true ? isPresent(column) : undefined;
    return withFilter({ name, kind: 'sumInt64', outputKind: 'int64' }, both(present, aggregate.filter));
  }
  const integers = column.kind !== 'float64';
  if (TYPE_OF[column.kind] !== 'number' || (aggregate.kind === 'sum' && column.kind === 'timestamp')) {
    const cure = column.kind === 'bool' ? `; true ones are counted by countIf(col('${column.name}').eq(true))` : '';
    const wanted = aggregate.kind === 'sum' ? 'a column of numbers' : 'a column of numbers or timestamps';
    throw new EngineError('jobInvalid', `${used} wants ${wanted}, '${column.name}' is ${column.kind}${cure}`);
  }
  const outputKind = column.kind === 'timestamp' ? 'timestamp' : integers ? 'int64' : 'float64';
  return withFilter(
    { name, kind: `${aggregate.kind}${integers ? 'Int64' : 'Float64'}`, column: column.name, outputKind },
    aggregate.filter,
  );
}

const isPresent = (column: Column): Predicate => ({ op: 'not', input: { op: 'isNull', column: column.name } });

const both = (a: Predicate | undefined, b: Predicate | undefined): Predicate | undefined =>
  a === undefined ? b : b === undefined ? a : { op: 'and', left: a, right: b };

const withFilter = (bound: BoundAggregate, filter: Predicate | undefined): BoundAggregate =>
  Object.freeze(filter === undefined ? bound : { ...bound, filter });

function check(predicate: Predicate, columns: readonly Column[]): void {
  switch (predicate.op) {
    case 'and':
    case 'or':
      check(predicate.left, columns);
      check(predicate.right, columns);
      return;
    case 'not':
      return check(predicate.input, columns);
    case 'isNull':
      columnNamed(predicate.column, columns, formatPredicate(predicate));
      return;
    default:
      checkComparison(predicate, columnNamed(predicate.column, columns, formatPredicate(predicate)));
  }
}

function checkComparison(predicate: ComparisonPredicate, column: Column): void {
  const refuse = (cure: string): never => {
    throw new EngineError(
      'jobInvalid',
      `${formatPredicate(predicate)} cannot be asked: '${column.name}' is ${column.kind}, ${cure}`,
    );
  };
  const { op, value } = predicate;
  const wanted = TYPE_OF[column.kind];
  if (typeof value !== wanted) refuse(`so compare it with a ${wanted}`);
  if (wanted === 'boolean' && op !== 'eq' && op !== 'ne') refuse('which has no order: use eq or ne');
  const range = INT_RANGE[column.kind];
  if (range !== undefined && (!Number.isInteger(value) || Number(value) < range[0] || Number(value) > range[1])) {
    refuse(`so compare it with an integer from ${range[0]} to ${range[1]}`);
  }
}

function columnNamed(name: string, columns: readonly Column[], used: string): Column {
  const column = columns.find(candidate => candidate.name === name);
  if (column !== undefined) return column;
  const names = columns.map(candidate => candidate.name);
  throw new EngineError(
    'jobInvalid',
    `${used} wants the column '${name}', there are ${formatSchema(columns)}${didYouMean(name, names)}`,
  );
}
