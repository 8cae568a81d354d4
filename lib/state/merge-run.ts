/** What a table has of a key group, and what it has put away of it, as one new run. */
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import type { RunRecord, WrittenRun } from './run-layout.js';
import { RunScan, type OverRun } from './run-scan.js';
import type { RunStore } from './run-store.js';
import { RunWriter } from './write-run.js';
import * as layout from './table-layout.js';

/** Rows that are written together: more only where they share a hash. */
const STEP_ROWS = 16384;
const SCAN_ROWS = 8192;
const NO_BYTE_LIMIT = 0x7fffffff;

export interface MergedGroup extends Omit<OverRun, 'run' | 'store'> {
  /** Counted from the table's first. */
  readonly group: number;
  readonly base: { readonly run: RunRecord; readonly store: RunStore } | undefined;
}

/**
 * Writes all rows of a key group to a store. What is there stays as it is. Throws `memoryLimit`, `stateSpill`.
 * @returns undefined when the store has no room
 */
export function mergeRun(merged: MergedGroup, store: RunStore): WrittenRun | undefined {
  const { memory, table, group, base, valueBytes } = merged;
  const mark = memory.scratchMark();
  const pages = memory.u32[table / 4 + layout.T_GROUPS + group * 2];
  const usedBytes = pages === 0 ? 0 : memory.u32[pages / 4 + layout.P_USED];
  const writer = new RunWriter(memory, store, valueBytes, usedBytes + (base?.run.dataBytes ?? 0));
  let written: WrittenRun | undefined;
  try {
    written = writeAll(merged, writer) ? writer.finish() : undefined;
    return written;
  } finally {
    if (written === undefined) writer.discard();
    memory.releaseScratch(mark);
  }
}

function writeAll(merged: MergedGroup, writer: RunWriter): boolean {
  const { memory, base } = merged;
  const step = new Step(memory, writer);
  const own = ownRows(merged);
  const ownHash = (i: number): number => own[i * 2 + 1];
  const ownCount = own.length / 2;
  let next = 0;
  const scan = base && new RunScan({ ...merged, ...base });
  while (scan !== undefined && !scan.isAtEnd) {
    const n = scan.next();
    const { u32 } = memory;
    const refs = u32.slice(scan.refs / 4, scan.refs / 4 + n);
    const hashes = u32.slice(scan.hashes / 4, scan.hashes / 4 + n);
    for (let i = 0; ;) {
      const takesOwn = next < ownCount && ownHash(next) <= scan.lastHash && !(i < n && hashes[i] < ownHash(next));
      if (!takesOwn && i === n) break;
      const isAdded = takesOwn ? step.add(own[next * 2], ownHash(next)) : step.add(refs[i], hashes[i]);
      if (!isAdded) return false;
      if (takesOwn) next++;
      else i++;
    }
    // The next blocks take the place of these.
    if (!step.flush()) return false;
  }
  for (; next < ownCount; next++) if (!step.add(own[next * 2], ownHash(next))) return false;
  return step.flush();
}

/** The entries that the table has of the key group, ascending by hash: address and hash of each. */
function ownRows({ memory, table, group }: MergedGroup): Uint32Array {
  const pages = memory.u32[table / 4 + layout.T_GROUPS + group * 2];
  const count = pages === 0 ? 0 : memory.u32[pages / 4 + layout.P_ROWS];
  const pairs = new Uint32Array(count * 2);
  const mark = memory.scratchMark();
  const cursor = memory.scratch(16);
  const [keys, lengths, refs] = [SCAN_ROWS, SCAN_ROWS, SCAN_ROWS].map(rows => memory.scratch(rows * 4));
  memory.u32.set([group, 0, 0, 0], cursor / 4);
  for (let at = 0; at < count;) {
    const n = kernels(memory).stateScan(table, cursor, group + 1, SCAN_ROWS, NO_BYTE_LIMIT, keys, lengths, refs);
    if (n === 0) break;
    const { u32 } = memory;
    for (let i = 0; i < n; i++, at++) {
      const entry = u32[refs / 4 + i];
      pairs[at * 2] = entry;
      pairs[at * 2 + 1] = u32[entry / 4];
    }
  }
  memory.releaseScratch(mark);
  // As 64-bit numbers the hash comes first; sorted as such without making one of them an object.
  new BigUint64Array(pairs.buffer).sort();
  return pairs;
}

/** Entries on their way to the writer, in order, handed on where the hash changes. */
class Step {
  readonly #memory: SlotMemory;
  readonly #writer: RunWriter;
  #refs = new Uint32Array(STEP_ROWS * 2);
  #count = 0;
  #lastHash = 0;
  #buffer: Address;
  #capacity = STEP_ROWS * 2;

  constructor(memory: SlotMemory, writer: RunWriter) {
    this.#memory = memory;
    this.#writer = writer;
    this.#buffer = memory.scratch(this.#capacity * 4);
  }

  add(entry: Address, hash: number): boolean {
    if (this.#count >= STEP_ROWS && hash !== this.#lastHash && !this.flush()) return false;
    if (this.#count === this.#refs.length) {
      const grown = new Uint32Array(this.#count * 2);
      grown.set(this.#refs);
      this.#refs = grown;
    }
    this.#refs[this.#count++] = entry;
    this.#lastHash = hash;
    return true;
  }

  flush(): boolean {
    if (this.#count > this.#capacity) {
      this.#capacity = this.#refs.length;
      this.#buffer = this.#memory.scratch(this.#capacity * 4);
    }
    this.#memory.u32.set(this.#refs.subarray(0, this.#count), this.#buffer / 4);
    const isAdded = this.#writer.add(this.#buffer, this.#count);
    this.#count = 0;
    return isAdded;
  }
}
