/**
 * Rows as lines: NDJSON and plain text.
 *
 * NDJSON: each row is `JSON.stringify`, with what that would lose taken care of: a bigint becomes a string of its
 * digits, an undefined row is null; a Map, a Set, bytes, a function or a symbol anywhere in a row is a `typeMismatch`,
 * because JSON would make an empty object of it or leave it out. NaN and infinities become null, as always in JSON.
 *
 * Text: a string is its line; numbers, booleans and bigints as JavaScript prints them, a Date in ISO 8601, anything
 * else as NDJSON. A string with line ends in it is several lines to whoever reads the file.
 */
import { EngineError } from '../core/errors.js';
import { describeValue } from './describe-value.js';

export function ndjsonLines(rows: readonly unknown[], start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += `${jsonOf(rows[i], i)}\n`;
  return text;
}

export function textLines(rows: readonly unknown[], start: number, end: number): string {
  const part = rows.slice(start, end);
  const lines = part.every(row => typeof row === 'string') ? part : part.map((row, i) => textOf(row, start + i));
  // Ends the last line without a copy of the text.
  lines.push('');
  return lines.join('\n');
}

function textOf(row: unknown, index: number): string {
  if (typeof row === 'string') return row;
  if (typeof row === 'number' || typeof row === 'boolean' || typeof row === 'bigint') return String(row);
  if (row instanceof Date && !Number.isNaN(row.getTime())) return row.toISOString();
  return jsonOf(row, index);
}

function jsonOf(row: unknown, index: number): string {
  return (isPlainJson(row, 0) ? JSON.stringify(row) : JSON.stringify(row, careful(index))) ?? 'null';
}

const MAX_DEPTH = 16;

/** Whether JSON.stringify alone says all of it. A quick look: false only means that a careful one is needed. */
function isPlainJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
      return true;
    case 'object': {
      if (value === null) return true;
      if (depth > MAX_DEPTH) return false;
      if (Array.isArray(value)) return value.every(item => isPlainJson(item, depth + 1));
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === Date.prototype) return true;
      if (prototype !== Object.prototype && prototype !== null) return false;
      for (const name in value) if (!isPlainJson((value as { [name: string]: unknown })[name], depth + 1)) return false;
      return true;
    }
    default:
      return false;
  }
}

function careful(index: number): (this: unknown, name: string, value: unknown) => unknown {
  return (name, value) => {
    if (typeof value === 'bigint') return String(value);
    const isLost =
      typeof value === 'function' ||
      typeof value === 'symbol' ||
      value instanceof Map ||
      value instanceof Set ||
      ArrayBuffer.isView(value);
    if (!isLost) return value;
    throw new EngineError(
      'typeMismatch',
      `JSON output wants text, numbers, booleans, null, arrays and objects, got ${describeValue(value)} ` +
        `${name === '' ? 'as' : `under '${name}' of`} row ${index} of its chunk: turn it into one of these first`,
      { detail: { row: index } },
    );
  };
}
