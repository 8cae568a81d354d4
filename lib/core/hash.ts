/**
 * The one hash of keys: what partitions, key groups and hash tables go by, the same in every thread, run and version,
 * because checkpoints depend on it (a spec pins literal values). The kernels hold the same function in SIMD form.
 *
 * Keys are read in blocks of four u32 words, the last block filled with zeros, at least one. Each word has its own
 * lane: lane = rotl(lane + word * A, 13) * B. In the end the lanes and the length are summed and mixed.
 *
 *   31 ............... 25 | 24 ....................... 0
 *   key group (of 128)    | index in a hash table: low bits
 */
import { EngineError } from './errors.js';

const MAX_KEY_GROUPS = 32768;
const TWO_32 = 2 ** 32;

/** @returns uint32 hash of `bytes[start .. end)` */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let a = 0x2545f491;
  let b = 0x6c62272e;
  let c = 0x07bb0142;
  let d = 0x62b82175;
  let at = start;
  do {
    a = lane(a, wordAt(bytes, at, end), 0x9e3779b1, 0xb5297a4d);
    b = lane(b, wordAt(bytes, at + 4, end), 0x85ebca77, 0x68e31da5);
    c = lane(c, wordAt(bytes, at + 8, end), 0xc2b2ae3d, 0x1b56c4f5);
    d = lane(d, wordAt(bytes, at + 12, end), 0x27d4eb2f, 0x7feb352d);
    at += 16;
  } while (at < end);
  let h = (a + b + c + d + Math.imul(end - start, 0x165667b1)) | 0;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca77);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae3d);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Sets the last four of a key's 16 bytes so that its `hashBytes` is `hash`: keys that the engine makes itself go to the
 * key group it wants. Every step of the hash can be undone, because its factors are odd.
 */
export function steerHash(key: Uint8Array, hash: number): void {
  if (key.length !== 16) throw new EngineError('internal', `only keys of 16 bytes can be steered, got ${key.length}`);
  let sum = unshift(hash, 16);
  sum = unshift(Math.imul(sum, INVERSE_C2B2AE3D), 13);
  sum = unshift(Math.imul(sum, INVERSE_85EBCA77), 15);
  const a = lane(0x2545f491, wordAt(key, 0, 16), 0x9e3779b1, 0xb5297a4d);
  const b = lane(0x6c62272e, wordAt(key, 4, 16), 0x85ebca77, 0x68e31da5);
  const c = lane(0x07bb0142, wordAt(key, 8, 16), 0xc2b2ae3d, 0x1b56c4f5);
  const d = Math.imul((sum - a - b - c - Math.imul(16, 0x165667b1)) | 0, INVERSE_7FEB352D);
  const word = Math.imul(((d >>> 13) | (d << 19)) - 0x62b82175, INVERSE_27D4EB2F);
  new DataView(key.buffer, key.byteOffset).setInt32(12, word, true);
}

/** x, where h = x ^ (x >>> bits). */
function unshift(h: number, bits: number): number {
  let x = h;
  for (let known = bits; known < 32; known += bits) x = h ^ (x >>> bits);
  return x;
}

/** What times the factor is 1, modulo 2^32. */
const INVERSE_C2B2AE3D = inverseOf(0xc2b2ae3d);
const INVERSE_85EBCA77 = inverseOf(0x85ebca77);
const INVERSE_7FEB352D = inverseOf(0x7feb352d);
const INVERSE_27D4EB2F = inverseOf(0x27d4eb2f);

/** Newton's steps: each doubles the number of bits that are right, of an odd factor the first three are. */
function inverseOf(factor: number): number {
  let inverse = factor;
  for (let step = 0; step < 4; step++) inverse = Math.imul(inverse, 2 - Math.imul(factor, inverse));
  return inverse;
}

function lane(state: number, word: number, before: number, after: number): number {
  const sum = (state + Math.imul(word, before)) | 0;
  return Math.imul((sum << 13) | (sum >>> 19), after);
}

/** Little-endian u32 at `at`, as if zeros followed `end`. */
function wordAt(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  let word = 0;
  for (let i = at, shift = 0; i < end; i++, shift += 8) word |= bytes[i] << shift;
  return word;
}

/** The key group of a hash: its top bits. @param numKeyGroups a power of two, see `checkKeyGroups` */
export function keyGroupOf(hash: number, numKeyGroups: number): number {
  return Math.floor((hash * numKeyGroups) / TWO_32);
}

/**
 * The partition a hash belongs to. Up to as many partitions as key groups, whole key groups stay together, so that state
 * can be cut anew at a restart; beyond that (stateless shuffles only) the whole hash decides.
 */
export function partitionOf(hash: number, numPartitions: number, numKeyGroups: number): number {
  return numPartitions <= numKeyGroups
    ? Math.floor((keyGroupOf(hash, numKeyGroups) * numPartitions) / numKeyGroups)
    : Math.floor((hash * numPartitions) / TWO_32);
}

/** The key groups `from <= g < to`. */
export interface KeyGroupRange {
  readonly from: number;
  readonly to: number;
}

/** The key groups `from <= g < to` of a partition. Throws `optionInvalid` when there are more partitions than key groups. */
export function keyGroupRange(partition: number, numPartitions: number, numKeyGroups: number): KeyGroupRange {
  if (numPartitions > numKeyGroups) {
    throw new EngineError(
      'optionInvalid',
      `state wants at most as many partitions as key groups, got ${numPartitions} partitions and ${numKeyGroups} key groups: ` +
        'use fewer partitions, or start with more key groups in a new checkpoint directory',
    );
  }
  return {
    from: Math.ceil((partition * numKeyGroups) / numPartitions),
    to: Math.ceil(((partition + 1) * numKeyGroups) / numPartitions),
  };
}

/** Throws `optionInvalid` unless `numKeyGroups` is a power of two from 1 to 32768. */
export function checkKeyGroups(numKeyGroups: number): void {
  if (
    Number.isInteger(numKeyGroups) &&
    numKeyGroups >= 1 &&
    numKeyGroups <= MAX_KEY_GROUPS &&
    (numKeyGroups & (numKeyGroups - 1)) === 0
  )
    return;
  throw new EngineError(
    'optionInvalid',
    `keyGroups wants a power of two from 1 to ${MAX_KEY_GROUPS}, got ${numKeyGroups}`,
  );
}
