// Key bytes of rows with several key columns, or with numbers or nulls, and the way back. Layout: lib/columnar/keys.ts.
// Columns are handled one after another: measure all, lay rows out, append all.
import { bitOf, copyExact } from './group-bytes';

// @ts-ignore: decorator
@inline
function widthOf(kind: u32): u32 {
  return kind == 1 ? 4 : kind == 4 ? 1 : 8;
}

/** Adds the bytes of one column to sizes[i]. `last`: the column ends the key, so text needs no length. */
export function keyMeasure(kind: u32, nullable: u32, last: u32, lengths: usize, validity: usize, n: u32, sizes: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    let size: u32 = nullable;
    if (validity == 0 || bitOf(validity, i)) {
      if (kind == 0) {
        const length = load<u32>(lengths + at);
        size += length + (last ? 0 : length < 255 ? 1 : 5);
      } else size += widthOf(kind);
    }
    store<u32>(sizes + at, load<u32>(sizes + at) + size);
  }
}

/** Writes one column of each row at cursors[i] and moves the cursors on. */
export function keyAppend(kind: u32, nullable: u32, last: u32, values: usize, lengths: usize, validity: usize, n: u32, cursors: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    let to: usize = load<u32>(cursors + at);
    const present = validity == 0 || bitOf(validity, i) != 0;
    if (nullable) store<u8>(to++, present ? 1 : 0);
    if (present) {
      if (kind == 0) {
        const length = load<u32>(lengths + at);
        if (!last) {
          store<u8>(to++, <u8>min(length, 255));
          if (length >= 255) {
            store<u32>(to, length);
            to += 4;
          }
        }
        copyExact(to, load<u32>(values + at), length);
        to += length;
      } else if (kind == 1) {
        store<u32>(to, load<u32>(values + at));
        to += 4;
      } else if (kind == 4) {
        store<u8>(to++, load<u8>(values + i));
      } else if (kind == 3) {
        // One key for both zeros, and one for every NaN.
        const value = load<f64>(values + (<usize>i << 3));
        store<f64>(to, value == 0 ? 0 : value == value ? value : NaN);
        to += 8;
      } else {
        store<u64>(to, load<u64>(values + (<usize>i << 3)));
        to += 8;
      }
    }
    store<u32>(cursors + at, <u32>to);
  }
}

/** Reads one column at cursors[i], moves the cursors on and sets the validity bits (cleared by the caller); ends[i] is where key i ends. Returns the nulls. */
export function keyTake(kind: u32, nullable: u32, last: u32, cursors: usize, ends: usize, n: u32, values: usize, lengths: usize, validity: usize): u32 {
  let nulls: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    let from: usize = load<u32>(cursors + at);
    let present = true;
    if (nullable) present = load<u8>(from++) != 0;
    if (!present) {
      nulls++;
      if (kind == 0) {
        store<u32>(values + at, <u32>from);
        store<u32>(lengths + at, 0);
      } else if (kind == 1) store<u32>(values + at, 0);
      else if (kind == 4) store<u8>(values + i, 0);
      else store<u64>(values + (<usize>i << 3), 0);
    } else {
      if (validity != 0) store<u8>(validity + (i >> 3), load<u8>(validity + (i >> 3)) | <u8>((<u32>1) << (i & 7)));
      if (kind == 0) {
        let length: u32;
        if (last) length = load<u32>(ends + at) - <u32>from;
        else {
          length = load<u8>(from++);
          if (length == 255) {
            length = load<u32>(from);
            from += 4;
          }
        }
        store<u32>(values + at, <u32>from);
        store<u32>(lengths + at, length);
        from += length;
      } else if (kind == 1) {
        store<u32>(values + at, load<u32>(from));
        from += 4;
      } else if (kind == 4) {
        store<u8>(values + i, load<u8>(from++));
      } else {
        store<u64>(values + (<usize>i << 3), load<u64>(from));
        from += 8;
      }
    }
    store<u32>(cursors + at, <u32>from);
  }
  return nulls;
}

/** out[i] = values[i] + lengths[i]. */
export function sliceEnds(values: usize, lengths: usize, n: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    store<u32>(out + at, load<u32>(values + at) + load<u32>(lengths + at));
  }
}
