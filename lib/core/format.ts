import { EngineError } from './errors.js';
import { schema as makeSchema, utf8, type Column, type Schema } from './schema.js';

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

/** One JSON object a line; declared columns are fields of the top level, others are skipped. */
export interface NdjsonFormat {
  readonly kind: 'ndjson';
  readonly columns: readonly Column[];
  readonly onBadRecord: OnBadRecord;
}

/**
 * One string a line, without its LF or CRLF, or one a word, cut at ASCII white space; one column named `value`, or rows
 * with a column of another name. Invalid UTF-8 is a bad record.
 */
export interface TextFormat {
  readonly kind: 'text';
  readonly unit: 'line' | 'word';
  readonly columns: readonly Column[];
  /** Rows are objects of the one column; absent = rows are the texts themselves. */
  readonly named?: true;
  readonly onBadRecord: OnBadRecord;
}

/** How bytes become records. `R` is the type of a record; it exists for the compiler only. */
export type Format<R = unknown> = (CsvFormat | NdjsonFormat | TextFormat) & { readonly __row?: R };

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

export function ndjson<R>(schema: Schema<R>, options: { readonly onBadRecord?: OnBadRecord } = {}): Format<R> {
  return Object.freeze({
    kind: 'ndjson',
    columns: schema.columns,
    onBadRecord: checkedOnBadRecord(options.onBadRecord),
  });
}

/** Lines of text; with `column` as rows of that one column, for operations on columns. */
export function text(options?: TextOptions): Format<string>;
export function text<const N extends string>(options: NamedTextOptions<N>): Format<{ readonly [name in N]: string }>;
export function text(options: TextOptions | NamedTextOptions<string> = {}): Format<unknown> {
  return textFormat('line', options);
}

/** Words of text: what stands between spaces, tabs and line ends. Cheaper than to split lines. With `column` as in `text`. */
export function words(options?: TextOptions): Format<string>;
export function words<const N extends string>(options: NamedTextOptions<N>): Format<{ readonly [name in N]: string }>;
export function words(options: TextOptions | NamedTextOptions<string> = {}): Format<unknown> {
  return textFormat('word', options);
}

export interface TextOptions {
  readonly column?: undefined;
  readonly onBadRecord?: OnBadRecord;
}

export interface NamedTextOptions<N extends string> {
  readonly column: N;
  readonly onBadRecord?: OnBadRecord;
}

function textFormat(unit: TextFormat['unit'], options: TextOptions | NamedTextOptions<string>): TextFormat {
  const { column } = options;
  return Object.freeze({
    kind: 'text',
    unit,
    columns: makeSchema({ [column ?? 'value']: utf8() }).columns,
    ...(column === undefined ? {} : { named: true }),
    onBadRecord: checkedOnBadRecord(options.onBadRecord),
  });
}

/** The columns of a format's rows; undefined where rows are bare texts. */
export const rowColumns = (format: Format): readonly Column[] | undefined =>
  format.kind === 'text' && format.named !== true ? undefined : format.columns;

const ON_BAD_RECORD: readonly string[] = ['deadletter', 'drop', 'fail'] satisfies OnBadRecord[];

/** A job in JavaScript may give anything. */
function checkedOnBadRecord(given: OnBadRecord = 'deadletter'): OnBadRecord {
  if (ON_BAD_RECORD.includes(given)) return given;
  throw new EngineError(
    'optionInvalid',
    `onBadRecord wants 'deadletter', 'drop' or 'fail', got ${JSON.stringify(given)}`,
  );
}
