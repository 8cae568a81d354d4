// Texts tested where they lie: a byte a row, 1 where the test holds, 0 where not and where a bit of `validity` (0 = none)
// says that the row is null: the slices of such rows may be anything and are not followed. Each side is n slices, or
// with step 0 one slice for all rows; step 4 otherwise.
//
// UTF-8 texts hold one another, and are ordered, as their bytes are. What a test loads may reach 63 bytes past the end
// of a slice: SlotMemory keeps that room.
import { bitOf, compareBytes, sameBytes } from './group-bytes';

/** Whether a text of m > 0 bytes is in p..end, found by its first and last byte, 16 places at a time. */
// @ts-ignore: decorator
@inline
function isWithin(p: usize, end: usize, text: usize, m: u32, first: v128, last: v128): bool {
  if (end - p < <usize>m) return false;
  const stop = end - m;
  for (; p <= stop; p += 16) {
    let bits: u32 = i8x16.bitmask(
      v128.and(i8x16.eq(v128.load(p), first), i8x16.eq(v128.load(p + m - 1), last)),
    );
    if (stop - p < 15) bits &= (2 << <u32>(stop - p)) - 1;
    for (; bits; bits &= bits - 1) {
      if (m <= 2 || sameBytes(p + <usize>ctz(bits) + 1, text + 1, m - 2)) return true;
    }
  }
  return false;
}

export function textContains(
  values: usize, lengths: usize, step: u32,
  parts: usize, partLengths: usize, partStep: u32,
  validity: usize, n: u32, out: usize,
): void {
  let first = i8x16.splat(0);
  let last = first;
  for (let i: u32 = 0; i < n; i++) {
    let hit = false;
    if (validity == 0 || bitOf(validity, i)) {
      const m = load<u32>(partLengths);
      if (m == 0) hit = true;
      else {
        const p: usize = load<u32>(values);
        const part: usize = load<u32>(parts);
        first = i8x16.splat(load<i8>(part));
        last = i8x16.splat(load<i8>(part + m - 1));
        hit = isWithin(p, p + load<u32>(lengths), part, m, first, last);
      }
    }
    store<u8>(out + i, u8(hit));
    values += step;
    lengths += step;
    parts += partStep;
    partLengths += partStep;
  }
}

/** Whether n slices lie one behind the other, in order, with gaps of no more bytes than they have themselves. */
export function textIsDense(values: usize, lengths: usize, n: u32): bool {
  if (n == 0) return false;
  const start: usize = load<u32>(values);
  let end = start;
  let bytes: usize = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at: usize = load<u32>(values + (<usize>i << 2));
    if (at < end) return false;
    const length: usize = load<u32>(lengths + (<usize>i << 2));
    end = at + length;
    bytes += length;
  }
  return end - start <= 2 * bytes + 64;
}

/**
 * As `textContains` for one text of m > 0 bytes in slices that are dense and of which none is null: all the region is
 * searched in one go, 64 places at a time, and a row is looked for only where the text was found.
 */
export function textContainsDense(values: usize, lengths: usize, n: u32, text: usize, m: u32, out: usize): void {
  memory.fill(out, 0, n);
  const lastAt = <usize>(n - 1) << 2;
  let p: usize = load<u32>(values);
  const end: usize = load<u32>(values + lastAt) + load<u32>(lengths + lastAt);
  if (end - p < <usize>m) return;
  const stop = end - m;
  const first = i8x16.splat(load<i8>(text));
  const last = i8x16.splat(load<i8>(text + m - 1));
  let row: u32 = 0;
  let rowEnd: usize = p + load<u32>(lengths);
  for (; p <= stop; p += 64) {
    const q = p + m - 1;
    const a = v128.and(i8x16.eq(v128.load(p), first), i8x16.eq(v128.load(q), last));
    const b = v128.and(i8x16.eq(v128.load(p, 16), first), i8x16.eq(v128.load(q, 16), last));
    const c = v128.and(i8x16.eq(v128.load(p, 32), first), i8x16.eq(v128.load(q, 32), last));
    const d = v128.and(i8x16.eq(v128.load(p, 48), first), i8x16.eq(v128.load(q, 48), last));
    if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue;
    let bits =
      <u64>(<u32>i8x16.bitmask(a)) |
      (<u64>(<u32>i8x16.bitmask(b)) << 16) |
      (<u64>(<u32>i8x16.bitmask(c)) << 32) |
      (<u64>(<u32>i8x16.bitmask(d)) << 48);
    if (stop - p < 63) bits &= (<u64>2 << <u64>(stop - p)) - 1;
    while (bits) {
      const at = p + <usize>ctz(bits);
      bits &= bits - 1;
      if (m > 2 && !sameBytes(at + 1, text + 1, m - 2)) continue;
      while (rowEnd <= at) {
        row++;
        rowEnd = load<u32>(values + (<usize>row << 2)) + load<u32>(lengths + (<usize>row << 2));
      }
      if (at + m > rowEnd || at < <usize>load<u32>(values + (<usize>row << 2))) continue;
      store<u8>(out + row, 1);
      // The rest of a row that has it once is of no interest.
      if (rowEnd - p >= 64) bits = 0;
      else bits &= ~((<u64>1 << <u64>(rowEnd - p)) - 1);
    }
  }
}

/** Whether texts begin with others, or with `atEnd` end with them. */
export function textStarts(
  values: usize, lengths: usize, step: u32,
  parts: usize, partLengths: usize, partStep: u32,
  atEnd: u32, validity: usize, n: u32, out: usize,
): void {
  for (let i: u32 = 0; i < n; i++) {
    let hit = false;
    if (validity == 0 || bitOf(validity, i)) {
      const length = load<u32>(lengths);
      const m = load<u32>(partLengths);
      const at: usize = load<u32>(values) + (atEnd ? length - m : 0);
      hit = m <= length && sameBytes(at, load<u32>(parts), m);
    }
    store<u8>(out + i, u8(hit));
    values += step;
    lengths += step;
    parts += partStep;
    partLengths += partStep;
  }
}

/** Whether texts are equal, or with `invert` are not. */
export function textEquals(
  values: usize, lengths: usize, step: u32,
  others: usize, otherLengths: usize, otherStep: u32,
  invert: u32, validity: usize, n: u32, out: usize,
): void {
  for (let i: u32 = 0; i < n; i++) {
    let hit: u32 = 0;
    if (validity == 0 || bitOf(validity, i)) {
      const length = load<u32>(lengths);
      hit = u32(length == load<u32>(otherLengths) && sameBytes(load<u32>(values), load<u32>(others), length)) ^ invert;
    }
    store<u8>(out + i, <u8>hit);
    values += step;
    lengths += step;
    others += otherStep;
    otherLengths += otherStep;
  }
}

/** Whether the order of two texts is one of those wanted (`less`, `equal`, `greater`: 0 or 1 each). */
export function textOrder(
  values: usize, lengths: usize, step: u32,
  others: usize, otherLengths: usize, otherStep: u32,
  less: u32, equal: u32, greater: u32, validity: usize, n: u32, out: usize,
): void {
  for (let i: u32 = 0; i < n; i++) {
    let hit: u32 = 0;
    if (validity == 0 || bitOf(validity, i)) {
      const order = compareBytes(load<u32>(values), load<u32>(lengths), load<u32>(others), load<u32>(otherLengths));
      hit = (u32(order < 0) & less) | (u32(order == 0) & equal) | (u32(order > 0) & greater);
    }
    store<u8>(out + i, <u8>hit);
    values += step;
    lengths += step;
    others += otherStep;
    otherLengths += otherStep;
  }
}
