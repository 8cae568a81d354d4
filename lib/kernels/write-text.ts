// Columns of text that are made of others: whole numbers as digits, and texts put together.
import { bitOf, copyLoose } from './group-bytes';
import { integerBytes, putInteger } from './write-number';

/** lengths[i] = bytes of number i as digits; kind 1 int32, else int64. Returns their sum. */
export function integerLengths(kind: u32, values: usize, n: u32, lengths: usize): f64 {
  let bytes: f64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const length = integerBytes(integerAt(kind, values, i));
    store<u32>(lengths + (<usize>i << 2), length);
    bytes += <f64>length;
  }
  return bytes;
}

/** Writes the numbers one behind the other to `out`, and where each begins to `starts`. */
export function integerTexts(kind: u32, values: usize, n: u32, out: usize, starts: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(starts + (<usize>i << 2), <u32>out);
    out = putInteger(out, integerAt(kind, values, i));
  }
}

// @ts-ignore: decorator
@inline
function integerAt(kind: u32, values: usize, i: u32): i64 {
  return kind == 1 ? <i64>load<i32>(values + (<usize>i << 2)) : load<i64>(values + (<usize>i << 3));
}

// Parts of texts, u32 each, 16 bytes apart:  0 values   4 lengths   8 validity   12 1 where every row has the first text

/** lengths[i] = bytes of the parts of row i together, 0 where one is null. Returns the sum. */
export function concatLengths(parts: usize, numParts: u32, n: u32, lengths: usize): f64 {
  let bytes: f64 = 0;
  for (let i: u32 = 0; i < n; i++) {
    let length: u32 = 0;
    for (let p: u32 = 0; p < numParts; p++) {
      const part = parts + (<usize>p << 4);
      const validity: usize = load<u32>(part, 8);
      if (validity != 0 && bitOf(validity, i) == 0) {
        length = 0;
        break;
      }
      length += load<u32>(load<u32>(part, 4) + (load<u32>(part, 12) ? 0 : <usize>i << 2));
    }
    store<u32>(lengths + (<usize>i << 2), length);
    bytes += <f64>length;
  }
  return bytes;
}

/** Writes the texts one behind the other to `out`, which has 16 bytes to spare, and where each begins to `starts`. */
export function concatTexts(parts: usize, numParts: u32, n: u32, lengths: usize, out: usize, starts: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    store<u32>(starts + (<usize>i << 2), <u32>out);
    if (load<u32>(lengths + (<usize>i << 2)) == 0) continue;
    for (let p: u32 = 0; p < numParts; p++) {
      const part = parts + (<usize>p << 4);
      const at = load<u32>(part, 12) ? 0 : <usize>i << 2;
      const length = load<u32>(load<u32>(part, 4) + at);
      copyLoose(out, load<u32>(load<u32>(part) + at), length);
      out += length;
    }
  }
}
