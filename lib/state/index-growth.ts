/**
 * The index of a key group: segments of 16 to 4096 slots under a directory of 2^depth places. A full segment that is not
 * yet large doubles; a large one is cut in two by one more bit of the hash, and the directory doubles when it has no two
 * places for them. So a step moves a few thousand keys at the most. Layout: `table-layout.ts`.
 */
import { EngineError } from '../core/errors.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import * as layout from './table-layout.js';

const MIN_LOG = 4;
const LARGE_LOG = 12;
/** Beyond this depth, where only keys of nearly one hash come together, segments double on. */
const MAX_DEPTH = 14;
const MAX_LOG = 19;
/** Keys of a segment that an index is made with: it is cut when it has half as many more. */
const FIRST_KEYS = 2048;

/** An empty index for about `rows` keys. Throws `memoryLimit`. */
export function newIndex(memory: SlotMemory, rows: number): Address {
  const depth = Math.min(MAX_DEPTH, Math.max(0, Math.ceil(Math.log2(rows / FIRST_KEYS))));
  const index = newDirectory(memory, depth);
  const log = Math.max(MIN_LOG, Math.min(LARGE_LOG, Math.ceil(Math.log2((rows / 2 ** depth) * 1.4 + 2))));
  const segments: number[] = [];
  try {
    while (segments.length < 2 ** depth) segments.push(newSegment(memory, log, depth));
  } catch (error) {
    for (const segment of segments) memory.free(addressOf(segment));
    memory.free(index);
    throw error;
  }
  memory.u32.set(segments, index / 4 + layout.I_SEGMENTS);
  memory.u32[index / 4 + layout.I_BYTES] = segments.length * bytesOfSegment(log);
  return index;
}

export function freeIndex(memory: SlotMemory, index: Address): void {
  for (const segment of layout.segmentsOf(memory.u32, index)) memory.free(segment);
  memory.free(index);
}

/** Whether the segment of a hash takes one more key. */
export function hasSlotFor(memory: SlotMemory, table: Address, index: Address, hash: number): boolean {
  const segment = memory.u32[index / 4 + layout.I_SEGMENTS + placeOf(memory, table, index, hash)];
  const used = memory.u32[addressOf(segment) / 4 + layout.S_USED];
  return (used + 2) * 4 <= 2 ** logOf(segment) * 3;
}

/** Gives the segment of a hash more free slots. Throws `memoryLimit`. @returns keys that were moved */
export function makeSlots(memory: SlotMemory, table: Address, group: number, hash: number): number {
  const { u32 } = memory;
  const index = u32[table / 4 + layout.T_GROUPS + group * 2 + 1];
  const place = placeOf(memory, table, index, hash);
  const segment = u32[index / 4 + layout.I_SEGMENTS + place];
  const address = addressOf(segment);
  const log = logOf(segment);
  const depth = u32[address / 4 + layout.S_DEPTH];
  const live = u32[address / 4 + layout.S_USED] - u32[address / 4 + layout.S_REMOVED];
  if (live * 2 <= 2 ** log) return rebuild(memory, table, group, place, log);
  if (log < LARGE_LOG || depth >= MAX_DEPTH) {
    if (log < MAX_LOG) return rebuild(memory, table, group, place, log + 1);
    throw new EngineError(
      'memoryLimit',
      `${live} keys of the state have nearly one hash, more than can be told apart: choose keys that differ more`,
    );
  }
  if (depth === u32[index / 4 + layout.I_DEPTH]) doubleDirectory(memory, table, group);
  return split(memory, table, group, hash);
}

/** Puts the keys of a segment into a fresh one. */
function rebuild(memory: SlotMemory, table: Address, group: number, place: number, log: number): number {
  const index = memory.u32[table / 4 + layout.T_GROUPS + group * 2 + 1];
  const old = memory.u32[index / 4 + layout.I_SEGMENTS + place];
  const depth = memory.u32[addressOf(old) / 4 + layout.S_DEPTH];
  const fresh = newSegment(memory, log, depth);
  const moved = kernels(memory).stateSpread(table, group, old, fresh, fresh, 0) >>> 0;
  const { first, count } = placesOf(memory, index, place, depth);
  enter(memory, index, first, count, fresh);
  memory.u32[index / 4 + layout.I_BYTES] += bytesOfSegment(log) - bytesOfSegment(logOf(old));
  memory.free(addressOf(old));
  return moved;
}

