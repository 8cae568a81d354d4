/**
 * Which keys of a state table have been idle for how long: what finds those whose timeout is over without looking at the
 * others. Keys stand, as the hashes of their bytes, in the bucket of a batch time:
 *
 *   bucket    1000  1500  2000  ...  31000  31500        timeout 30 s, batch 31500: 1500 < 31500 - 30000 is false,
 *   hashes     ab    cd    ..          ef     gh         so the bucket of 1000 is opened and no other
 *
 * A key enters the bucket of the batch that made its state, and an update does not move it: updates cost nothing here.
 * When its bucket is opened, the table says when the key was really updated last. If that is too long ago, it is due;
 * else it moves to the bucket of that time. So a batch looks at keys that are due and at keys that were last looked at a
 * timeout ago: each once a timeout at the most, however often it is updated, and four bytes a key is all it takes.
 *
 * The table is the truth, in the slot's memory, where it outlives the thread; the index is beside it in the thread's heap
 * and may name too many keys, never too few. It is made from the table when a thread first meets it, by its only scan.
 * Keys whose state is away come back into the table when their bucket is opened. A task adds the keys it is about to make, whether its attempt is accepted or not, and never takes out a key that is
 * due: that is done once the table, in a later batch, does not have it any more. So any task may run again.
 */
import { hashBytes } from '../core/hash.js';
import type { StateEntry, StateTable } from '../state/state-table.js';
import { timeOf } from '../state/timed-value.js';

/** An entry that was not updated for too long: views, good until the table changes. */
export interface IdleEntry extends StateEntry {
  readonly hash: number;
  readonly time: number;
}

const indexes = new WeakMap<StateTable, IdleIndex>();

export class IdleIndex {
  readonly #table: StateTable;
  readonly #buckets = new Map<number, HashList>();
  /** Times of the buckets, ascending. */
  #times: number[] = [];

  private constructor(table: StateTable) {
    this.#table = table;
    for (const { key, value } of table.entries()) this.#put(timeOf(value), hashBytes(key, 0, key.length));
    this.#times = [...this.#buckets.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  /** The index of a table of timed values, made when the thread first asks for it. */
  static of(table: StateTable): IdleIndex {
    let index = indexes.get(table);
    if (index === undefined) indexes.set(table, (index = new IdleIndex(table)));
    return index;
  }

  /** Adds a key whose state is made at `time`. @param hash of the key's bytes */
  add(time: number, hash: number): void {
    // Nearly always the latest of all.
    if (!this.#buckets.has(time)) this.#times.splice(placeOf(this.#times, time), 0, time);
    this.#put(time, hash);
  }

  /**
   * The entries that were last updated before `time`, in order of time, hash and key: the same whatever thread made the
   * index. Entries that the batch at hand updates are among them.
   */
  before(time: number): IdleEntry[] {
    const due: IdleEntry[] = [];
    const opened = this.#times.slice(0, placeOf(this.#times, time));
    this.#table.fetchHashes(this.#hashesOf(opened));
    for (const bucketTime of opened) this.#open(bucketTime, time, due);
    const left = opened.filter(bucketTime => this.#buckets.has(bucketTime));
    if (left.length < opened.length) this.#times = [...left, ...this.#times.slice(opened.length)];
    due.sort((a, b) => (a.time === b.time ? a.hash - b.hash || Buffer.compare(a.key, b.key) : a.time - b.time));
    // A key that was removed and made again may be in two buckets.
    return due.filter((entry, i) => i === 0 || Buffer.compare(entry.key, due[i - 1]?.key ?? NOTHING) !== 0);
  }

  /** Those in some buckets, ascending. */
  #hashesOf(times: readonly number[]): Uint32Array {
    const all = new HashList();
    if (this.#table.away?.hasAny === true)
      for (const time of times) for (const hash of this.#buckets.get(time)?.distinct() ?? []) all.push(hash);
    return all.distinct();
  }

  #put(time: number, hash: number): void {
    let bucket = this.#buckets.get(time);
    if (bucket === undefined) this.#buckets.set(time, (bucket = new HashList()));
    bucket.push(hash);
  }

  /** Sorts a bucket out: keys that are due stay in it until the table has them no more. */
  #open(bucketTime: number, time: number, due: IdleEntry[]): void {
    const kept = new HashList();
    for (const hash of this.#buckets.get(bucketTime)?.distinct() ?? []) {
      let isDue = false;
      for (const { key, value } of this.#table.withHash(hash)) {
        const updated = timeOf(value);
        if (updated >= time) {
          this.add(updated, hash);
          continue;
        }
        isDue = true;
        due.push({ key, value, hash, time: updated });
      }
      if (isDue) kept.push(hash);
    }
    if (kept.length > 0) this.#buckets.set(bucketTime, kept);
    else this.#buckets.delete(bucketTime);
  }
}

const NOTHING = new Uint8Array(0);

/** How many of the ascending `times` are before `time`. */
function placeOf(times: readonly number[], time: number): number {
  const last = times.at(-1);
  if (last === undefined || last < time) return times.length;
  let from = 0;
  let to = times.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((times[middle] ?? 0) < time) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** A growing list of u32, outside what the garbage collector walks through. */
class HashList {
  #hashes = new Uint32Array(4);
  length = 0;

  push(hash: number): void {
    if (this.length === this.#hashes.length) {
      const grown = new Uint32Array(this.length * 2);
      grown.set(this.#hashes);
      this.#hashes = grown;
    }
    this.#hashes[this.length++] = hash;
  }

  /** Each hash once, ascending. */
  distinct(): Uint32Array {
    const sorted = this.#hashes.slice(0, this.length).sort();
    return sorted.filter((hash, i) => i === 0 || hash !== sorted[i - 1]);
  }
}
