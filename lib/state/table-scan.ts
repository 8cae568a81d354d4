/**
 * All rows of a table, or of some of its key groups, some at a time, while the table may change in between: each row is given as it is at the time of its
 * turn, one that moved maybe twice, the later one newer. So rows of a key group that are away come before those that the
 * table has of it, and a key group that is put away amid its turn is begun again, as is one that was copied together.
 */
import type { KeyGroupRange } from '../core/hash.js';
import { kernels } from '../columnar/kernels.js';
import type { Address } from '../columnar/slot-memory.js';
import type { StateTable } from './state-table.js';
import { valueCode } from './write-run.js';

/** Rows and bytes at once at the most (one row may have more bytes): a millisecond or two. */
const MAX_ROWS = 16384;
const MAX_BYTES = 1024 * 1024;

const ALL_BYTES = 0xffffffff;

/** Rows in scratch: keys as slices, and where their entries lie. */
export interface ScannedRows {
  readonly n: number;
  readonly keys: Address;
  readonly lengths: Address;
  readonly refs: Address;
}

export class TableScan {
  readonly #table: StateTable;
  /** Where the table's rows go on, as the kernel has it: key group, page, offset, times it was copied together. */
  #cursor: readonly number[];
  /** Behind the last key group, counted from the table's first. */
  readonly #until: number;
  /** The key group at hand, which run it had when it was begun (0: none), and the block of that to go on with. */
  #at = { group: -1, run: 0, block: 0 };

  /** @param groups of the table's own; default all of them */
  constructor(table: StateTable, groups: KeyGroupRange = table) {
    this.#table = table;
    this.#cursor = [groups.from - table.from, 0, 0, 0];
    this.#until = groups.to - table.from;
  }

  /** The next rows, good until scratch is released. Throws `stateSpill`. @returns undefined at the end */
  next(): ScannedRows | undefined {
    const parts: ScannedRows[] = [];
    let [rows, bytes] = [0, 0];
    for (let group = this.#begin(); group < this.#until; group = this.#begin()) {
      const { block } = this.#at;
      const part =
        block < this.#blocksOf(group)
          ? this.#scanRun(group, block)
          : this.#scanTable(group, MAX_ROWS - rows, MAX_BYTES - bytes);
      if (part.n > 0) parts.push(part);
      rows += part.n;
      bytes += this.#bytesOf(part);
      if (rows >= MAX_ROWS || bytes >= MAX_BYTES) break;
      // The table's own rows end before the last bytes are used up.
      if (this.#cursor[0] === group && block >= this.#blocksOf(group)) break;
    }
    return parts.length > 1 ? this.#together(parts, rows) : parts[0];
  }

  #together(parts: readonly ScannedRows[], n: number): ScannedRows {
    const { memory } = this.#table;
    const [keys, lengths, refs] = [n, n, n].map(rows => memory.scratch(rows * 4));
    let at = 0;
    for (const part of parts) {
      const { u8 } = memory;
      u8.copyWithin(keys + at, part.keys, part.keys + part.n * 4);
      u8.copyWithin(lengths + at, part.lengths, part.lengths + part.n * 4);
      u8.copyWithin(refs + at, part.refs, part.refs + part.n * 4);
      at += part.n * 4;
    }
    return { n, keys, lengths, refs };
  }

  #bytesOf({ n, refs }: ScannedRows): number {
    const { memory, valueBytes } = this.#table;
    const size = memory.scratch(16);
    kernels(memory).runMeasure(refs, 0, n, valueCode(valueBytes), ALL_BYTES, size);
    return memory.u32[size / 4];
  }

  /** @returns the key group at hand; begun again when it has another run */
  #begin(): number {
    const group = this.#cursor[0];
    const run = this.#runOf(group);
    if (this.#at.group !== group) this.#at = { group, run, block: 0 };
    else if (this.#at.run !== run) {
      this.#at = { group, run, block: 0 };
      this.#cursor = [group, 0, 0, 0];
    }
    return group;
  }

  #scanRun(group: number, block: number): ScannedRows {
    const scan = this.#table.away?.scan(group, block);
    const n = scan?.next() ?? 0;
    this.#at.block = scan?.block ?? block;
    return { n, keys: scan?.values ?? 0, lengths: scan?.lengths ?? 0, refs: scan?.refs ?? 0 };
  }

  /** Rows of the table, up to the next key group that is away. */
  #scanTable(group: number, maxRows: number, maxBytes: number): ScannedRows {
    const { memory, address } = this.#table;
    let until = group + 1;
    while (until < this.#until && this.#runOf(until) === 0) until++;
    const cursor = memory.scratch(16);
    const [keys, lengths, refs] = [MAX_ROWS, MAX_ROWS, MAX_ROWS].map(rows => memory.scratch(rows * 4));
    memory.u32.set(this.#cursor, cursor / 4);
    const n = kernels(memory).stateScan(address, cursor, until, maxRows, maxBytes, keys, lengths, refs);
    this.#cursor = [...memory.u32.subarray(cursor / 4, cursor / 4 + 4)];
    const reached = this.#cursor[0];
    if (reached !== group) this.#at = { group: reached, run: this.#runOf(reached), block: 0 };
    return { n, keys, lengths, refs };
  }

  #runOf(group: number): number {
    return this.#table.away?.runOf(group)?.number ?? 0;
  }

  #blocksOf(group: number): number {
    return this.#table.away?.runOf(group)?.numBlocks ?? 0;
  }
}
