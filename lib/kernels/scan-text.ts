// Lines of text as slices, and slices of text as one run of bytes and back.

import { CR, LF } from './scan-structure';

/** Slices of the lines of a region that ends in LF, without LF or CRLF: u32 addresses, u32 lengths. Returns how many. */
export function textLines(start: usize, end: usize, values: usize, lengths: usize): u32 {
  let p = start;
  let line = start;
  let row: usize = 0;
  for (; end - p >= 64; p += 64) {
    const lf = i8x16.splat(<i8>LF);
    let bits =
      <u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(p), lf))) |
      (<u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(p, 16), lf))) << 16) |
      (<u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(p, 32), lf))) << 32) |
      (<u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(p, 48), lf))) << 48);
    for (; bits; bits &= bits - 1) {
      const at = p + <usize>ctz(bits);
      putLine(line, at, values + row, lengths + row);
      line = at + 1;
      row += 4;
    }
  }
  for (; p < end; p++) {
    if (load<u8>(p) != LF) continue;
    putLine(line, p, values + row, lengths + row);
    line = p + 1;
    row += 4;
  }
  return <u32>(row >> 2);
}

/** Bits of 64 bytes that are no white space (space, tab, LF, VT, FF, CR). */
// @ts-ignore: decorator
@inline
function wordBits(p: usize): u64 {
  return (
    <u64>wordBits16(v128.load(p)) |
    (<u64>wordBits16(v128.load(p, 16)) << 16) |
    (<u64>wordBits16(v128.load(p, 32)) << 32) |
    (<u64>wordBits16(v128.load(p, 48)) << 48)
  );
}

// @ts-ignore: decorator
@inline
function wordBits16(bytes: v128): u32 {
  const control = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(9)), i8x16.splat(5));
  return <u32>i8x16.bitmask(v128.or(control, i8x16.eq(bytes, i8x16.splat(32)))) ^ 0xffff;
}

// @ts-ignore: decorator
@inline
function isSpace(byte: u32): bool {
  return byte == 32 || byte - 9 < 5;
}

/** How many words a region has: runs of bytes that are no white space. */
export function wordCount(start: usize, end: usize): u32 {
  let p = start;
  let before: u64 = 0;
  let count: u32 = 0;
  for (; end - p >= 64; p += 64) {
    const bits = wordBits(p);
    count += <u32>popcnt(bits & ~((bits << 1) | before));
    before = bits >> 63;
  }
  let inWord = before != 0;
  for (; p < end; p++) {
    const space = isSpace(load<u8>(p));
    count += u32(!space && !inWord);
    inWord = !space;
  }
  return count;
}

/** Slices of the words of a region: u32 addresses, u32 lengths. Returns how many. */
export function textWords(start: usize, end: usize, values: usize, lengths: usize): u32 {
  let p = start;
  let before: u64 = 0;
  let word: usize = 0;
  let row: usize = 0;
  for (; end - p >= 64; p += 64) {
    const bits = wordBits(p);
    // A bit where a word begins, and the next one where it has ended.
    for (let edges = bits ^ ((bits << 1) | before); edges; edges &= edges - 1) {
      const at = p + <usize>ctz(edges);
      if (word == 0) {
        word = at;
        continue;
      }
      store<u32>(values + row, word);
      store<u32>(lengths + row, at - word);
      row += 4;
      word = 0;
    }
    before = bits >> 63;
  }
  for (; p < end; p++) {
    const space = isSpace(load<u8>(p));
    if (word == 0) {
      if (!space) word = p;
    } else if (space) {
      store<u32>(values + row, word);
      store<u32>(lengths + row, p - word);
      row += 4;
      word = 0;
    }
  }
  if (word != 0) {
    store<u32>(values + row, word);
    store<u32>(lengths + row, end - word);
    row += 4;
  }
  return <u32>(row >> 2);
}

// @ts-ignore: decorator
@inline
function putLine(line: usize, at: usize, value: usize, length: usize): void {
  store<u32>(value, line);
  store<u32>(length, at - line - usize(at > line && load<u8>(at - 1) == CR));
}

/**
 * Copies the slices of rows from..to one behind the other to `out` (16 bytes of room behind them are needed), and writes
 * where each ends, counted in UTF-16 units from the first. Returns 0 when all bytes are ASCII.
 */
export function gatherText(values: usize, lengths: usize, from: u32, to: u32, out: usize, ends: usize): u32 {
  const memoryEnd = <u64>memory.size() << 16;
  let units: u32 = 0;
  let high: u32 = 0;
  for (let row = from; row < to; row++) {
    let p: usize = load<u32>(values + (row << 2));
    let left: usize = load<u32>(lengths + (row << 2));
    while (left > 0) {
      const size = min(left, 16);
      if (<u64>p + 16 <= memoryEnd) {
        const bytes = v128.load(p);
        v128.store(out, bytes);
        const inside: u32 = (1 << <u32>size) - 1;
        high |= i8x16.bitmask(bytes) & inside;
        // A character begins at each byte that continues none, and takes two units when it has four bytes.
        const starts: u32 = i8x16.bitmask(i8x16.ge_s(bytes, i8x16.splat(-64))) & inside;
        const pairs: u32 = i8x16.bitmask(i8x16.ge_u(bytes, i8x16.splat(-16))) & inside;
        units += popcnt(starts) + popcnt(pairs);
      } else {
        for (let i: usize = 0; i < size; i++) {
          const byte: u32 = load<u8>(p + i);
          store<u8>(out + i, byte);
          high |= byte & 0x80;
          units += u32((byte & 0xc0) != 0x80) + u32(byte >= 0xf0);
        }
      }
      p += size;
      out += size;
      left -= size;
    }
    store<u32>(ends, units);
    ends += 4;
  }
  return high;
}

/**
 * The way back: a run of UTF-8 bytes is cut into slices of as many UTF-16 units as `lengths` says; those are replaced by
 * lengths in bytes. Returns false where a cut falls inside a character (halves of a pair that met).
 */
export function cutText(start: usize, values: usize, lengths: usize, numRows: u32): bool {
  let p = start;
  for (let row: u32 = 0; row < numRows; row++) {
    const at = lengths + (row << 2);
    let units: i32 = load<u32>(at);
    const first = p;
    while (units > 0) {
      const byte: u32 = load<u8>(p);
      p += byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      units -= byte < 0xf0 ? 1 : 2;
    }
    if (units < 0) return false;
    store<u32>(values + (row << 2), first);
    store<u32>(at, p - first);
  }
  return true;
}
