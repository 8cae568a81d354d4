/**
 * What a window keeps of its batches: pieces. A piece is what one batch put into one key group of the window's state, so
 * that state which is cut anew at a restart takes each key's past along.
 *
 *   key, 16 bytes                                        value
 *     0  u8 0x0d, u8 14 (a Buffer, to the value codec)   the rows, as one encoded array, or of columns a block of them
 *     2  u16 0
 *     4  f64 batch time
 *    12  u32 chosen so that the hash falls into the key group
 *
 * The canonical form of a user's key never begins with a Buffer, so that totals by key can lie in the same table.
 *
 * Which pieces there are is kept beside the table, in the thread's heap: a list that may name too many, never too few.
 * It is made from the table when a thread first meets it, every task adds what it is about to write, and what is not
 * found when it should leave is crossed out. So no batch scans the table for what leaves, and batches may come at any
 * time, whatever the interval was when they did.
 */
import { hashBytes, keyGroupOf, steerHash } from '../core/hash.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';
import { BUFFER } from '../core/value-tags.js';
import type { DeltaBuilder } from '../state/delta.js';
import type { StateTable } from '../state/state-table.js';

const KEY_BYTES = 16;

/** By batch time, the key groups that have a piece. */
type Index = Map<number, Set<number>>;

const indexes = new WeakMap<StateTable, Index>();

export class WindowPieces {
  readonly #table: StateTable;
  readonly #index: Index;

  constructor(table: StateTable) {
    this.#table = table;
    this.#index = indexes.get(table) ?? indexOf(table);
    indexes.set(table, this.#index);
  }

  /** Adds a piece of the batch at `time`. */
  put(delta: DeltaBuilder, time: number, group: number, rows: readonly unknown[]): void {
    this.putBytes(delta, time, group, encodeValue(rows));
  }

  /** As `put`, of what is no encoded array. */
  putBytes(delta: DeltaBuilder, time: number, group: number, bytes: Uint8Array): void {
    const { key, hash } = pieceKey(time, group, this.#table.numKeyGroups);
    delta.put(key, hash, bytes);
    addTo(this.#index, time, group);
  }

  /** Removes the pieces of all batches up to `lastTime`. @returns their rows, piece by piece, when `read` is given */
  removeUntil(delta: DeltaBuilder, lastTime: number, read?: (rows: readonly unknown[]) => void): void {
    for (const time of this.#timesBetween(Number.NEGATIVE_INFINITY, lastTime)) {
      for (const group of this.#groupsOf(time)) {
        const { key, hash } = pieceKey(time, group, this.#table.numKeyGroups);
        const value = this.#table.get(key, hash);
        if (value === undefined) {
          this.#index.get(time)?.delete(group);
          continue;
        }
        delta.remove(key, hash);
        read?.(decodeValue(value) as unknown[]);
      }
      if (this.#index.get(time)?.size === 0) this.#index.delete(time);
    }
  }

  /** The rows of the batches after `from` and before `to`, piece by piece, in order of batch and key group. */
  *between(from: number, to: number): IterableIterator<readonly unknown[]> {
    for (const bytes of this.bytesBetween(from, to)) yield decodeValue(bytes) as unknown[];
  }

  /** The same pieces as views of the table. */
  *bytesBetween(from: number, to: number): IterableIterator<Uint8Array> {
    for (const time of this.#timesBetween(from, to)) {
      if (time === from || time === to) continue;
      for (const group of this.#groupsOf(time)) {
        const { key, hash } = pieceKey(time, group, this.#table.numKeyGroups);
        const value = this.#table.get(key, hash);
        if (value !== undefined) yield value;
      }
    }
  }

  #timesBetween(from: number, to: number): number[] {
    return [...this.#index.keys()].filter(time => time >= from && time <= to).toSorted((a, b) => a - b);
  }

  #groupsOf(time: number): number[] {
    return [...(this.#index.get(time) ?? [])].toSorted((a, b) => a - b);
  }
}

/** Whether a key of a window's table is that of a piece. */
export const isPieceKey = (key: Uint8Array): boolean => key[0] === BUFFER;

/** The key of a piece, and its hash. */
export function pieceKey(
  time: number,
  group: number,
  numKeyGroups: number,
): { readonly key: Uint8Array; readonly hash: number } {
  const key = new Uint8Array(KEY_BYTES);
  key[0] = BUFFER;
  key[1] = KEY_BYTES - 2;
  new DataView(key.buffer).setFloat64(4, time, true);
  const groupHashes = 2 ** 32 / numKeyGroups;
  // Within the key group the hash is spread, as hashes of other keys are.
  const hash = group * groupHashes + (hashBytes(key, 0, KEY_BYTES) % groupHashes);
  steerHash(key, hash);
  return { key, hash };
}

function indexOf(table: StateTable): Index {
  const index: Index = new Map();
  for (const { key } of table.entries()) {
    if (!isPieceKey(key)) continue;
    const time = new DataView(key.buffer, key.byteOffset).getFloat64(4, true);
    addTo(index, time, keyGroupOf(hashBytes(key, 0, key.length), table.numKeyGroups));
  }
  return index;
}

function addTo(index: Index, time: number, group: number): void {
  const groups = index.get(time);
  if (groups === undefined) index.set(time, new Set([group]));
  else groups.add(group);
}
