/**
 * Comparisons, negation and casts. Numbers compare with numbers and timestamps, texts with texts by their UTF-8 bytes,
 * booleans for equality only.
 */
import { Misfit, valueOfField } from '../columnar/decode-value.js';
import { assertNever } from '../core/assert-never.js';
import type { ColumnKind } from '../core/schema.js';
import type { BoundExpr, Literal, Value } from './expr-data.js';
import { constantOf, isOrdered, isText, isWhole, type Apply, type FunctionRule } from './function-rule.js';
import { compareText } from './text.js';

/** Whether two values can be compared. */
export const areComparable = (a: BoundExpr, b: BoundExpr): boolean =>
  (isOrdered(a) && isOrdered(b)) || a.kind === b.kind;

const comparison = (numbers: Apply, texts: Apply, hasOrder: boolean): FunctionRule => ({
  wants: hasOrder ? 'two numbers, two timestamps or two texts' : 'two values of one type',
  kindOf: ([a, b]) =>
    a !== undefined && b !== undefined && areComparable(a, b) && !(hasOrder && a.kind === 'bool') ? 'bool' : undefined,
  make: ({ args: [a] }) => (a !== undefined && isText(a) ? texts : numbers),
});

export const compareFunctions = {
  eq: comparison(
    (a: Literal, b: Literal) => a === b,
    (a: string, b: string) => a === b,
    false,
  ),
  ne: comparison(
    (a: Literal, b: Literal) => a !== b,
    (a: string, b: string) => a !== b,
    false,
  ),
  lt: comparison(
    (a: number, b: number) => a < b,
    (a: string, b: string) => compareText(a, b) < 0,
    true,
  ),
  le: comparison(
    (a: number, b: number) => a <= b,
    (a: string, b: string) => compareText(a, b) <= 0,
    true,
  ),
  gt: comparison(
    (a: number, b: number) => a > b,
    (a: string, b: string) => compareText(a, b) > 0,
    true,
  ),
  ge: comparison(
    (a: number, b: number) => a >= b,
    (a: string, b: string) => compareText(a, b) >= 0,
    true,
  ),
  not: {
    wants: 'a condition',
    kindOf: ([a]) => (a?.kind === 'bool' ? 'bool' : undefined),
    make: () => (a: boolean) => !a,
  },
  isIn: {
    wants: 'constants of the type of its value',
    kindOf: ([a, ...list]) =>
      a !== undefined && list.every(item => constantOf(item) !== undefined && areComparable(a, item))
        ? 'bool'
        : undefined,
    make: ({ args: [, ...list] }) => {
      const values = new Set(list.map(item => constantOf(item)));
      return (a: Literal) => values.has(a);
    },
  },
  /** Its kind is asked for; `castTo` says whether there is a way. */
  cast: {
    wants: 'a value that can take this form',
    kindOf: () => undefined,
    make: ({ args: [a], kind }) => castFunction(a?.kind ?? kind, kind),
  },
} satisfies Record<string, FunctionRule>;

/** Whether there is a cast, and whether it may give null of a value that is not. */
export function castTo(from: BoundExpr, to: ColumnKind): { readonly possible: boolean; readonly mayBeNull: boolean } {
  const timeAndBool = (from.kind === 'timestamp' && to === 'bool') || (from.kind === 'bool' && to === 'timestamp');
  const widens = from.kind === to || to === 'utf8' || to === 'bool' || to === 'float64' || from.kind === 'bool';
  const same = to === 'int64' || to === 'timestamp' ? isWhole(from) || from.kind === 'timestamp' : false;
  return {
    possible: !timeAndBool,
    mayBeNull: from.kind === 'utf8' ? to !== 'utf8' : !(widens || same),
  };
}

function castFunction(from: ColumnKind, to: ColumnKind): Apply {
  if (from === to) return (value: Literal) => value;
  if (from === 'utf8') return (text: string) => textTo(text.trim(), to);
  switch (to) {
    case 'utf8':
      return from === 'timestamp'
        ? (time: number) => (Number.isNaN(+new Date(time)) ? 'Invalid Date' : new Date(time).toISOString())
        : (value: Literal) => String(value);
    case 'bool':
      return (value: number) => value !== 0;
    case 'float64':
      return (value: Literal) => Number(value);
    case 'int32':
      return (value: Literal) => wholeOrNull(Number(value), 2 ** 31);
    case 'int64':
    case 'timestamp':
      return (value: Literal) => wholeOrNull(Number(value), 2 ** 53);
    default:
      return assertNever(to);
  }
}

/** Without its fraction; null below -limit (2^53: at it too) and from the limit on. */
function wholeOrNull(value: number, limit: number): number | null {
  const cut = Math.trunc(value) + 0;
  return cut >= -limit && cut < limit && Number.isSafeInteger(cut) ? cut : null;
}

/** As a CSV field is read; null for what is none of the kind. */
function textTo(text: string, to: ColumnKind): Value {
  const value = valueOfField({ name: '', kind: to, nullable: true }, text);
  return value instanceof Misfit ? null : value === 0 && to !== 'float64' ? 0 : value;
}
