/** The worker half of the file sink: rows of a task attempt become text in blocks of the slot's memory. */
import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import type { Chunk, ColumnChunk } from '../columnar/chunk.js';
import { rowsOf } from '../columnar/rows.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { canWriteColumns, writeColumns } from './column-lines.js';
import { CsvRows } from './csv-rows.js';
import { ndjsonLines, textLines } from './line-rows.js';
import type { SinkWriter, StagedBlocks } from './sink.js';
import type { FileSinkSpec } from '../core/file-sink-spec.js';
import { StagedText } from './staged-text.js';

/** Rows made into text together: enough to spread the cost of a call, few enough to stay in the cache. */
const GROUP_ROWS = 1024;

export class FileSinkWriter implements SinkWriter {
  readonly #spec: FileSinkSpec;
  readonly #staged: StagedText;
  readonly #csv: CsvRows;

  constructor(spec: FileSinkSpec, memory: SlotMemory) {
    this.#spec = spec;
    this.#staged = new StagedText(memory);
    this.#csv = new CsvRows(spec);
  }

  write(chunk: Chunk): void {
    if (chunk.kind === 'columns' && this.#takesColumns(chunk)) {
      writeColumns(this.#spec, chunk, this.#staged, this.#names);
      this.#csv.skip(chunk.numRows);
      return;
    }
    const rows = rowsOf(chunk);
    for (let start = 0; start < rows.length; start += GROUP_ROWS) {
      const end = Math.min(rows.length, start + GROUP_ROWS);
      if (!this.#writePlain(rows, start, end))
        this.#staged.write(this.#textOf(rows, start, end), end - start, this.#names);
    }
  }

  #takesColumns(chunk: ColumnChunk): boolean {
    if (!canWriteColumns(this.#spec, chunk)) return false;
    return this.#spec.format !== 'csv' || this.#csv.fits(chunk.schema.map(({ name }) => name));
  }

  /** @returns whether the rows were CSV records as they are, and are written */
  #writePlain(rows: readonly unknown[], start: number, end: number): boolean {
    if (this.#spec.format !== 'csv') return false;
    const text = this.#csv.plainLines(rows, start, end);
    if (text === undefined || !this.#staged.writeLines(text, end - start, this.#names)) return false;
    this.#csv.noteWritten(end - start);
    return true;
  }

  finish(): StagedBlocks {
    return this.#staged.finish();
  }

  get #names(): string {
    if (this.#spec.format !== 'csv') return '';
    const { names } = this.#csv;
    if (names === '' && this.#spec.header === true) {
      throw new EngineError(
        'typeMismatch',
        `csv output ${this.#spec.path} with a header wants rows that are objects, whose keys name the columns: ` +
          'map the rows to objects or save without a header',
      );
    }
    return names;
  }

  #textOf(rows: readonly unknown[], start: number, end: number): string {
    const { format } = this.#spec;
    switch (format) {
      case 'csv':
        return this.#csv.format(rows, start, end);
      case 'ndjson':
        return ndjsonLines(rows, start, end);
      case 'text':
        return textLines(rows, start, end);
      default:
        return assertNever(format);
    }
  }
}
