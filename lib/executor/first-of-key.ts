/** The first row for each key, as columns: keys are remembered in a group table, rows pass as they come. */
import type { ColumnChunk } from '../columnar/chunk.js';
import { GroupTable } from '../columnar/group-table.js';
import { keySlices } from '../columnar/keys.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { takeRows } from '../columnar/take-rows.js';

export class FirstOfKey {
  readonly #names: readonly string[];
  readonly #seen: GroupTable;

  constructor(memory: SlotMemory, names: readonly string[]) {
    this.#names = names;
    this.#seen = new GroupTable(memory, []);
  }

  /** The rows of a chunk whose key has not come before, in their order, in scratch. */
  take(chunk: ColumnChunk): ColumnChunk {
    const keys = this.#names.map(name => chunk.schema.findIndex(column => column.name === name));
    const { indexes, count } = this.#seen.addKeys(keySlices(chunk, keys), chunk.numRows);
    return count === chunk.numRows ? chunk : takeRows(chunk, indexes, count);
  }

  dispose(): void {
    this.#seen.dispose();
  }
}
