import { EngineError } from './errors.js';
import { jsonPaths, type JsonPathOptions, type JsonPaths } from './json-paths.js';
import type { Column, Schema } from './schema.js';

/** What happens to a record that cannot be read: put aside with its bytes, only counted, or the batch fails. */
export type OnBadRecord = 'deadletter' | 'drop' | 'fail';

/** RFC 4180 CSV. Every declared column of every record is checked, whichever of them the job uses. */
export interface CsvFormat {
  readonly kind: 'csv';
  readonly columns: readonly Column[];
  /** The first record of each file names the columns (any order, more than declared is fine); else they are in schema order. */
  readonly header: boolean;
  /** One ASCII character. */
  readonly delimiter: string;
  readonly onBadRecord: OnBadRecord;
}

/** One JSON object a line; declared columns are its fields, or lie where their path says. Others are skipped. */
export interface NdjsonFormat {
  readonly kind: 'ndjson';
  readonly columns: readonly Column[];
  readonly paths?: JsonPaths;
  readonly onBadRecord: OnBadRecord;
}

/** One string a line, without its LF or CRLF, or one a word, cut at ASCII white space. Invalid UTF-8 is a bad record. */
export interface TextFormat {
  readonly kind: 'text';
  readonly unit: 'line' | 'word';
  /** Whether a row is the string itself, not an object with it as its one column. */
  readonly scalar: boolean;
  readonly columns: readonly Column[];
  readonly onBadRecord: OnBadRecord;
}

/**
 * Record batches of Arrow's IPC stream or file form; declared columns are found by name, others are skipped. A record is
 * a row.
 */
export interface ArrowFormat {
  readonly kind: 'arrow';
  readonly columns: readonly Column[];
  readonly onBadRecord: OnBadRecord;
}

/** Parquet files, each read as a whole; columns are found by name. */
export interface ParquetFormat {
  readonly kind: 'parquet';
  readonly columns: readonly Column[];
  readonly onBadRecord: OnBadRecord;
}

/** How bytes become records. `R` is the type of a record; it exists for the compiler only. */
export type Format<R = unknown> = (CsvFormat | NdjsonFormat | TextFormat | ArrowFormat | ParquetFormat) & {
  readonly __row?: R;
};

export interface CsvOptions {
  readonly header?: boolean;
  readonly delimiter?: string;
  readonly onBadRecord?: OnBadRecord;
}

export function csv<R>(schema: Schema<R>, options: CsvOptions = {}): Format<R> {
  const delimiter = options.delimiter ?? ',';
  if (delimiter.length !== 1 || delimiter.charCodeAt(0) > 127 || '"\r\n'.includes(delimiter)) {
    throw new EngineError(
      'optionInvalid',
      `csv delimiter wants one ASCII character other than ", CR and LF, got ${JSON.stringify(delimiter)}`,
    );
  }
  return Object.freeze({
    kind: 'csv',
    columns: schema.columns,
    header: options.header ?? true,
    delimiter,
    onBadRecord: checkedOnBadRecord(options.onBadRecord),
  });
}

export interface NdjsonOptions<R> {
  /** Where columns lie that are not fields of the record itself: `{ city: 'user.address.city', first: 'items.0.id' }`. */
  readonly paths?: JsonPathOptions<R>;
  readonly onBadRecord?: OnBadRecord;
}

export function ndjson<R>(schema: Schema<R>, options: NdjsonOptions<R> = {}): Format<R> {
  return Object.freeze({
    kind: 'ndjson',
    columns: schema.columns,
    ...(options.paths === undefined ? {} : { paths: jsonPaths(schema.columns, options.paths) }),
    onBadRecord: checkedOnBadRecord(options.onBadRecord),
  });
}

/** Arrow IPC files, `.arrow` and `.arrows`. */
export function arrow<R>(schema: Schema<R>, options: { readonly onBadRecord?: OnBadRecord } = {}): Format<R> {
  return Object.freeze({
    kind: 'arrow',
    columns: schema.columns,
    onBadRecord: checkedOnBadRecord(options.onBadRecord),
  });
}

/** Parquet files, by the package parquet-wasm, which a job that uses them installs. */
export function parquet<R>(schema: Schema<R>, options: { readonly onBadRecord?: OnBadRecord } = {}): Format<R> {
  return Object.freeze({
    kind: 'parquet',
    columns: schema.columns,
    onBadRecord: checkedOnBadRecord(options.onBadRecord),
  });
}

/**
 * Lines of text. Rows are strings, or, for operations on columns, objects with the line as the column that is named:
 * `fileStream('in', text({ column: 'line' })).where(col('line').contains('error'))`.
 */
export function text(options?: TextOptions): Format<string>;
export function text<N extends string>(options: TextColumnOptions<N>): Format<{ readonly [K in N]: string }>;
export function text(options: TextOptions & { readonly column?: string } = {}): Format<never> {
  return textFormat('line', options);
}

/**
 * Words of text: what stands between spaces, tabs and line ends. Cheaper than to split lines. Rows are strings, or
 * objects with one column: `fileStream('in', words({ column: 'word' })).groupBy('word').runningAgg({ n: count() })`.
 */
export function words(options?: TextOptions): Format<string>;
export function words<N extends string>(options: TextColumnOptions<N>): Format<{ readonly [K in N]: string }>;
export function words(options: TextOptions & { readonly column?: string } = {}): Format<never> {
  return textFormat('word', options);
}

export interface TextOptions {
  readonly onBadRecord?: OnBadRecord;
}

export interface TextColumnOptions<N extends string> extends TextOptions {
  /** The name of the rows' one column. */
  readonly column: N;
}

function textFormat(unit: TextFormat['unit'], options: TextOptions & { readonly column?: string }): TextFormat {
  const column: Column = { name: options.column ?? 'value', kind: 'utf8', nullable: false };
  return Object.freeze({
    kind: 'text',
    unit,
    scalar: options.column === undefined,
    columns: Object.freeze([column]),
    onBadRecord: checkedOnBadRecord(options.onBadRecord),
  });
}

/** Whether files of a format have no lines. */
export const isBinary = (format: Format): format is ArrowFormat | ParquetFormat =>
  format.kind === 'arrow' || format.kind === 'parquet';

/** The columns that rows of a format have, where they are not bare values. */
export const columnsOfRows = (format: Format): readonly Column[] | undefined =>
  format.kind === 'text' && format.scalar ? undefined : format.columns;

const ON_BAD_RECORD: readonly string[] = ['deadletter', 'drop', 'fail'] satisfies OnBadRecord[];

/** A job in JavaScript may give anything. */
function checkedOnBadRecord(given: OnBadRecord = 'deadletter'): OnBadRecord {
  if (ON_BAD_RECORD.includes(given)) return given;
  throw new EngineError(
    'optionInvalid',
    `onBadRecord wants 'deadletter', 'drop' or 'fail', got ${JSON.stringify(given)}`,
  );
}
