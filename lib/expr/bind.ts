/**
 * Aggregates, checked against the columns they are used on, as what the group tables take: accumulators of numbers over
 * columns and constants. What is more than that becomes columns of a projection before (an expression that is summed, a
 * condition that the kernels cannot test) or behind (an average, of a sum and a count):
 *
 *   { total: sum(col('a').mul(col('b'))), mean: avg('a') }
 *     before   every column that is read, and 'total input': a * b
 *     group    total: sum of 'total input'; 'mean sum': sum of a; 'mean count': count of a
 *     behind   the keys, total, mean: 'mean sum' / 'mean count'
 *
 * What wants more than a number a group (`first`, `countDistinct`, a minimum of text) is a wide aggregate, beside them.
 */
import type { Predicate } from '../columnar/predicate.js';
import type { WideAggregate, WideKind } from '../columnar/wide/wide-aggregate.js';
import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import type { Column, ColumnKind } from '../core/schema.js';
import { AggExpr } from './aggregate.js';
import { bindCondition, bindExpr, type UdfFunction } from './bind-expr.js';
import type { BoundExpr, NamedExpr } from './expr-data.js';
import { formatExpr } from './format-expr.js';
import { isNumber, isText, isTime } from './function-rule.js';
import { predicateOf } from './predicate-of.js';

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

export interface BoundAggregates {
  /** Columns to be computed before, beside those there are. */
  readonly before: readonly NamedExpr[];
  /** The job's functions in `before`. */
  readonly udfs: readonly UdfFunction[];
  readonly aggregates: readonly BoundAggregate[];
  /** Those that want more than a number a group; undefined for none. */
  readonly wide: readonly WideAggregate[] | undefined;
  /** What comes out, of the accumulators, but lists; undefined where these are it, wide ones last. */
  readonly behind: readonly NamedExpr[] | undefined;
}

/**
 * The aggregates in the order of their names. Throws `jobInvalid` for unknown columns and types that don't fit.
 *
 * @param keys names of the columns that rows are grouped by
 */
export function bindAggregates(
  aggregates: Record<string, AggExpr>,
  columns: readonly Column[],
  keys: readonly string[] = [],
): BoundAggregates {
  const entries = Object.entries(aggregates);
  if (entries.length === 0)
    throw new EngineError('jobInvalid', 'agg wants at least one aggregate, such as { n: count() }, got none');
  const binder = new Binder(columns, [...keys, ...Object.keys(aggregates)]);
  for (const [name, aggregate] of entries) {
    if (!(aggregate instanceof AggExpr)) {
      throw new EngineError(
        'jobInvalid',
        `aggregate '${name}' wants count(), countIf(...), sum, min, max, avg or another aggregate of a column, got ${typeof aggregate}`,
      );
    }
    binder.add(name, aggregate);
  }
  return binder.result();
}

class Binder {
  readonly #columns: readonly Column[];
  readonly #taken: Set<string>;
  readonly #before: NamedExpr[] = [];
  readonly #udfs: UdfFunction[] = [];
  readonly #aggregates: BoundAggregate[] = [];
  readonly #wide: WideAggregate[] = [];
  readonly #behind: NamedExpr[] = [];
  #isDerived = false;

  constructor(columns: readonly Column[], names: readonly string[]) {
    this.#columns = columns;
    this.#taken = new Set([...columns.map(column => column.name), ...names]);
  }

  add(name: string, aggregate: AggExpr): void {
    const user = `aggregate '${name}', ${formatExpr(aggregate)}`;
    const scope = { columns: this.#columns, user, udfs: this.#udfs };
    const filter =
      aggregate.filter === undefined ? undefined : this.#predicate(name, bindCondition(aggregate.filter, scope));
    const input = aggregate.input === undefined ? undefined : bindExpr(aggregate.input, scope);
    if (aggregate.kind === 'count' || input === undefined) return this.#count(name, input, filter);
    checkInput(aggregate, input, user);
    const wideKind = wideKindOf(aggregate, input);
    if (wideKind !== undefined) return this.#addWide(name, wideKind, input, aggregate, filter);
    const whole = input.kind !== 'float64';
    const column = this.#column(name, input);
    if (aggregate.kind === 'sum' || aggregate.kind === 'min' || aggregate.kind === 'max') {
      const outputKind = isTime(input) ? 'timestamp' : whole ? 'int64' : 'float64';
      const kind = `${aggregate.kind}${whole ? 'Int64' : 'Float64'}` as const;
      return this.#accumulate({ name, kind, column, outputKind }, filter, aggregate.kind !== 'sum');
    }
    this.#isDerived = true;
    const total = this.#fresh(`${name} sum`);
    const sum = withFilter(
      { name: total, kind: whole ? 'sumInt64' : 'sumFloat64', column, outputKind: whole ? 'int64' : 'float64' },
      filter,
    );
    const number = this.#fresh(`${name} count`);
    const present = input.nullable ? both(isPresent(column), filter) : filter;
    this.#aggregates.push(sum, withFilter({ name: number, kind: 'sumInt64', outputKind: 'int64' }, present));
    this.#behind.push({ name, expr: quotient(columnOf(total, sum.outputKind), columnOf(number, 'int64')) });
  }

  result(): BoundAggregates {
    const wide = this.#wide;
    return {
      before: this.#before,
      udfs: this.#udfs,
      aggregates: this.#aggregates,
      wide: wide.length > 0 ? wide : undefined,
      behind: this.#isDerived ? this.#behind : undefined,
    };
  }

  #addWide(
    name: string,
    kind: WideKind,
    input: BoundExpr,
    { probability }: AggExpr,
    filter: Predicate | undefined,
  ): void {
    const [outputKind, nullable] = wideOutput(kind, input.kind);
    const column = this.#column(name, input);
    const made = { name, kind, column, inputKind: input.kind, outputKind, nullable };
    const filtered = filter === undefined ? made : { ...made, filter };
    this.#wide.push(Object.freeze(probability === undefined ? filtered : { ...filtered, probability }));
    if (outputKind !== 'list') this.#behind.push({ name, expr: { ...columnOf(name, outputKind), nullable } });
  }

