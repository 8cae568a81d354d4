/**
 * Which text and which JSON values fit a column, decided exactly and without hurry: the scan kernels take the plain
 * forms and agree with this file on them; everything else, and every refusal, comes here.
 */
import { isUtf8 } from 'node:buffer';
import { assertNever } from '../core/assert-never.js';
import type { Column, ColumnKind } from '../core/schema.js';

/** What a column's row holds; null only where it is nullable. */
export type CellValue = string | number | boolean | null;

/** A value that does not fit: the sentence for the dead letters. */
export class Misfit {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[+-]\d\d:?\d\d)?)?$/;
const NOT_FINITE = new Set(['NaN', 'Infinity', '-Infinity']);
const SHOWN_CHARACTERS = 40;

/** Text for a message, cut to its first 40 characters. */
export function shown(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}...`;
}

export function wanted(column: Column, found: string): Misfit {
  return new Misfit(`column ${column.name} wants ${column.kind}, got ${found}`);
}

/** Whether a number is a value of the kind: range and wholeness. */
export function numberFits(kind: ColumnKind, value: number): boolean {
  switch (kind) {
    case 'int32':
      return Number.isInteger(value) && value >= -2147483648 && value <= 2147483647;
    case 'int64':
    case 'timestamp':
      return Number.isSafeInteger(value);
    case 'float64':
      return true;
    case 'utf8':
    case 'bool':
      return false;
    default:
      return assertNever(kind);
  }
}

/** Epoch milliseconds of `YYYY-MM-DD`, alone or with a time; UTC where no zone is given; NaN for anything else. */
export function parseInstant(text: string): number {
  const match = INSTANT.exec(text);
  if (!match) return NaN;
  const [, date, time, zone] = match;
  return Date.parse(time === undefined ? `${date}` : `${date}T${time}${zone ?? 'Z'}`);
}

/** The value of a CSV field. @param bytes one character a byte, unescaped; empty unquoted fields are not given here */
export function valueOfField(column: Column, bytes: string): CellValue | Misfit {
  if (column.kind === 'utf8') {
    const buffer = Buffer.from(bytes, 'latin1');
    return isUtf8(buffer) ? buffer.toString('utf8') : wanted(column, 'bytes that are not UTF-8');
  }
  if (column.kind === 'bool') {
    if (bytes === 'true' || bytes === '1') return true;
    if (bytes === 'false' || bytes === '0') return false;
    return wanted(column, `'${shown(bytes)}'`);
  }
  const value = numberOfField(column.kind, bytes);
  return value === undefined || !numberFits(column.kind, value) ? wanted(column, `'${shown(bytes)}'`) : value;
}

function numberOfField(kind: ColumnKind, bytes: string): number | undefined {
  if (kind === 'float64') return DECIMAL.test(bytes) || NOT_FINITE.has(bytes) ? Number(bytes) : undefined;
  if (INTEGER.test(bytes)) return Number(bytes);
  return kind === 'timestamp' ? parseInstant(bytes) : undefined;
}

/**
 * The value of a JSON field; undefined where the object lacks it. Numbers may stand in quotes, as writers put those that
 * their readers' doubles might round: then they are read as a CSV field is. Booleans may not.
 */
export function valueOfJson(column: Column, value: unknown): CellValue | Misfit {
  if (value === undefined || value === null) {
    return column.nullable ? null : wanted(column, value === null ? 'null' : 'nothing: the field is missing');
  }
  if (typeof value === 'string') {
    if (column.kind === 'utf8') return value;
    const number = column.kind === 'bool' ? undefined : numberOfField(column.kind, value);
    return number !== undefined && numberFits(column.kind, number) ? number : misfit(column, value);
  }
  if (typeof value === 'number') return numberFits(column.kind, value) ? value : misfit(column, value);
  if (typeof value === 'boolean' && column.kind === 'bool') return value;
  return misfit(column, value);
}

/** `column ts wants int64, got string "x"`: for any JavaScript value. */
export function misfit(column: Column, value: unknown): Misfit {
  return wanted(column, described(value));
}

export function described(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'string') return `string ${JSON.stringify(shown(value))}`;
  if (typeof value === 'object' || typeof value === 'function') return typeof value;
  return `${typeof value} ${shown(String(value))}`;
}
