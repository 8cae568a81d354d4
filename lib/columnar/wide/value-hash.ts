import type { Scalar } from './wide-aggregate.js';

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);

/** The halves of the last hash, uint32 each: an object a value would cost more than the hash. */
export const lastHash = { high: 0, low: 0 };

/**
 * Leaves 64 well-mixed bits of a value in `lastHash`, the same in every thread and run: sketches that are kept as state
 * depend on it (a spec pins values). Text goes by its UTF-16 units, so it needs no encoding; -0 is 0 and every NaN the same.
 * Two lanes of multiply and rotate, which differ in all constants, are mixed into each other at the end.
 */
export function hashValue(value: Scalar): void {
  let a = 0x51ed270b;
  let b = 0x2c1b3c6d;
  if (typeof value === 'string') {
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      a = Math.imul(a ^ unit, 0x85ebca6b);
      a = (a << 13) | (a >>> 19);
      b = Math.imul(b + unit, 0xc2b2ae35);
      b = (b << 17) | (b >>> 15);
    }
    a ^= value.length;
  } else {
    number[0] = value === 0 ? 0 : Number.isNaN(value) ? Number.NaN : Number(value);
    a = Math.imul(a ^ words[0], 0x85ebca6b);
    a = Math.imul(((a << 13) | (a >>> 19)) ^ words[1], 0x9e3779b1);
    b = Math.imul(b + words[1], 0xc2b2ae35);
    b = Math.imul(((b << 17) | (b >>> 15)) + words[0], 0x27d4eb2f);
  }
  a = mix(a + Math.imul(b, 0x165667b1));
  b = mix(b + Math.imul(a, 0x9e3779b1));
  lastHash.high = (a ^ (b >>> 7)) >>> 0;
  lastHash.low = b >>> 0;
}

/** Every bit of the result hangs on every bit of the argument. */
function mix(word: number): number {
  let h = word ^ (word >>> 16);
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  return h ^ (h >>> 16);
}
