/** Random expressions of every function over columns of every kind, and random rows for them. */
import type { Column, ColumnKind } from '../../lib/core/schema.js';
import { callData, type ExprData, type FunctionName, type Literal } from '../../lib/expr/expr-data.js';
import { intBelow, pick, type Random } from '../helpers/random-values.js';

const KINDS: readonly ColumnKind[] = ['utf8', 'int32', 'int64', 'float64', 'bool', 'timestamp'];

/** Of each kind a column without and one with nulls: `utf8`, `utf8?` and so on. */
export const COLUMNS: readonly Column[] = KINDS.flatMap(kind =>
  [false, true].map(nullable => ({ name: nullable ? `${kind}?` : kind, kind, nullable })),
);

const TEXTS = [
  '',
  'a',
  'ab',
  'abc',
  ' a b ',
  'ÄÖü',
  'ß',
  'z\u{1f600}',
  '\u{1f600}\u{1f601}',
  '～',
  '%_',
  '12',
  '-3.5',
  'true',
  '2024-02-29',
  'İ',
];
const DOUBLES = [0, -0, 1, -1, 0.5, -2.5, NaN, Infinity, -Infinity, 1e300, 2 ** 31, 2 ** 53, 5e-324];
const WHOLES = [0, 1, -1, 2, 7, -13, 2 ** 31 - 1, -(2 ** 31)];
const LARGE = [...WHOLES, 2 ** 40, -(2 ** 45), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const TIMES = [0, -1, 1709208000123, -62135596800000, 951782400000, 86399999, 4102444800000, -8640000000000];

export function randomValue(random: Random, kind: ColumnKind): Literal {
  switch (kind) {
    case 'utf8':
      return pick(random, TEXTS);
    case 'bool':
      return random() < 0.5;
    case 'float64':
      return pick(random, DOUBLES);
    case 'int32':
      return pick(random, WHOLES);
    case 'int64':
      return pick(random, random() < 0.8 ? WHOLES : LARGE);
    case 'timestamp':
      return pick(random, TIMES) + intBelow(random, 100_000);
  }
}

export const randomRow = (random: Random): Record<string, Literal | null> =>
  Object.fromEntries(
    COLUMNS.map(({ name, kind, nullable }) => [name, nullable && random() < 0.4 ? null : randomValue(random, kind)]),
  );

const literal = (value: Literal): ExprData => ({ op: 'literal', value });
const isWhole = (kind: ColumnKind): boolean => kind === 'int32' || kind === 'int64';

/** An expression that gives the kind; int32 only as columns and casts, int64 from whatever gives whole numbers. */
export function randomExpr(random: Random, kind: ColumnKind, depth: number): ExprData {
  if (depth === 0 || random() < 0.1) return leaf(random, kind);
  const of = (wanted: ColumnKind): ExprData => randomExpr(random, wanted, depth - 1);
  const call = (fn: FunctionName, ...args: ExprData[]): ExprData => callData(fn, args);
  const any = (): ExprData => of(pick(random, KINDS));
  const number = (): ExprData => of(pick(random, ['int32', 'int64', 'float64'] as const));
  const whole = (): ExprData => of(pick(random, ['int32', 'int64'] as const));
  const general: (() => ExprData)[] = [
    () => leaf(random, kind),
    () => call('coalesce', of(kind), ...(random() < 0.5 ? [of(kind)] : []), leaf(random, kind)),
    () => call('when', of('bool'), of(kind), ...(random() < 0.5 ? [of('bool'), of(kind)] : []), of(kind)),
    () => call('when', of('bool'), of(kind)),
    () => ({ op: 'udf', f: udfOf(kind) as never, to: kind, args: [of(kind), any()] }),
    () => callData('cast', [castable(random, kind, depth)], kind),
  ];
  const own: Record<ColumnKind, (() => ExprData)[]> = {
    int32: [],
    int64: [
      () => call(pick(random, ['add', 'sub', 'mul', 'mod'] as const), whole(), whole()),
      () => call('neg', whole()),
      () => call('length', of('utf8')),
      () => call('sub', of('timestamp'), of('timestamp')),
      () => call('hash', any(), any()),
      () =>
        call(
          'datePart',
          of('timestamp'),
          literal(pick(random, ['year', 'month', 'day', 'hour', 'minute', 'second', 'millisecond', 'dayOfWeek'])),
        ),
    ],
    float64: [
      () => call(pick(random, ['add', 'sub', 'mul', 'mod'] as const), number(), of('float64')),
      () => call(pick(random, ['add', 'sub', 'mul', 'mod'] as const), of('float64'), number()),
      () => call('div', number(), number()),
      () => call('neg', of('float64')),
    ],
    bool: [
      () => call(pick(random, ['and', 'or'] as const), of('bool'), of('bool')),
      () => call('not', of('bool')),
      () => call('isNull', any()),
      () => comparison(random, of),
      () => comparison(random, of),
      () => call('like', of('utf8'), literal(pick(random, ['%', 'a%', '%b', '_', '%_b%', '\\%%', '']))),
      () => call(pick(random, ['startsWith', 'endsWith', 'contains'] as const), of('utf8'), of('utf8')),
      () => call('regexp', of('utf8'), literal(pick(random, ['^a', 'b|c', '.$'])), literal('u')),
      () => call('isIn', of('utf8'), literal('a'), literal('ÄÖü'), literal('')),
      () => call('isIn', number(), literal(1), literal(0.5), literal(-13)),
    ],
    utf8: [
      () => call(pick(random, ['lower', 'upper', 'trim'] as const), of('utf8')),
      () => call('substring', of('utf8'), literal(intBelow(random, 7) - 3), literal(intBelow(random, 4))),
      () => call('concat', of('utf8'), of('utf8'), of('utf8')),
      () =>
        call(
          'replace',
          of('utf8'),
          literal(pick(random, ['a', '', 'Ä', 'ab'])),
          literal(pick(random, ['', '$&', 'ü'])),
        ),
      () => call('dateFormat', of('timestamp'), literal(pick(random, ['yyyy-MM-dd', "HH:mm:ss.SSS 'x'"]))),
    ],
    timestamp: [
      () => call('add', of('timestamp'), literal(intBelow(random, 1000))),
      () => call('sub', of('timestamp'), of('int32')),
      () =>
        call('dateTrunc', of('timestamp'), literal(pick(random, ['second', 'minute', 'hour', 'day', 'week', 'month']))),
      () => call('windowStart', of('timestamp'), literal(pick(random, [1000, 7, 86_400_000]))),
      () => call('toTimestamp', of('utf8'), literal('yyyy-MM-dd')),
    ],
  };
  return pick(random, [...general, ...own[kind], ...own[kind]])();
}

function leaf(random: Random, kind: ColumnKind): ExprData {
  const value = randomValue(random, kind);
  // Constants have one kind each: there is none that is an int32 or a timestamp.
  const hasLiteral = kind === 'utf8' || kind === 'bool' || kind === 'int64' || (kind === 'float64' && value === 0.5);
  if (hasLiteral && random() < 0.3) return literal(value);
  return {
    op: 'column',
    name: pick(
      random,
      COLUMNS.filter(column => column.kind === kind),
    ).name,
  };
}

function castable(random: Random, to: ColumnKind, depth: number): ExprData {
  const refused = to === 'bool' ? 'timestamp' : to === 'timestamp' ? 'bool' : undefined;
  return randomExpr(
    random,
    pick(
      random,
      KINDS.filter(kind => kind !== refused),
    ),
    depth - 1,
  );
}

function comparison(random: Random, of: (kind: ColumnKind) => ExprData): ExprData {
  const kind = pick(random, KINDS);
  const fns: readonly FunctionName[] = [
    'eq',
    'ne',
    'eqNullSafe',
    ...(kind === 'bool' ? [] : (['lt', 'le', 'gt', 'ge'] as const)),
  ];
  const other = isWhole(kind) ? pick(random, ['int32', 'int64', 'float64', 'timestamp'] as const) : kind;
  return callData(pick(random, fns), [of(kind), of(other)]);
}

/** Functions of the job; they fail for some values. */
function udfOf(kind: ColumnKind): (value: Literal, other: Literal) => Literal | null {
  return (value, other) => {
    if (other === 7) throw new Error('the function does not like 7');
    if (other === 'abc' || other === true) return null;
    return kind === 'utf8' ? `${String(value)}!\ud83d` : value;
  };
}
