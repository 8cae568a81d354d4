/**
 * Record batches of an Arrow IPC stream, message by message, to columns: text stays where the message lies, dictionaries
 * are resolved to slices of their texts, other values are copied into the widths of the declared columns. What the
 * message says of itself is not trusted: every offset is looked at before it is followed.
 */
import type { Data, RecordBatch } from 'apache-arrow';
import { messageOf } from '../core/errors.js';
import type { ArrowFormat } from '../core/format.js';
import type { Column } from '../core/schema.js';
import { isSoundArrowMessage } from '../core/arrow-verify.js';
import { arrow } from './arrow.js';
import { arrowSchemaOf, arrowSchemaProblem } from './arrow-types.js';
import { readColumn, type ArrowColumn } from './arrow-values.js';
import type { ColumnChunk, ColumnVector } from './chunk.js';
import type { Address, SlotMemory } from './slot-memory.js';
import { takeRows } from './take-rows.js';

const dataOf = (batch: RecordBatch, column: number): readonly Data[] => batch.getChildAt(column)?.data ?? [];

export interface ArrowDecoded {
  /** The good rows, valid until the caller releases scratch; undefined where the message cannot be read at all. */
  readonly chunk: ColumnChunk | undefined;
  readonly bad: readonly { readonly row: number; readonly reason: string }[];
  /** Why nothing of the message can be read. */
  readonly problem: string | undefined;
}

export class ArrowDecoder {
  readonly #memory: SlotMemory;
  readonly #columns: readonly Column[];
  readonly #kept: ReadonlySet<string> | undefined;
  /** The stream's schema message and the dictionaries since, as they came. */
  #before: Uint8Array[] = [];
  #problem: string | undefined = 'a schema was wanted before the first record batch, none came';

  /** @param columns names the plan uses; undefined = all. Needs `loadArrow`. */
  constructor(memory: SlotMemory, format: ArrowFormat, columns: readonly string[] | undefined) {
    this.#memory = memory;
    this.#columns = format.columns;
    this.#kept = columns && new Set(columns);
  }

  /** A stream begins. The bytes are kept: no scratch. */
  schema(message: Uint8Array): void {
    const schema = arrowSchemaOf(message);
    this.#before = [message];
    this.#problem =
      schema === undefined ? 'a schema was wanted, its message is damaged' : arrowSchemaProblem(schema, this.#columns);
  }

  /** Texts that later record batches refer to. The bytes are kept: no scratch. */
  dictionary(message: Uint8Array): void {
    this.#before.push(message);
  }

  /** @param address of the message in the slot's memory, a multiple of 8; what comes out refers to it */
  recordBatch(address: Address, byteLength: number): ArrowDecoded {
    if (this.#problem !== undefined) return { chunk: undefined, bad: [], problem: this.#problem };
    const memory = this.#memory;
    const bytes = memory.bytes(address, byteLength);
    let columns: ArrowColumn[];
    let numRows: number;
    try {
      const batch = this.#parse(bytes);
      numRows = batch.numRows;
      if (numRows > byteLength * 8) throw new Error(`${byteLength} bytes do not hold ${numRows} rows`);
      const fields = batch.schema.fields;
      columns = this.#columns.map(column => {
        const at = fields.findIndex(({ name }) => name === column.name);
        return readColumn(memory, column, dataOf(batch, at), numRows);
      });
    } catch (error) {
      return { chunk: undefined, bad: [], problem: `a record batch was wanted: ${messageOf(error)}` };
    }
    const reasons = new Map<number, string>();
    for (const { bad } of columns) for (const [row, reason] of bad) if (!reasons.has(row)) reasons.set(row, reason);
    const chunk = this.#chunk(
      columns.map(({ vector }) => vector),
      numRows,
    );
    const bad = [...reasons].map(([row, reason]) => ({ row, reason })).toSorted((a, b) => a.row - b.row);
    return { chunk: bad.length === 0 ? chunk : this.#without(chunk, reasons), bad, problem: undefined };
  }

  #parse(message: Uint8Array): RecordBatch {
    if (!this.#before.every(isSoundArrowMessage) || !isSoundArrowMessage(message))
      throw new Error('its metadata is damaged');
    const reader = arrow().RecordBatchReader.from([...this.#before, message]);
    const { value, done } = reader.next();
    if (done === true || value === undefined) throw new Error('none came');
    return value as RecordBatch;
  }

  #chunk(vectors: readonly ColumnVector[], numRows: number): ColumnChunk {
    const columns = vectors.map((vector, i) => (this.#kept?.has(this.#columns[i].name) === false ? undefined : vector));
    return {
      kind: 'columns',
      numRows,
      memory: this.#memory,
      schema: this.#columns,
      columns,
      ascii: false,
      textStart: 0,
      textEnd: 0,
      scalar: false,
    };
  }

  #without(chunk: ColumnChunk, bad: ReadonlyMap<number, string>): ColumnChunk {
    const indexes = this.#memory.scratch(chunk.numRows * 4);
    let count = 0;
    for (let row = 0; row < chunk.numRows; row++) {
      if (!bad.has(row)) this.#memory.u32[(indexes >>> 2) + count++] = row;
    }
    return takeRows(chunk, indexes, count);
  }
}
