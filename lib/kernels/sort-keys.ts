// Sort keys: the columns of a row as bytes whose order is that of the rows, so that one comparison of bytes orders by
// any number of columns. Layout and meaning: lib/columnar/sort-keys.ts. Columns are handled one after another: measure
// all, lay rows out, append all.
import { bitOf, compareBytes } from './group-bytes';

// @ts-ignore: decorator
@inline
function widthOf(kind: u32): u32 {
  return kind == 1 ? 4 : kind == 4 ? 1 : 8;
}

/** Adds the bytes of one column to sizes[i]. */
export function sortMeasure(kind: u32, nullable: u32, lengths: usize, validity: usize, n: u32, sizes: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    let size: u32 = nullable;
    if (validity == 0 || bitOf(validity, i)) size += kind == 0 ? load<u32>(lengths + at) + 1 : widthOf(kind);
    store<u32>(sizes + at, load<u32>(sizes + at) + size);
  }
}

/** The bits of a float64 in an order of whole numbers: negative ones turned round, both zeros one, NaN behind all. */
// @ts-ignore: decorator
@inline
function orderOfFloat(value: f64): u64 {
  if (value != value) return u64.MAX_VALUE;
  const bits = reinterpret<u64>(value == 0 ? 0 : value);
  return bits >> 63 ? ~bits : bits | (<u64>1 << 63);
}

/** Writes one column of each row at cursors[i] and moves the cursors on. `descending`: all of its bits turned round. */
export function sortAppend(
  kind: u32, nullable: u32, descending: u32,
  values: usize, lengths: usize, validity: usize, n: u32, cursors: usize,
): void {
  const turn: u32 = descending ? 0xff : 0;
  const turnAll: u64 = descending ? u64.MAX_VALUE : 0;
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    let to: usize = load<u32>(cursors + at);
    const present = validity == 0 || bitOf(validity, i) != 0;
    if (nullable) store<u8>(to++, <u8>(u32(present) ^ turn));
    if (present) {
      if (kind == 0) {
        const length = load<u32>(lengths + at);
        appendText(to, load<u32>(values + at), length, turn);
        to += length + 1;
      } else if (kind == 1) {
        store<u32>(to, bswap<u32>(load<u32>(values + at) ^ 0x8000_0000 ^ <u32>turnAll));
        to += 4;
      } else if (kind == 4) {
        store<u8>(to++, <u8>(<u32>load<u8>(values + i) ^ turn));
      } else {
        const from = values + (<usize>i << 3);
        const order = kind == 3 ? orderOfFloat(load<f64>(from)) : load<u64>(from) ^ (<u64>1 << 63);
        store<u64>(to, bswap<u64>(order ^ turnAll));
        to += 8;
      }
    }
    store<u32>(cursors + at, <u32>to);
  }
}

/** Each byte plus one, which UTF-8 leaves room for, and a 0 as the end: so a text stands before those that it begins. */
// @ts-ignore: decorator
@inline
function appendText(to: usize, from: usize, length: u32, turn: u32): void {
  const one = i8x16.splat(1);
  const turned = i8x16.splat(<i8>turn);
  let done: u32 = 0;
  for (; done + 16 <= length; done += 16) {
    v128.store(to + done, v128.xor(i8x16.add(v128.load(from + done), one), turned));
  }
  for (; done < length; done++) store<u8>(to + done, <u8>((<u32>load<u8>(from + done) + 1) ^ turn));
  store<u8>(to + length, <u8>turn);
}

/** The first eight bytes as a number that is ordered as they are, zeros behind a shorter key. */
// @ts-ignore: decorator
@inline
function headOf(key: usize, length: u32): u64 {
  if (length == 0) return 0;
  const bytes = bswap<u64>(load<u64>(key));
  return length >= 8 ? bytes : bytes & (u64.MAX_VALUE << (<u64>(8 - length) << 3));
}

// @ts-ignore: decorator
@inline
function isAfter(a: usize, b: usize, values: usize, lengths: usize): bool {
  const headA = load<u64>(a);
  const headB = load<u64>(b);
  if (headA != headB) return headA > headB;
  const i = <usize>load<u32>(a, 8) << 2;
  const j = <usize>load<u32>(b, 8) << 2;
  return compareBytes(load<u32>(values + i), load<u32>(lengths + i), load<u32>(values + j), load<u32>(lengths + j)) > 0;
}

/** Entries that are sorted by insertion before they are merged. */
const RUN: u32 = 8;

/**
 * order[i] = the row that is i-th by its key; rows of equal keys in their order. `entries` and `spare` hold 16 bytes a row:
 * u64 head of the key, u32 row. A merge sort, from runs that are put in order by insertion.
 */
export function sortRows(values: usize, lengths: usize, n: u32, entries: usize, spare: usize, order: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    store<u64>(entries + (<usize>i << 4), headOf(load<u32>(values + at), load<u32>(lengths + at)));
    store<u32>(entries + (<usize>i << 4), i, 8);
  }
  for (let from: u32 = 0; from < n; from += RUN) {
    const to = min(from + RUN, n);
    for (let i = from + 1; i < to; i++) {
      const entry = v128.load(entries + (<usize>i << 4));
      v128.store(spare, entry);
      let j = i;
      for (; j > from && isAfter(entries + (<usize>(j - 1) << 4), spare, values, lengths); j--) {
        v128.store(entries + (<usize>j << 4), v128.load(entries + (<usize>(j - 1) << 4)));
      }
      v128.store(entries + (<usize>j << 4), entry);
    }
  }
  let from = entries;
  let to = spare;
  for (let width: u32 = RUN; width < n; width <<= 1) {
    for (let start: u32 = 0; start < n; start += width << 1) mergeRuns(from, to, start, min(start + width, n), min(start + (width << 1), n), values, lengths);
    const swap = from;
    from = to;
    to = swap;
  }
  for (let i: u32 = 0; i < n; i++) store<u32>(order + (<usize>i << 2), load<u32>(from + (<usize>i << 4), 8));
}

function mergeRuns(from: usize, to: usize, start: u32, middle: u32, end: u32, values: usize, lengths: usize): void {
  let a = from + (<usize>start << 4);
  let b = from + (<usize>middle << 4);
  const aEnd = b;
  const bEnd = from + (<usize>end << 4);
  let out = to + (<usize>start << 4);
  while (a < aEnd && b < bEnd) {
    if (isAfter(a, b, values, lengths)) {
      v128.store(out, v128.load(b));
      b += 16;
    } else {
      v128.store(out, v128.load(a));
      a += 16;
    }
    out += 16;
  }
  if (a < aEnd) memory.copy(out, a, aEnd - a);
  else memory.copy(out, b, bEnd - b);
}

/** Numbers of the rows whose key is before a bound, ascending. Returns how many. */
export function sortBefore(values: usize, lengths: usize, n: u32, bound: usize, length: u32, out: usize): u32 {
  const head = headOf(bound, length);
  let count: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    const key: usize = load<u32>(values + at);
    const own = load<u32>(lengths + at);
    const ownHead = headOf(key, own);
    if (ownHead > head || (ownHead == head && compareBytes(key, own, bound, length) >= 0)) continue;
    store<u32>(out + (<usize>count << 2), i);
    count++;
  }
  return count;
}