/** Cuts the segment of a hash in two; the directory is deeper than it. */
function split(memory: SlotMemory, table: Address, group: number, hash: number): number {
  const index = memory.u32[table / 4 + layout.T_GROUPS + group * 2 + 1];
  const place = placeOf(memory, table, index, hash);
  const old = memory.u32[index / 4 + layout.I_SEGMENTS + place];
  const depth = memory.u32[addressOf(old) / 4 + layout.S_DEPTH];
  const low = newSegment(memory, logOf(old), depth + 1);
  let high = 0;
  try {
    high = newSegment(memory, logOf(old), depth + 1);
  } catch (error) {
    memory.free(addressOf(low));
    throw error;
  }
  const moved = kernels(memory).stateSpread(table, group, old, low, high, 2 ** (31 - depth)) >>> 0;
  const { first, count } = placesOf(memory, index, place, depth);
  enter(memory, index, first, count / 2, low);
  enter(memory, index, first + count / 2, count / 2, high);
  memory.u32[index / 4 + layout.I_BYTES] += bytesOfSegment(logOf(old));
  memory.free(addressOf(old));
  return moved;
}

function doubleDirectory(memory: SlotMemory, table: Address, group: number): void {
  const at = table / 4 + layout.T_GROUPS + group * 2 + 1;
  const old = memory.u32[at];
  const depth = memory.u32[old / 4 + layout.I_DEPTH];
  const index = newDirectory(memory, depth + 1);
  const { u32 } = memory;
  u32[index / 4 + layout.I_BYTES] = u32[old / 4 + layout.I_BYTES];
  for (let i = 0; i < 2 ** (depth + 1); i++)
    u32[index / 4 + layout.I_SEGMENTS + i] = u32[old / 4 + layout.I_SEGMENTS + (i >> 1)];
  Atomics.store(u32, at, index);
  memory.free(old);
}

function enter(memory: SlotMemory, index: Address, first: number, count: number, segment: number): void {
  for (let i = 0; i < count; i++) Atomics.store(memory.u32, index / 4 + layout.I_SEGMENTS + first + i, segment);
}

/** The places of a directory that a segment of this depth has. */
function placesOf(memory: SlotMemory, index: Address, place: number, depth: number): { first: number; count: number } {
  const count = 2 ** (memory.u32[index / 4 + layout.I_DEPTH] - depth);
  return { first: place - (place % count), count };
}

function placeOf(memory: SlotMemory, table: Address, index: Address, hash: number): number {
  const tag = Math.imul(hash, memory.u32[table / 4 + layout.T_KEY_GROUPS]) >>> 0;
  return Math.floor(tag / 2 ** (32 - memory.u32[index / 4 + layout.I_DEPTH]));
}

function newDirectory(memory: SlotMemory, depth: number): Address {
  const byteLength = layout.INDEX_HEADER_BYTES + 2 ** depth * 4;
  const index = memory.alloc(byteLength, 'lasting');
  memory.u32.set([byteLength, depth, 0, 0], index / 4);
  return index;
}

/** A cleared segment, as an index has it: with its size. */
function newSegment(memory: SlotMemory, log: number, depth: number): number {
  const byteLength = bytesOfSegment(log);
  const address = memory.alloc(byteLength, 'lasting');
  memory.u8.fill(0, address, address + byteLength);
  memory.u32.set([byteLength, 0, 0, depth], address / 4);
  return address + log - MIN_LOG;
}

const bytesOfSegment = (log: number): number => layout.SEGMENT_HEADER_BYTES + 2 ** log * 4;
const addressOf = (segment: number): Address => (segment & ~15) >>> 0;
const logOf = (segment: number): number => (segment & 15) + MIN_LOG;
