// Texts cut where a separator is. Loads may reach 15 bytes past the end of a slice; slices of null rows are not followed.
import { bitOf, sameBytes } from './group-bytes';

/**
 * Pieces of n texts in order: the row of each, and its slice. Separators do not overlap; an empty text is one empty piece,
 * a null none. With `rows` 0 nothing is written. Returns how many pieces there are.
 */
export function textSplit(
  values: usize, lengths: usize, validity: usize, n: u32,
  separator: usize, m: u32, rows: usize, outValues: usize, outLengths: usize,
): u32 {
  const first = i8x16.splat(load<i8>(separator));
  let count: u32 = 0;
  for (let row: u32 = 0; row < n; row++) {
    if (validity != 0 && !bitOf(validity, row)) continue;
    let start: usize = load<u32>(values + (<usize>row << 2));
    const end = start + load<u32>(lengths + (<usize>row << 2));
    for (let p = start; p + m <= end; p += 16) {
      let bits: u32 = i8x16.bitmask(i8x16.eq(v128.load(p), first));
      const left = end - m - p;
      if (left < 15) bits &= (2 << <u32>left) - 1;
      for (; bits; bits &= bits - 1) {
        const at = p + <usize>ctz(bits);
        // One that begins within the one before is part of it.
        if (at < start || (m > 1 && !sameBytes(at + 1, separator + 1, m - 1))) continue;
        if (rows != 0) putPiece(count, row, start, at, rows, outValues, outLengths);
        count++;
        start = at + m;
      }
    }
    if (rows != 0) putPiece(count, row, start, end, rows, outValues, outLengths);
    count++;
  }
  return count;
}

// @ts-ignore: decorator
@inline
function putPiece(i: u32, row: u32, start: usize, end: usize, rows: usize, values: usize, lengths: usize): void {
  const at = <usize>i << 2;
  store<u32>(rows + at, row);
  store<u32>(values + at, <u32>start);
  store<u32>(lengths + at, <u32>(end - start));
}
