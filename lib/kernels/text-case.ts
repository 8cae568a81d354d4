// Lower and upper case of ASCII, and lengths in characters. Slices of null rows (by `validity`, 0 = none are) may be
// anything and are not followed. Loads may reach 15 bytes past the end of a slice.
import { bitOf } from './group-bytes';

/** i64 code points of each slice: bytes that continue no character. */
export function textLengths(values: usize, lengths: usize, validity: usize, n: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    let count: u32 = 0;
    if (validity == 0 || bitOf(validity, i)) {
      let p: usize = load<u32>(values + (<usize>i << 2));
      let left = load<u32>(lengths + (<usize>i << 2));
      for (; left >= 16; left -= 16) {
        count += <u32>popcnt(i8x16.bitmask(i8x16.ge_s(v128.load(p), i8x16.splat(-64))));
        p += 16;
      }
      const inside: u32 = (1 << left) - 1;
      count += <u32>popcnt(i8x16.bitmask(i8x16.ge_s(v128.load(p), i8x16.splat(-64))) & inside);
    }
    store<i64>(out + (<usize>i << 3), <i64>count);
  }
}

/**
 * Copies the slices to `out` (their bytes in all, and 16 to spare) with the letters `first` .. `first` + 25 in the other
 * case, as slices again. Rows with bytes that are not ASCII are wrong then: their numbers go to `rest`. Returns how many.
 */
export function textCase(
  values: usize, lengths: usize, validity: usize, n: u32,
  first: u32, out: usize, outValues: usize, outLengths: usize, rest: usize,
): u32 {
  const letter = i8x16.splat(<i8>first);
  let numRest: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    const isThere = validity == 0 || bitOf(validity, i) != 0;
    const length: u32 = isThere ? load<u32>(lengths + at) : 0;
    store<u32>(outValues + at, out);
    store<u32>(outLengths + at, length);
    if (length == 0) continue;
    const from: usize = load<u32>(values + at);
    let all = i8x16.splat(0);
    let done: u32 = 0;
    for (; done + 16 <= length; done += 16) {
      const bytes = v128.load(from + done);
      all = v128.or(all, bytes);
      v128.store(out + done, otherCase(bytes, letter));
    }
    let high: u32 = i8x16.bitmask(all);
    if (done < length) {
      const bytes = v128.load(from + done);
      high |= i8x16.bitmask(bytes) & ((1 << (length - done)) - 1);
      v128.store(out + done, otherCase(bytes, letter));
    }
    out += length;
    if (high) {
      store<u32>(rest + (<usize>numRest << 2), i);
      numRest++;
    }
  }
  return numRest;
}

// @ts-ignore: decorator
@inline
function otherCase(bytes: v128, first: v128): v128 {
  const isLetter = i8x16.lt_u(i8x16.sub(bytes, first), i8x16.splat(26));
  return v128.xor(bytes, v128.and(isLetter, i8x16.splat(0x20)));
}
