import type { ComparisonOp, Predicate } from '../../lib/columnar/predicate.js';
import { assertNever } from '../../lib/core/assert-never.js';

/** What a condition is for one row: null where SQL says unknown. */
export type Truth = boolean | null;

/**
 * The condition for one row of JavaScript values, node by node: the plain meaning that the kernels are held against,
 * and the way for rows that never were columns. A column that the row lacks is null.
 */
export function evalPredicateOnRow(predicate: Predicate, row: { readonly [column: string]: unknown }): Truth {
  switch (predicate.op) {
    case 'and': {
      const left = evalPredicateOnRow(predicate.left, row);
      if (left === false) return false;
      const right = evalPredicateOnRow(predicate.right, row);
      return right === false ? false : left === null || right === null ? null : true;
    }
    case 'or': {
      const left = evalPredicateOnRow(predicate.left, row);
      if (left === true) return true;
      const right = evalPredicateOnRow(predicate.right, row);
      return right === true ? true : left === null || right === null ? null : false;
    }
    case 'not': {
      const input = evalPredicateOnRow(predicate.input, row);
      return input === null ? null : !input;
    }
    case 'isNull':
      return valueOf(row, predicate.column) === null;
    default: {
      const value = valueOf(row, predicate.column);
      return value === null ? null : compare(predicate.op, value, predicate.value);
    }
  }
}

function compare(op: ComparisonOp, value: unknown, literal: string | number | boolean): boolean {
  if (op === 'eq') return value === literal;
  if (op === 'ne') return value !== literal;
  const [a, b] =
    typeof value === 'string' && typeof literal === 'string'
      ? [compareUtf8(value, literal), 0]
      : [Number(value), Number(literal)];
  switch (op) {
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    default:
      return assertNever(op);
  }
}

/** By bytes, as columns are: UTF-16 order differs beyond U+FFFF. */
const compareUtf8 = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Own properties only: a column may be called `constructor`. */
function valueOf(row: { readonly [column: string]: unknown }, column: string): unknown {
  return Object.hasOwn(row, column) ? (row[column] ?? null) : null;
}
