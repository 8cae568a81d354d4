// The hash of keys. lib/core/hash.ts is the same function in JavaScript; a spec pins both to literal values.
import { loadPadded } from './group-bytes';

// @ts-ignore: decorator
@inline
function absorb(state: v128, block: v128): v128 {
  const sum = i32x4.add(state, i32x4.mul(block, i32x4(0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f)));
  const turned = v128.or(i32x4.shl(sum, 13), i32x4.shr_u(sum, 19));
  return i32x4.mul(turned, i32x4(0xb5297a4d, 0x68e31da5, 0x1b56c4f5, 0x7feb352d));
}

// @ts-ignore: decorator
@inline
function finish(state: v128, length: u32): u32 {
  const pairs = i32x4.add(state, i8x16.shuffle(state, state, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  let h = <u32>i32x4.extract_lane(pairs, 0) + <u32>i32x4.extract_lane(pairs, 1) + length * 0x165667b1;
  h = (h ^ (h >> 15)) * 0x85ebca77;
  h = (h ^ (h >> 13)) * 0xc2b2ae3d;
  return h ^ (h >> 16);
}

/** Hash of `length` bytes: blocks of 16, the last one filled with zeros, at least one. */
// @ts-ignore: decorator
@inline
export function hashOf(address: usize, length: u32): u32 {
  let state = i32x4(0x2545f491, 0x6c62272e, 0x07bb0142, 0x62b82175);
  let at: u32 = 0;
  for (; at + 16 < length; at += 16) state = absorb(state, v128.load(address + at));
  return finish(absorb(state, loadPadded(address + at, length - at)), length);
}

/** out[i] = hash of slice i, for n slices. */
export function hashSlices(values: usize, lengths: usize, n: u32, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at = <usize>i << 2;
    store<u32>(out + at, hashOf(load<u32>(values + at), load<u32>(lengths + at)));
  }
}
