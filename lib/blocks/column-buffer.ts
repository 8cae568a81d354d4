import type { Column } from '../core/schema.js';
import type { ColumnChunk } from '../columnar/chunk.js';
import { concatChunks } from '../columnar/concat-chunks.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import type { WrittenBlock } from './block-layout.js';
import { readColumnBlock, writeColumnBlock } from './column-block.js';

/** Rows that outlive the chunks that they came in, as copies in blocks. The owner calls `clear` in the end. */
export class ColumnBuffer {
  readonly #memory: SlotMemory;
  readonly #schema: readonly Column[];
  #blocks: WrittenBlock[] = [];
  #numRows = 0;

  constructor(memory: SlotMemory, schema: readonly Column[]) {
    this.#memory = memory;
    this.#schema = schema;
  }

  get numRows(): number {
    return this.#numRows;
  }

  /** Throws `memoryLimit`. */
  append(chunk: ColumnChunk): void {
    if (chunk.numRows === 0) return;
    this.#blocks.push(writeColumnBlock(chunk));
    this.#numRows += chunk.numRows;
  }

  /** All rows, in the order in which they came; good until `clear`. */
  chunk(): ColumnChunk {
    const memory = this.#memory;
    const chunks = this.#blocks.map(({ address, byteLength }) =>
      readColumnBlock(memory, this.#schema, memory.bytes(address, byteLength)),
    );
    return concatChunks(memory, this.#schema, chunks);
  }

  /** These rows alone, which may be some of its own in another order. */
  replaceAll(chunk: ColumnChunk): void {
    const block = writeColumnBlock(chunk);
    this.clear();
    this.#blocks = [block];
    this.#numRows = chunk.numRows;
  }

  clear(): void {
    for (const { address } of this.#blocks) this.#memory.free(address);
    this.#blocks = [];
    this.#numRows = 0;
  }

  /** All rows as one block, the caller's to free; null for none. The buffer is empty then. */
  toBlock(): WrittenBlock | null {
    const [only] = this.#blocks;
    if (only === undefined) return null;
    let block = only;
    if (this.#blocks.length > 1) {
      const mark = this.#memory.scratchMark();
      this.replaceAll(this.chunk());
      this.#memory.releaseScratch(mark);
      [block = only] = this.#blocks;
    }
    this.#blocks = [];
    this.#numRows = 0;
    return block;
  }
}
