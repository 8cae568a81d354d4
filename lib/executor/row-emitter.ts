import { rowChunk } from '../columnar/chunk.js';
import type { Emit } from './row-operators.js';
import type { TaskContext } from './task-context.js';

const CHUNK_ROWS = 4096;

/**
 * Rows that a function gives one by one, passed on a chunk at a time, so that a batch never has all of them at once.
 * What is emitted runs functions of other nodes: after it messages name the function's own node again.
 */
export class RowEmitter {
  readonly #ctx: TaskContext;
  readonly #label: string;
  readonly #emit: Emit;
  #rows: unknown[] = [];

  /** @param label of the node whose rows these are */
  constructor(ctx: TaskContext, label: string, emit: Emit) {
    this.#ctx = ctx;
    this.#label = label;
    this.#emit = emit;
  }

  push(row: unknown): void {
    if (this.#rows.push(row) === CHUNK_ROWS) this.flush();
  }

  /** Passes on what is left. */
  flush(): void {
    const rows = this.#rows;
    if (rows.length === 0) return;
    this.#rows = [];
    this.#emit(rowChunk(rows));
    this.#ctx.label = this.#label;
  }
}
