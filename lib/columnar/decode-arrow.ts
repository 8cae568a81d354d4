/**
 * Record batches of an Arrow IPC stream, message by message, to columns, whole buffers at a time:
 *
 *   metadata -> where each declared column's buffers lie -> those are read, no others -> used in place, or by a kernel
 *
 * Text stays where it was read to, dictionaries are resolved to slices of their texts. What the message says of itself is
 * not trusted: every length is looked at before its buffer is read, every offset before it is followed.
 */
import { arrowBodyStart, recordBatchHead } from '../core/arrow-record-batch.js';
import type { ArrowFormat } from '../core/format.js';
import type { Column } from '../core/schema.js';
import { ArrowBody, ArrowDamage, type ReadBody } from './arrow-body.js';
import { columnBuffers, readColumn, type ArrowColumn } from './arrow-columns.js';
import { ArrowDictionaries } from './arrow-dictionaries.js';
import { arrowPlaces, type ArrowPlace } from './arrow-places.js';
import { arrowSchemaOf, arrowSchemaProblem } from './arrow-types.js';
import type { ColumnChunk } from './chunk.js';
import type { SlotMemory } from './slot-memory.js';
import { takeRows } from './take-rows.js';

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
  readonly #isWanted: readonly boolean[];
  readonly #dictionaries: ArrowDictionaries;
  #places: readonly ArrowPlace[] = [];
  #problem: string | undefined = 'a schema was wanted before the first record batch, none came';

  /** @param columns names the plan uses; undefined = all, others are checked and not kept. Needs `loadArrow`. */
  constructor(memory: SlotMemory, format: ArrowFormat, columns: readonly string[] | undefined) {
    this.#memory = memory;
    this.#columns = format.columns;
    this.#isWanted = format.columns.map(({ name }) => columns?.includes(name) ?? true);
    this.#dictionaries = new ArrowDictionaries(memory);
  }

  /** A stream begins. */
  schema(message: Uint8Array): void {
    this.#dictionaries.close();
    const schema = arrowSchemaOf(message);
    this.#problem =
      schema === undefined ? 'a schema was wanted, its message is damaged' : arrowSchemaProblem(schema, this.#columns);
    if (schema === undefined || this.#problem !== undefined) return;
    this.#places = arrowPlaces(schema, this.#columns);
  }

  /** Whether a declared column refers to texts in messages before its own. */
  get usesDictionaries(): boolean {
    return this.#places.some(({ values }) => values.kind === 'entries');
  }

  /** Texts that later record batches refer to. The bytes are kept: no scratch. */
  dictionary(message: Uint8Array): void {
    if (this.#problem === undefined) this.#dictionaries.add(message, this.#places);
  }

  /**
   * @param head the message's first bytes, its metadata complete
   * @param messageBytes of the whole message
   * @param read gives bytes of its body
   */
  recordBatch(head: Uint8Array, messageBytes: number, read: ReadBody): ArrowDecoded {
    if (this.#problem !== undefined) return { chunk: undefined, bad: [], problem: this.#problem };
    try {
      return this.#read(head, messageBytes - arrowBodyStart(head), read);
    } catch (error) {
      if (!(error instanceof ArrowDamage)) throw error;
      return { chunk: undefined, bad: [], problem: `a record batch was wanted: ${error.message}` };
    }
  }

  /** Gives the dictionaries' memory back. */
  close(): void {
    this.#dictionaries.close();
  }

  #read(message: Uint8Array, bodyBytes: number, read: ReadBody): ArrowDecoded {
    const memory = this.#memory;
    const head = recordBatchHead(message, bodyBytes);
    if (typeof head === 'string') throw new ArrowDamage(head);
    const wanted = this.#places.map((place, i) => columnBuffers(this.#columns[i], place, head, this.#isWanted[i]));
    const buffers = wanted.flatMap(({ bits, values }) => (bits === undefined ? values : [bits, ...values]));
    const body = new ArrowBody(memory, buffers, read);
    const columns = this.#places.map((place, i) =>
      readColumn(memory, this.#columns[i], place, wanted[i], body, this.#dictionaries),
    );
    const chunk = this.#chunk(columns, head.numRows);
    const reasons = new Map<number, string>();
    for (const column of columns) {
      for (const [row, reason] of column.bad) if (!reasons.has(row)) reasons.set(row, reason);
    }
    if (reasons.size === 0) return { chunk, bad: [], problem: undefined };
    const bad = [...reasons].map(([row, reason]) => ({ row, reason })).toSorted((a, b) => a.row - b.row);
    return { chunk: this.#without(chunk, reasons), bad, problem: undefined };
  }

  #chunk(columns: readonly ArrowColumn[], numRows: number): ColumnChunk {
    return {
      kind: 'columns',
      numRows,
      memory: this.#memory,
      schema: this.#columns,
      columns: columns.map(({ vector }, i) => (this.#isWanted[i] ? vector : undefined)),
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
