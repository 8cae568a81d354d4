/** Randomness that is asked for by a seed: the same draws in every thread and run, so that a task that runs again draws alike. */
import { hashBytes } from './hash.js';
import { keyBytes } from './value-key.js';

/** Uniform in [0, 1), one draw a call. */
export type Draw = () => number;

/** @param parts numbers that together say which sequence: a seed, and what has draws of its own under it */
export function seededDraw(...parts: readonly number[]): Draw {
  const bytes = keyBytes(parts);
  let counter = hashBytes(bytes, 0, bytes.length);
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    const high = mix(counter) >>> 5;
    counter = (counter + 0x9e3779b9) >>> 0;
    return (high * 2 ** 26 + (mix(counter) >>> 6)) / 2 ** 53;
  };
}

/** Every bit of the result depends on every bit of `value`. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** One draw of the Poisson distribution. @param mean at least 0; the draw takes time in proportion to it */
export function drawPoisson(draw: Draw, mean: number): number {
  let count = 0;
  // A sum of independent draws has the sum of their means; e to the power of a large mean would be 0.
  for (let rest = mean; rest > 0; rest -= MAX_STEP) {
    const limit = Math.exp(-Math.min(rest, MAX_STEP));
    for (let product = draw(); product > limit; product *= draw()) count++;
  }
  return count;
}

const MAX_STEP = 32;
