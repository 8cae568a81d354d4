/**
 * State that is not in its table. A key group whose rows take too much of the slot's memory is *put away*: its rows go to
 * a run, in further memories of the slot or in a file (`run-store.ts`), and the table keeps those of its rows that were
 * touched since, over the run:
 *
 *   table      rows that a batch has read or changed since the run was written       what is here counts
 *   removed    a table of keys without values: those that were removed since         what is here is not in the run
 *   run        all rows of the key group as they were then                            the rest
 *
 * A batch fetches the rows of its keys into the table before it looks them up (`away-groups.ts`), so all that works on
 * tables works as if nothing were away, and it costs a read for each key that was not fetched before. When the table has
 * too much again, rows and run are merged into a new run (`write-run.ts`): writing costs, for each row that was touched,
 * as many rows as the state is larger than its memory.
 *
 * A run is written once. Its entries ascend by hash, in blocks that a key is searched in from the front; equal hashes are in
 * one block. Its record lies in the slot's memory, and so outlives a thread:
 *
 *   record   0 bytes of the record  4 number, grows with each run of the table  8 kind of store  12 blocks  16 extents
 *           20 rows  24 rows of it that were fetched  28 0  32 f64 bytes of all blocks
 *           40 extents: f64 place, f64 bytes   then for each block: f64 place; then u32 hash of its first entry; then
 *              u32 bytes; then u32 checksum
 *
 * Nothing of it survives the process: the checkpoint has the state.
 */
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import type { Extent, Place, StoreKind } from './run-store.js';
import { T_FROM, T_RUNS, T_TO } from './table-layout.js';

const HEADER_BYTES = 40;

// u32 fields of a record.
const R_BYTES = 0;
const R_NUMBER = 1;
const R_STORE = 2;
const R_BLOCKS = 3;
const R_EXTENTS = 4;
const R_ROWS = 5;
const R_FETCHED = 6;
/** f64 field. */
const R_DATA = 4;

/** A run that is written, for its record. */
export interface WrittenRun {
  readonly store: StoreKind;
  readonly numRows: number;
  readonly extents: readonly Extent[];
  readonly places: readonly Place[];
  readonly firstHashes: readonly number[];
  readonly lengths: readonly number[];
  readonly checksums: readonly number[];
}

/** The record of a run in the slot's memory. */
export class RunRecord {
  readonly address: Address;
  readonly number: number;
  readonly store: StoreKind;
  readonly numBlocks: number;
  readonly numRows: number;
  readonly byteLength: number;
  /** Bytes of all blocks. */
  readonly dataBytes: number;
  readonly #memory: SlotMemory;
  readonly #numExtents: number;

  constructor(memory: SlotMemory, address: Address) {
    const { u32, f64 } = memory;
    const field = (i: number): number => u32[address / 4 + i];
    this.#memory = memory;
    this.address = address;
    this.byteLength = field(R_BYTES);
    this.number = field(R_NUMBER);
    this.store = field(R_STORE) as StoreKind;
    this.numBlocks = field(R_BLOCKS);
    this.numRows = field(R_ROWS);
    this.#numExtents = field(R_EXTENTS);
    this.dataBytes = f64[address / 8 + R_DATA];
  }

  /** Writes the record of a run in a block that outlives tasks. Throws `memoryLimit`. */
  static write(memory: SlotMemory, number: number, run: WrittenRun): RunRecord {
    const { extents, places, firstHashes, lengths, checksums } = run;
    const numBlocks = places.length;
    const byteLength = HEADER_BYTES + extents.length * 16 + numBlocks * 20;
    const address = memory.alloc(byteLength, 'lasting');
    const { u32, f64 } = memory;
    u32.set([byteLength, number, run.store, numBlocks, extents.length, run.numRows, 0, 0], address / 4);
    f64[address / 8 + R_DATA] = lengths.reduce((sum, bytes) => sum + bytes, 0);
    const at = (address + HEADER_BYTES) / 8;
    f64.set(
      extents.flatMap(extent => [extent.place, extent.byteLength]),
      at,
    );
    f64.set(places, at + extents.length * 2);
    const words = (at + extents.length * 2 + numBlocks) * 2;
    u32.set(firstHashes, words);
    u32.set(lengths, words + numBlocks);
    u32.set(checksums, words + numBlocks * 2);
    return new RunRecord(memory, address);
  }

  /** Rows of the run that were fetched into the table: they are there, or among the removed keys. */
  get numFetched(): number {
    return this.#memory.u32[this.address / 4 + R_FETCHED];
  }
  set numFetched(rows: number) {
    this.#memory.u32[this.address / 4 + R_FETCHED] = rows;
  }

  extents(): Extent[] {
    const { f64 } = this.#memory;
    const at = (this.address + HEADER_BYTES) / 8;
    return Array.from({ length: this.#numExtents }, (_, i) => ({
      place: f64[at + i * 2],
      byteLength: f64[at + i * 2 + 1],
    }));
  }

  placeOf(block: number): Place {
    return this.#memory.f64[this.#blocks / 8 + block];
  }
  bytesOf(block: number): number {
    return this.#memory.u32[this.#words + this.numBlocks + block];
  }
  checksumOf(block: number): number {
    return this.#memory.u32[this.#words + this.numBlocks * 2 + block];
  }

  /** The block that may have entries with this hash, -1 for none. @param from a block that is known not to lie behind it */
  blockOf(hash: number, from = 0): number {
    const { u32 } = this.#memory;
    const first = this.#words;
    let low = from;
    let high = this.numBlocks;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (u32[first + middle] <= hash) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  get #blocks(): Address {
    return this.address + HEADER_BYTES + this.#numExtents * 16;
  }

  /** u32 index of the first hashes. */
  get #words(): number {
    return (this.#blocks + this.numBlocks * 8) / 4;
  }
}

/** All runs of a table. */
export function runsOf(memory: SlotMemory, table: Address): RunRecord[] {
  const { u32 } = memory;
  const array = u32[table / 4 + T_RUNS];
  const numGroups = u32[table / 4 + T_TO] - u32[table / 4 + T_FROM];
  const addresses = array === 0 ? [] : [...u32.subarray(array / 4, array / 4 + numGroups)];
  return addresses.filter(address => address !== 0).map(address => new RunRecord(memory, address));
}
