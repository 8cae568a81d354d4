import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { Misfit, shown, valueOfField } from './decode-value.js';
import type { CellValue } from './decode-value.js';

/**
 * One RFC 4180 record at a time, exactly: header records, and the data records that the CSV kernel hands over.
 * Quotes count only where they open a field; CR belongs to a line end only before LF.
 */

const LF = 10;
const QUOTE = 34;

interface Field {
  /** One character a byte, unescaped. */
  readonly bytes: string;
  readonly quoted: boolean;
}

/** @param record one character a byte, without its line end */
function fieldsOf(record: string, delimiter: string): Field[] | Misfit {
  const fields: Field[] = [];
  for (let p = 0; ;) {
    if (record[p] === '"') {
      let close = record.indexOf('"', p + 1);
      while (close >= 0 && record[close + 1] === '"') close = record.indexOf('"', close + 2);
      if (close < 0) return new Misfit(`the quote that opens field ${fields.length + 1} is never closed`);
      fields.push({ bytes: record.slice(p + 1, close).replaceAll('""', '"'), quoted: true });
      p = close + 1;
      if (p < record.length && record[p] !== delimiter) {
        return new Misfit(`field ${fields.length} has text after its closing quote: '${shown(record.slice(p))}'`);
      }
    } else {
      const found = record.indexOf(delimiter, p);
      const end = found < 0 ? record.length : found;
      fields.push({ bytes: record.slice(p, end), quoted: false });
      p = end;
    }
    if (p >= record.length) return fields;
    p++;
  }
}

/** The values of the declared columns of one data record, or why it has none. */
export class CsvRecords {
  readonly #columns: readonly Column[];
  readonly #delimiter: string;
  readonly #names: readonly string[];
  /** By declared column: its place in the record. */
  readonly #places: readonly number[];

  /** @param names of the record's fields, in order; every declared column is among them */
  constructor(columns: readonly Column[], delimiter: string, names: readonly string[]) {
    this.#columns = columns;
    this.#delimiter = delimiter;
    this.#names = names;
    this.#places = columns.map(column => names.indexOf(column.name));
  }

  /** @param record one character a byte, without its line end */
  values(record: string): CellValue[] | Misfit {
    const fields = fieldsOf(record, this.#delimiter);
    if (fields instanceof Misfit) return fields;
    const numWanted = this.#names.length;
    if (fields.length !== numWanted) {
      const noun = numWanted === 1 ? 'field' : 'fields';
      return new Misfit(`${numWanted} ${noun} wanted (${this.#names.join(', ')}), ${fields.length} came`);
    }
    const values: CellValue[] = [];
    for (const [i, column] of this.#columns.entries()) {
      const field = fields[this.#places[i]];
      const isNull = column.nullable && field.bytes === '' && !field.quoted;
      const value = isNull ? null : valueOfField(column, field.bytes);
      if (value instanceof Misfit) return value;
      values.push(value);
    }
    return values;
  }
}

/**
 * The fields of one record, such as a file's header; a line end behind it is fine.
 * Throws `badRecord` when quotes are wrong.
 */
export function parseCsvRecord(bytes: Uint8Array, delimiter: string): string[] {
  const record = Buffer.from(bytes)
    .toString('latin1')
    .replace(/\r?\n$/, '');
  const fields = fieldsOf(record, delimiter);
  if (fields instanceof Misfit) {
    throw new EngineError('badRecord', `a CSV record wants RFC 4180 quoting, got '${shown(record)}': ${fields.reason}`);
  }
  return fields.map(field => Buffer.from(field.bytes, 'latin1').toString('utf8'));
}

/**
 * The byte length of the record that `bytes` begins with, its line end included, or -1 when it does not end in them:
 * how far a header reaches.
 */
export function csvRecordEnd(bytes: Uint8Array, delimiter: string): number {
  const delimiterByte = delimiter.charCodeAt(0);
  let begins = true;
  for (let p = 0; p < bytes.length; p++) {
    if (begins && bytes[p] === QUOTE) {
      for (p++; p < bytes.length && (bytes[p] !== QUOTE || bytes[p + 1] === QUOTE); p++) {
        if (bytes[p] === QUOTE) p++;
      }
      begins = false;
    } else if (bytes[p] === LF) return p + 1;
    else begins = bytes[p] === delimiterByte;
  }
  return -1;
}

/** Why a header does not fit the declared columns, or undefined when it does. */
export function csvHeaderProblem(header: readonly string[], columns: readonly Column[]): string | undefined {
  const came = shown(header.join(', '));
  for (const { name } of columns) {
    const first = header.indexOf(name);
    if (first < 0) return `the header wants column ${name}, got (${came})`;
    if (header.includes(name, first + 1)) return `the header wants column ${name} once, got it twice (${came})`;
  }
  return undefined;
}
