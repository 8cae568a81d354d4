/**
 * Arithmetic. Whole numbers (int32, int64) give int64, anything with a float64 gives float64; a timestamp and a whole
 * number give a timestamp, two timestamps their distance in milliseconds.
 */
import { EngineError } from '../core/errors.js';
import type { ColumnKind } from '../core/schema.js';
import type { BoundExpr } from './expr-data.js';
import { isNumber, isTime, isWhole, type FunctionRule } from './function-rule.js';

/** The value as a whole number that a column can hold, 0 for -0. Throws `typeMismatch` beyond 2^53 - 1. */
export function whole(value: number, fn: string): number {
  if (Number.isSafeInteger(value)) return value + 0;
  throw new EngineError(
    'typeMismatch',
    `${fn} of whole numbers wants a result from -(2^53 - 1) to 2^53 - 1, got ${value}: cast one of them to float64`,
  );
}

const numbers = ([a, b]: readonly BoundExpr[]): ColumnKind | undefined =>
  a === undefined || b === undefined || !isNumber(a) || !isNumber(b)
    ? undefined
    : isWhole(a) && isWhole(b)
      ? 'int64'
      : 'float64';

type Binary = (a: number, b: number) => number;

const arithmetic = (fn: string, compute: Binary, kindOf: FunctionRule['kindOf'], wants: string): FunctionRule => ({
  wants,
  kindOf,
  make: ({ kind }) => (kind === 'float64' ? compute : (a: number, b: number) => whole(compute(a, b), fn)),
});

const sum: FunctionRule['kindOf'] = args => {
  const [a, b] = args;
  if (a === undefined || b === undefined) return undefined;
  return (isTime(a) && isWhole(b)) || (isWhole(a) && isTime(b)) ? 'timestamp' : numbers(args);
};

const difference: FunctionRule['kindOf'] = args => {
  const [a, b] = args;
  if (a === undefined || b === undefined) return undefined;
  if (isTime(a)) return isTime(b) ? 'int64' : isWhole(b) ? 'timestamp' : undefined;
  return numbers(args);
};

export const numberFunctions = {
  add: arithmetic('add', (a, b) => a + b, sum, 'two numbers, or a timestamp and a whole number'),
  sub: arithmetic('sub', (a, b) => a - b, difference, 'two numbers, or a timestamp and a timestamp or whole number'),
  mul: arithmetic('mul', (a, b) => a * b, numbers, 'two numbers'),
  div: {
    wants: 'two numbers',
    kindOf: args => (numbers(args) === undefined ? undefined : 'float64'),
    mayBeNull: () => true,
    make: () => (a: number, b: number) => (b === 0 ? null : a / b),
  },
  mod: {
    wants: 'two numbers',
    kindOf: numbers,
    mayBeNull: () => true,
    make: ({ kind }) =>
      kind === 'float64'
        ? (a: number, b: number) => (b === 0 ? null : a % b)
        : (a: number, b: number) => (b === 0 ? null : (a % b) + 0),
  },
  neg: {
    wants: 'a number',
    kindOf: ([a]) => (a === undefined || !isNumber(a) ? undefined : isWhole(a) ? 'int64' : 'float64'),
    make: ({ kind }) => (kind === 'float64' ? (a: number) => -a : (a: number) => -a + 0),
  },
} satisfies Record<string, FunctionRule>;
