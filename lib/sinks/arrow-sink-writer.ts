/**
 * The worker half of the Arrow sink: rows of a task attempt as messages of an Arrow IPC stream, in blocks of the slot's
 * memory.
 *
 *   first block  | u32 length n | n bytes: the schema's message | record batch messages ... |
 *   others       | record batch messages ... |
 *
 * The schema's message is what each file begins with; the driver appends the others as they are. An IPC stream may end
 * after any message, so a file is whole after each commit, and no footer has to be written anew for each batch.
 */
import type { ArrowSinkSpec } from '../core/file-sink-spec.js';
import type { Column } from '../core/schema.js';
import { ipcWriter, type IpcWriter } from '../columnar/arrow.js';
import { toRecordBatch } from '../columnar/arrow-view.js';
import type { Chunk, ColumnChunk } from '../columnar/chunk.js';
import { columnsFromRows } from '../columnar/columns-from-rows.js';
import { rowsOf } from '../columnar/rows.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import type { SinkWriter, StagedBlocks } from './sink.js';

/** Rows in one record batch at the most, where they are not columns already. */
const MAX_BATCH_ROWS = 65_536;
const LENGTH_BYTES = 4;
/** What a message begins with: a marker, and the length of its metadata. A schema's has nothing behind that. */
const PREFIX_BYTES = 8;

export class ArrowSinkWriter implements SinkWriter {
  readonly #spec: ArrowSinkSpec;
  readonly #memory: SlotMemory;
  readonly #blocks: { readonly address: Address; readonly byteLength: number }[] = [];
  #pieces: Uint8Array[] = [];
  #ipc: IpcWriter | undefined;
  #numRows = 0;

  constructor(spec: ArrowSinkSpec, memory: SlotMemory) {
    this.#spec = spec;
    this.#memory = memory;
  }

  /** Throws `typeMismatch` for a row that does not fit the columns. */
  write(chunk: Chunk): void {
    if (chunk.numRows === 0) return;
    if (hasColumns(chunk, this.#spec.columns)) return this.#add(() => chunk);
    const rows = rowsOf(chunk);
    const where = `arrow output ${this.#spec.path}`;
    for (let start = 0; start < rows.length; start += MAX_BATCH_ROWS) {
      const part = rows.slice(start, start + MAX_BATCH_ROWS);
      this.#add(() => columnsFromRows(this.#memory, this.#spec.columns, part, where));
    }
  }

  finish(): StagedBlocks {
    return { numRows: this.#numRows, blocks: this.#blocks };
  }

  /** @param columns makes the chunk, in scratch that is given back when its bytes are in a block */
  #add(columns: () => ColumnChunk): void {
    const memory = this.#memory;
    const mark = memory.scratchMark();
    const chunk = columns();
    this.#ipc ??= ipcWriter('stream', bytes => void this.#pieces.push(bytes));
    this.#ipc.write(toRecordBatch(chunk));
    this.#stage(this.#pieces);
    this.#pieces = [];
    memory.releaseScratch(mark);
    this.#numRows += chunk.numRows;
  }

  #stage(pieces: readonly Uint8Array[]): void {
    const isFirst = this.#blocks.length === 0;
    const start = isFirst ? LENGTH_BYTES : 0;
    const byteLength = pieces.reduce((sum, piece) => sum + piece.length, start);
    const address = this.#memory.alloc(byteLength);
    const block = this.#memory.bytes(address, byteLength);
    let at = start;
    for (const piece of pieces) {
      block.set(piece, at);
      at += piece.length;
    }
    if (isFirst) {
      const view = new DataView(block.buffer, block.byteOffset, byteLength);
      view.setUint32(0, PREFIX_BYTES + view.getUint32(LENGTH_BYTES + PREFIX_BYTES / 2, true), true);
    }
    this.#blocks.push({ address, byteLength });
  }
}

/** Whether the chunk is made of just these columns, so that they need not go through rows. */
function hasColumns(chunk: Chunk, columns: readonly Column[]): chunk is ColumnChunk {
  if (chunk.kind === 'rows' || chunk.scalar || chunk.schema.length !== columns.length) return false;
  return chunk.schema.every((column, i) => {
    const wanted = columns[i];
    const isSame = column.name === wanted?.name && column.kind === wanted.kind && column.nullable === wanted.nullable;
    return isSame && chunk.columns[i] !== undefined;
  });
}
