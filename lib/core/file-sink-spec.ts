/** What a job says of a file output, as plain data in the plan, and what the engine's options add to it. */
import type { Column } from './schema.js';

/** Every kind of output in files, by its format. */
export type OutputFilesSpec = FileSinkSpec | ArrowSinkSpec | TextFoldersSpec;

/** Rows as text, appended. */
export interface FileSinkSpec {
  readonly format: 'csv' | 'ndjson' | 'text';
  /** With an extension (`out/counts.csv`) one file that grows; without, a folder of part files. */
  readonly path: string;
  /** CSV: a first line with the column names, once a file; null = for rows that are objects. */
  readonly header: boolean | null;
  readonly delimiter: string;
  /** CSV: puts `'` before text that a spreadsheet would run as a formula. */
  readonly escapeFormulas: boolean;
}

/** Rows as Arrow record batches, appended: files are Arrow IPC streams. */
export interface ArrowSinkSpec {
  readonly format: 'arrow';
  /** As in `FileSinkSpec`. */
  readonly path: string;
  readonly columns: readonly Column[];
}

/** Rows as lines of text, a folder for each batch. */
export interface TextFoldersSpec {
  readonly format: 'textFolders';
  /** Folders are named `<path>-<batch time in ms>`, and `.<suffix>` behind it where that is not empty. */
  readonly path: string;
  readonly suffix: string;
}

/** What an output writes to, for messages and to tell two outputs apart: its path, or the pattern of its folders' names. */
export function placeOf(spec: OutputFilesSpec): string {
  if (spec.format !== 'textFolders') return spec.path;
  return `${spec.path}-*${spec.suffix === '' ? '' : `.${spec.suffix}`}`;
}

/** When a folder gets a new part file: at the end of the batch that reaches the size or, in batch time, the age. */
export interface RollOptions {
  readonly rollBytes: number;
  readonly rollMs: number;
}