  #count(name: string, input: BoundExpr | undefined, filter: Predicate | undefined): void {
    const present = input?.nullable === true ? isPresent(this.#column(name, input)) : undefined;
    this.#accumulate({ name, kind: 'sumInt64', outputKind: 'int64' }, both(present, filter), false);
  }

  #accumulate(bound: BoundAggregate, filter: Predicate | undefined, nullable: boolean): void {
    // Wide ones come out last: one that was asked for before this one has to be put in its place.
    if (this.#wide.length > 0) this.#isDerived = true;
    this.#aggregates.push(withFilter(bound, filter));
    this.#behind.push({ name: bound.name, expr: { ...columnOf(bound.name, bound.outputKind), nullable } });
  }

  /** The column that the expression is, or one that is computed before. */
  #column(name: string, expr: BoundExpr): string {
    if (expr.op === 'column') return expr.name;
    const column = this.#fresh(`${name} input`);
    this.#before.push({ name: column, expr });
    return column;
  }

  #predicate(name: string, condition: BoundExpr): Predicate {
    const predicate = predicateOf(condition);
    if (predicate !== undefined) return predicate;
    const column = this.#fresh(`${name} condition`);
    this.#before.push({ name: column, expr: condition });
    return { op: 'eq', column, value: true };
  }

  #fresh(name: string): string {
    let fresh = name;
    for (let n = 2; this.#taken.has(fresh); n++) fresh = `${name} ${n}`;
    this.#taken.add(fresh);
    return fresh;
  }
}

/** Which wide accumulator an aggregate wants; undefined for those of 8 bytes. */
function wideKindOf({ kind }: AggExpr, input: BoundExpr): WideKind | undefined {
  switch (kind) {
    case 'count':
    case 'sum':
    case 'avg':
      return undefined;
    case 'min':
    case 'max':
      return isText(input) ? `${kind}Text` : undefined;
    default:
      return kind;
  }
}

/** What comes out of a wide aggregate, and whether it is null without values. */
function wideOutput(kind: WideKind, input: ColumnKind): readonly [ColumnKind | 'list', boolean] {
  switch (kind) {
    case 'first':
    case 'last':
    case 'minText':
    case 'maxText':
      return [input, true];
    case 'countDistinct':
    case 'approxCountDistinct':
      return ['int64', false];
    case 'collectList':
      return ['list', false];
    case 'approxPercentile':
    case 'variance':
    case 'stddev':
      return ['float64', true];
    default:
      return assertNever(kind);
  }
}

const TAKES_ALL: ReadonlySet<string> = new Set([
  'first',
  'last',
  'countDistinct',
  'collectList',
  'approxCountDistinct',
]);

function checkInput({ kind }: AggExpr, input: BoundExpr, user: string): void {
  const takesTime = kind === 'min' || kind === 'max';
  if (TAKES_ALL.has(kind) || isNumber(input) || (takesTime && (isTime(input) || isText(input)))) return;
  const text = formatExpr(input);
  const shown = input.op === 'column' ? `'${input.name}'` : text;
  const cure = input.kind === 'bool' ? `; true ones are counted by countIf(col('${text}'))` : '';
  const wanted = takesTime ? 'a column of numbers, timestamps or text' : 'a column of numbers';
  throw new EngineError('jobInvalid', `${user} wants ${wanted}, ${shown} is ${input.kind}${cure}`);
}

const columnOf = (name: string, kind: ColumnKind): BoundExpr =>
  Object.freeze({ op: 'column', name, kind, nullable: false });

const quotient = (a: BoundExpr, b: BoundExpr): BoundExpr =>
  Object.freeze({ op: 'call', fn: 'div', args: Object.freeze([a, b]), kind: 'float64', nullable: true });

const isPresent = (column: string): Predicate => ({ op: 'not', input: { op: 'isNull', column } });

const both = (a: Predicate | undefined, b: Predicate | undefined): Predicate | undefined =>
  a === undefined ? b : b === undefined ? a : { op: 'and', left: a, right: b };

const withFilter = (bound: BoundAggregate, filter: Predicate | undefined): BoundAggregate =>
  Object.freeze(filter === undefined ? bound : { ...bound, filter });
