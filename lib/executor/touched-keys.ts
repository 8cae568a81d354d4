/**
 * The keys that a batch of mapWithState has touched, by number, and what has become of the state of each. States are read
 * from the table when their key is first touched, a batch of keys at a time; the table's states stay as they were, though
 * it may fetch some that are away, and so move others.
 */
import { ValueReader } from '../core/value-decode.js';
import { ValueWriter } from '../core/value-encode.js';
import { KeyTable } from '../columnar/key-table.js';
import type { KeySlices } from '../columnar/keys.js';
import type { Address } from '../columnar/slot-memory.js';
import type { KeyChanges } from '../state/key-delta.js';
import type { StateTable } from '../state/state-table.js';
import { TIME_BYTES } from '../state/timed-value.js';
import { ValueColumn } from './value-column.js';

/** There is a state now. */
const EXISTS = 1;
/** It is not what the table has. */
const UPDATED = 2;
/** It counts as updated now, whether its function did so or not. */
const REFRESHED = 4;

const FIRST_KEYS = 1024;

export class TouchedKeys {
  readonly #table: StateTable;
  readonly #keys: KeyTable;
  #reader: ValueReader;
  readonly #states = new ValueColumn();
  #flags = new Uint8Array(FIRST_KEYS);
  /** Where the table has the value of a key, and its bytes; 0 for none. */
  #storedAt = new Uint32Array(FIRST_KEYS);
  #storedBytes = new Uint32Array(FIRST_KEYS);
  /** Of the table, when `#storedAt` was found. */
  #changes: number;
  size = 0;

  /** Owns blocks of the table's memory until `dispose`. */
  constructor(table: StateTable) {
    this.#table = table;
    this.#keys = new KeyTable(table.memory);
    this.#reader = new ValueReader(table.memory.u8);
    this.#changes = table.changes;
  }

  /**
   * The numbers of `n` keys, good until the next call. A new key has the number that `size` was, and its state is read.
   *
   * @param n as many as a `KeyTable` takes at once, at the most
   */
  touch(keys: KeySlices, n: number): Uint32Array {
    const numbers = this.#keys.numbersOfSlices(keys, n);
    if (this.#keys.size === this.size) return numbers;
    const { memory, changes } = this.#table;
    const refs = this.#table.lookup(keys, n) / 4;
    // What it fetched may have made the memory larger than the reader knows.
    if (this.#table.changes !== changes) this.#reader = new ValueReader(memory.u8);
    for (let i = 0; i < n; i++) if (numbers[i] === this.size) this.#add(memory.u32[refs + i]);
    return numbers;
  }

  exists(number: number): boolean {
    return (this.#flags[number] & EXISTS) !== 0;
  }

  /** The state of a key that has one. */
  stateOf(number: number): unknown {
    return this.#states.get(number);
  }

  update(number: number, state: unknown): void {
    this.#states.set(number, state);
    this.#flags[number] |= EXISTS | UPDATED;
  }

  remove(number: number): void {
    this.#flags[number] &= ~(EXISTS | UPDATED);
  }

  refresh(number: number): void {
    this.#flags[number] |= REFRESHED;
  }

  /** Whether the table has a state of the key. */
  isStored(number: number): boolean {
    return this.#storedAt[number] !== 0;
  }

  /** The value that the table has of the key, a view; undefined for none. */
  storedValue(number: number): Uint8Array | undefined {
    this.#relocate();
    const at = this.#storedAt[number];
    return at === 0 ? undefined : this.#table.memory.bytes(at, this.#storedBytes[number]);
  }

  /** Addresses of the values that the table has of these keys. */
  storedValues(): Set<Address> {
    this.#relocate();
    return new Set(this.#storedAt.subarray(0, this.size));
  }

  /** What the batch at `time` makes of the keys. Throws `typeMismatch` for a state that is not plain data. */
  changes(time: number): KeyChanges {
    this.#relocate();
    const { u8 } = this.#table.memory;
    const values = new ValueWriter();
    const rows = new Uint32Array(this.size);
    const offsets = new Uint32Array(this.size + 1);
    const removed: number[] = [];
    let n = 0;
    for (let number = 0; number < this.size; number++) {
      const flags = this.#flags[number];
      const stored = this.#storedAt[number];
      if ((flags & EXISTS) === 0) {
        if (stored === 0) continue;
        removed.push(n);
      } else if ((flags & UPDATED) !== 0) {
        values.writeFloat64(time);
        values.write(this.#states.get(number));
      } else if ((flags & REFRESHED) !== 0 && stored !== 0) {
        values.writeFloat64(time);
        values.append(u8, stored + TIME_BYTES, stored + this.#storedBytes[number]);
      } else continue;
      rows[n++] = number;
      offsets[n] = values.length;
    }
    return { rows: rows.subarray(0, n), removed, offsets: offsets.subarray(0, n + 1), data: values.bytes() };
  }

  /** The keys in order of their numbers, in scratch. */
  keys(): KeySlices {
    return this.#keys.keys();
  }

  /** Frees what is held in the slot's memory. */
  dispose(): void {
    this.#keys.dispose();
  }

  /** @param entry of the table, or 0 */
  #add(entry: Address): void {
    const number = this.size++;
    if (number === this.#flags.length) this.#grow();
    if (entry === 0) return;
    const at = this.#table.valueAddress(entry);
    this.#storedAt[number] = at;
    this.#storedBytes[number] = this.#table.valueLength(entry);
    this.#flags[number] = EXISTS;
    this.#reader.offset = at + TIME_BYTES;
    this.#states.set(number, this.#reader.read());
  }

  /** Finds the values again when the table has moved since: all are in it. */
  #relocate(): void {
    const { memory, changes } = this.#table;
    if (this.#changes === changes) return;
    const mark = memory.scratchMark();
    const refs = this.#table.lookup(this.#keys.keys(), this.size) / 4;
    for (let number = 0; number < this.size; number++) {
      const entry = memory.u32[refs + number];
      this.#storedAt[number] = entry === 0 ? 0 : this.#table.valueAddress(entry);
    }
    memory.releaseScratch(mark);
    this.#changes = this.#table.changes;
  }

  #grow(): void {
    const length = 2 * this.#flags.length;
    const flags = new Uint8Array(length);
    flags.set(this.#flags);
    this.#flags = flags;
    const storedAt = new Uint32Array(length);
    storedAt.set(this.#storedAt);
    this.#storedAt = storedAt;
    const storedBytes = new Uint32Array(length);
    storedBytes.set(this.#storedBytes);
    this.#storedBytes = storedBytes;
  }
}
