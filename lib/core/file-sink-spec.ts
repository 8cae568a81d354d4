/** What a job says of a file output, as plain data in the plan, and what the engine's options add to it. */
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

/** When a folder gets a new part file: at the end of the batch that reaches the size or, in batch time, the age. */
export interface RollOptions {
  readonly rollBytes: number;
  readonly rollMs: number;
}
