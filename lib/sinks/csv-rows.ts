/**
 * Rows of any kind as CSV records (RFC 4180, LF line ends).
 *
 * | row               | record                                                                        |
 * | object            | one field for each key of the first row; later rows must have the same keys   |
 * | array (also pair) | its elements; later rows must have as many                                    |
 * | anything else     | one field                                                                     |
 *
 * | value             | field                                                                         |
 * | string            | as it is; quoted where it holds a delimiter, quote, CR or LF, or is empty     |
 * | null, undefined   | nothing (`""` where it is the record's only field, which else were a blank line) |
 * | number, bigint, boolean | as JavaScript prints it                                                  |
 * | Date              | ISO 8601, UTC                                                                 |
 * | array of strings, numbers, booleans and nulls | its JSON, in which NaN is null                    |
 *
 * So an empty string and null stay apart, as they do when the csv format reads them into a nullable column.
 */
import { EngineError } from '../core/errors.js';
import { describeValue } from './describe-value.js';

export interface CsvStyle {
  readonly delimiter: string;
  /** Puts `'` before text that a spreadsheet would run as a formula. */
  readonly escapeFormulas: boolean;
}

type Shape =
  | { readonly kind: 'object'; readonly names: readonly string[] }
  | { readonly kind: 'array'; readonly numFields: number }
  | { readonly kind: 'single' };

/** First characters by which spreadsheets know a formula. */
const FORMULA = /^[=+\-@\t\r]/;

export class CsvRows {
  readonly #delimiter: string;
  readonly #escapeFormulas: boolean;
  readonly #special: RegExp;
  #shape: Shape | undefined;
  #numRows = 0;

  constructor(style: CsvStyle) {
    this.#delimiter = style.delimiter;
    this.#escapeFormulas = style.escapeFormulas;
    this.#special = new RegExp(`["\\r\\n${style.delimiter.replace(/[\\\]^-]/g, '\\$&')}]`);
  }

  /** The names of the columns as a record with its line end; '' when the rows have none. Known after the first row. */
  get names(): string {
    if (this.#shape?.kind !== 'object') return '';
    return `${this.#shape.names.map(name => this.#text(name)).join(this.#delimiter)}\n`;
  }

  /** Whether rows with these names as keys, in this order, fit the ones before; the first rows decide. */
  fits(names: readonly string[]): boolean {
    this.#shape ??= { kind: 'object', names };
    const { kind } = this.#shape;
    return (
      kind === 'object' &&
      this.#shape.names.length === names.length &&
      this.#shape.names.every((name, i) => name === names[i])
    );
  }

  /** Counts rows that were written from columns. */
  skip(numRows: number): void {
    this.#numRows += numRows;
  }

  /** Records of `rows[start .. end)`. Throws `typeMismatch` for a row that doesn't fit the ones before. */
  format(rows: readonly unknown[], start: number, end: number): string {
    const shape = (this.#shape ??= shapeOf(rows[start]));
    const text = this.#records(shape, rows, start, end);
    this.#numRows += end - start;
    return text;
  }

  /**
   * The common case in one go, which is what makes a row cost a tenth of a microsecond: non-empty strings, none of which
   * needs quotes; undefined for anything else. A line end within a row is not looked for: the text is good when it has as
   * many lines as rows, which is quicker to find out in its bytes. Then `noteWritten` must follow, else `format`.
   */
  plainLines(rows: readonly unknown[], start: number, end: number): string | undefined {
    this.#shape ??= shapeOf(rows[start]);
    if (this.#shape.kind !== 'single' || this.#escapeFormulas) return undefined;
    for (let i = start; i < end; i++) {
      const row = rows[i];
      if (typeof row !== 'string' || row === '') return undefined;
    }
    const lines = rows.slice(start, end);
    // Ends the last line without a copy of the text.
    lines.push('');
    const text = lines.join('\n');
    return text.includes(this.#delimiter) || text.includes('"') || text.includes('\r') ? undefined : text;
  }

  noteWritten(numRows: number): void {
    this.#numRows += numRows;
  }

  #records(shape: Shape, rows: readonly unknown[], start: number, end: number): string {
    const records: string[] = [];
    for (let i = start; i < end; i++) records.push(this.#record(shape, rows[i], i - start));
    return `${records.join('\n')}\n`;
  }

  #record(shape: Shape, row: unknown, index: number): string {
    switch (shape.kind) {
      case 'object': {
        const { names } = shape;
        const values = this.#valuesOf(names, row, index);
        let record = this.#field(values[names[0]], index, names[0]);
        if (names.length === 1) return record === '' ? '""' : record;
        for (let i = 1; i < names.length; i++)
          record += this.#delimiter + this.#field(values[names[i]], index, names[i]);
        return record;
      }
      case 'array': {
        if (!Array.isArray(row) || row.length !== shape.numFields) {
          throw this.#misfit(index, `an array of ${shape.numFields} like the rows before`, row);
        }
        const record = row.map((value, i) => this.#field(value, index, i)).join(this.#delimiter);
        return record === '' ? '""' : record;
      }
      case 'single':
        if (shapeOf(row).kind !== 'single') throw this.#misfit(index, 'a single value like the rows before', row);
        return this.#field(row, index, undefined) || '""';
    }
  }

  /** The row as an object with exactly these keys, in whatever order. */
  #valuesOf(names: readonly string[], row: unknown, index: number): { readonly [name: string]: unknown } {
    if (shapeOf(row).kind !== 'object') throw this.#misfit(index, 'an object like the rows before', row);
    const object = row as { readonly [name: string]: unknown };
    const keys = Object.keys(object);
    let isSame = keys.length === names.length;
    for (let i = 0; isSame && i < names.length; i++) isSame = keys[i] === names[i] || Object.hasOwn(object, names[i]);
    if (!isSame) throw this.#misfit(index, `the keys ${names.join(', ')} as in the rows before`, keys.join(', '));
    return object;
  }

  #field(value: unknown, index: number, at: string | number | undefined): string {
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
      case 'bigint':
      case 'boolean':
        return this.#plain(String(value));
      case 'undefined':
        return '';
      default:
        if (value === null) return '';
        if (value instanceof Date && !Number.isNaN(value.getTime())) return this.#plain(value.toISOString());
        if (Array.isArray(value) && value.every(isScalar)) return this.#text(JSON.stringify(value));
        throw this.#misfit(
          index,
          `text, a number, a boolean, a Date, null or an array of such${at === undefined ? '' : ` in column ${at}`}`,
          value,
        );
    }
  }

  /** What the engine prints itself needs quotes only for an odd delimiter. */
  #plain(text: string): string {
    return text.includes(this.#delimiter) ? `"${text}"` : text;
  }

  #text(text: string): string {
    const safe = this.#escapeFormulas && FORMULA.test(text) ? `'${text}` : text;
    return safe === '' || this.#special.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  #misfit(index: number, wanted: string, came: unknown): EngineError {
    const row = this.#numRows + index;
    return new EngineError(
      'typeMismatch',
      `csv output wants ${wanted}, got ${describeValue(came)} in row ${row} of the task: map the rows to one shape`,
      { detail: { row } },
    );
  }
}

const isScalar = (value: unknown): boolean =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

function shapeOf(row: unknown): Shape {
  if (typeof row !== 'object' || row === null || row instanceof Date) return { kind: 'single' };
  if (Array.isArray(row)) return { kind: 'array', numFields: row.length };
  const names = Object.keys(row);
  return names.length === 0 ? { kind: 'single' } : { kind: 'object', names };
}
