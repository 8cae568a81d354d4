import { makeDecoder } from '../../lib/columnar/decoder.js';
import type { BadSlice } from '../../lib/columnar/decoder.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import type { Format } from '../../lib/core/format.js';

const LIMIT_BYTES = 64 * 1024 * 1024;
const PAGE_BYTES = 65536;

/**
 * A slot's memory grown to its end, so that `putAtEnd` can place input where one byte read too many is a trap.
 * The allocator never hands that place out: it lies beyond the limit, or far from where a spec's scratch is.
 */
export function fullMemory(): SlotMemory {
  const memory = createSlotMemory(LIMIT_BYTES);
  memory.grow(Math.ceil(LIMIT_BYTES / PAGE_BYTES) + 1 - memory.buffer.byteLength / PAGE_BYTES);
  return new SlotMemory(0, memory, LIMIT_BYTES);
}

/** Copies bytes to the very end of the memory; returns their address. */
export function putAtEnd(memory: SlotMemory, bytes: Uint8Array): number {
  const address = memory.memory.buffer.byteLength - bytes.byteLength;
  memory.bytes(address, bytes.byteLength).set(bytes);
  return address;
}

export interface Read {
  readonly rows: readonly unknown[];
  readonly bad: readonly BadSlice[];
}

export interface ReadOptions {
  readonly columns?: readonly string[];
  readonly header?: readonly string[];
  /** Ends of the regions before the last one, ascending. */
  readonly cuts?: readonly number[];
}

/**
 * Reads all of the input, as a reader does: region by region, what a region leaves is the beginning of the next.
 * Offsets of bad records count from the beginning of the input.
 */
export function readAll(
  memory: SlotMemory,
  format: Format,
  input: string | Uint8Array,
  options: ReadOptions = {},
): Read {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const decoder = makeDecoder(memory, format, options.columns, options.header);
  const rows: unknown[] = [];
  const bad: BadSlice[] = [];
  let start = 0;
  for (const end of [...(options.cuts ?? []), bytes.byteLength]) {
    const mark = memory.scratchMark();
    const region = bytes.subarray(start, end);
    const address = putAtEnd(memory, region);
    const { chunk, consumed, bad: slices } = decoder.decode(address, region.byteLength, end === bytes.byteLength);
    rows.push(...rowsOf(chunk));
    for (const slice of slices) bad.push({ ...slice, offset: slice.offset + start });
    memory.releaseScratch(mark);
    start += consumed;
  }
  if (start !== bytes.byteLength) throw new Error(`${bytes.byteLength - start} bytes were not consumed`);
  return { rows, bad };
}
