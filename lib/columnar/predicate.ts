/**
 * Predicates over columns, as data, and the row masks they give. Comparing with null is neither true nor false, as in
 * SQL: `not`, `and` and `or` follow three-valued logic, and a row counts only where the whole is true.
 *
 * Text is ordered by its UTF-8 bytes, which is the order of its code points. A float64 NaN equals nothing, is not less
 * or greater than anything, and is `ne` everything, as in JavaScript.
 */
import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import { formatSchema, type Column, type ColumnKind } from '../core/schema.js';
import type { ColumnChunk, ColumnVector } from './chunk.js';
import { KIND_CODE } from './column-layout.js';
import { kernels } from './kernels.js';
import type { ComparisonOp, Predicate } from './predicate-data.js';
import type { Address } from './slot-memory.js';

export type { ComparisonOp, Predicate } from './predicate-data.js';

/** Which of the three outcomes of a comparison the operator wants; `ne` wants `eq` turned round, so that NaN is unequal. */
export const WANTED: Record<ComparisonOp, { less: number; equal: number; greater: number; invert: number }> = {
  eq: { less: 0, equal: 1, greater: 0, invert: 0 },
  ne: { less: 0, equal: 1, greater: 0, invert: 1 },
  lt: { less: 1, equal: 0, greater: 0, invert: 0 },
  le: { less: 1, equal: 1, greater: 0, invert: 0 },
  gt: { less: 0, equal: 0, greater: 1, invert: 0 },
  ge: { less: 0, equal: 1, greater: 1, invert: 0 },
};

/**
 * @returns u8[numRows] in scratch: 1 where the predicate is true, else 0. Throws `typeMismatch` for a column that is not
 *   there or whose kind does not fit the literal.
 */
export function evalPredicate(chunk: ColumnChunk, predicate: Predicate): Address {
  const mask = evalThreeValued(chunk, predicate);
  kernels(chunk.memory).maskTrue(mask, chunk.numRows);
  return mask;
}

/** u8[numRows], rounded up to whole vectors: 0 false, 3 true, 1 unknown. */
function evalThreeValued(chunk: ColumnChunk, predicate: Predicate): Address {
  const { memory, numRows } = chunk;
  const k = kernels(memory);
  switch (predicate.op) {
    case 'and':
    case 'or': {
      const left = evalThreeValued(chunk, predicate.left);
      const mark = memory.scratchMark();
      const right = evalThreeValued(chunk, predicate.right);
      if (predicate.op === 'and') k.maskAnd(left, right, numRows);
      else k.maskOr(left, right, numRows);
      memory.releaseScratch(mark);
      return left;
    }
    case 'not': {
      const input = evalThreeValued(chunk, predicate.input);
      k.maskNot(input, numRows);
      return input;
    }
    case 'isNull': {
      const { vector } = columnOf(chunk, predicate.column);
      const out = memory.scratch(numRows);
      if (vector.validity === 0) memory.u8.fill(0, out, out + numRows);
      else k.maskIsNull(vector.validity, numRows, out);
      return out;
    }
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
      return compare(chunk, predicate.op, predicate.column, predicate.value);
    default:
      return assertNever(predicate);
  }
}

function compare(chunk: ColumnChunk, op: ComparisonOp, name: string, value: string | number | boolean): Address {
  const { memory, numRows } = chunk;
  const k = kernels(memory);
  const { column, vector } = columnOf(chunk, name);
  checkLiteral(column, op, value);
  const { less, equal, greater, invert } = WANTED[op];
  const out = memory.scratch(numRows);
  const mark = memory.scratchMark();
  if (typeof value === 'string') {
    const bytes = new TextEncoder().encode(value);
    const text = memory.scratch(bytes.length);
    memory.u8.set(bytes, text);
    if (op === 'eq' || op === 'ne') {
      k.maskTextEquals(vector.values, vector.lengths, numRows, text, bytes.length, invert, vector.validity, out);
    } else {
      k.maskTextOrder(
        vector.values,
        vector.lengths,
        numRows,
        text,
        bytes.length,
        less,
        equal,
        greater,
        vector.validity,
        out,
      );
    }
  } else {
    k.maskNumbers(KIND_CODE[column.kind], vector.values, numRows, less, equal, greater, invert, Number(value), out);
  }
  memory.releaseScratch(mark);
  if (vector.validity !== 0) k.maskNulls(vector.validity, numRows, out);
  return out;
}

export const LITERAL_OF: Record<ColumnKind, 'string' | 'number' | 'boolean'> = {
  utf8: 'string',
  int32: 'number',
  int64: 'number',
  float64: 'number',
  timestamp: 'number',
  bool: 'boolean',
};

function checkLiteral(column: Column, op: ComparisonOp, value: string | number | boolean): void {
  if (typeof value === LITERAL_OF[column.kind]) return;
  throw new EngineError(
    'typeMismatch',
    `column ${column.name} is ${column.kind} and compares (${op}) with a ${LITERAL_OF[column.kind]}, got the ${typeof value} ` +
      `${JSON.stringify(value)}: change the literal or the column's type`,
  );
}

function columnOf(chunk: ColumnChunk, name: string): { column: Column; vector: ColumnVector } {
  const at = chunk.schema.findIndex(column => column.name === name);
  const column = chunk.schema[at];
  const vector = chunk.columns[at];
  if (column !== undefined && vector !== undefined) return { column, vector };
  const problem = column === undefined ? 'has no such column' : 'did not decode it';
  throw new EngineError(
    'typeMismatch',
    `a predicate wants column ${name}, the chunk (${formatSchema(chunk.schema)}) ${problem}`,
  );
}
