import type { ColumnChunk, ColumnVector } from './chunk.js';
import { kernels } from './kernels.js';
import type { SlotMemory } from './slot-memory.js';

/**
 * Text columns as strings. Making strings one by one costs 300 ns each; so the slices are copied together, decoded by
 * one call, and cut. A string cut out keeps all of that text alive, and keyed state may hold it for days: 16 KiB a piece
 * bounds what one kept string costs and still makes a call rare.
 */
const PIECE_BYTES = 16 * 1024;
/** Empty strings have no bytes to bound a piece by. */
const PIECE_ROWS = 4096;
/** The kernel copies 16 bytes at a time. */
const OUT_SLACK = 16;

/**
 * The strings of a utf8 column, null where it has none; for a column that was not decoded, all null.
 * Only the thread that owns the chunk's memory may call this: it borrows scratch.
 */
export function stringsOf(chunk: ColumnChunk, columnIndex: number): (string | null)[] {
  const { memory, numRows } = chunk;
  const column = chunk.columns[columnIndex];
  const strings: (string | null)[] = [];
  if (column === undefined) {
    for (let row = 0; row < numRows; row++) strings.push(null);
    return strings;
  }
  decodeText(memory, column, numRows, strings);
  if (column.validity !== 0) {
    const u8 = memory.u8;
    for (let row = 0; row < numRows; row++) {
      if (((u8[column.validity + (row >> 3)] >> (row & 7)) & 1) === 0) strings[row] = null;
    }
  }
  return strings;
}

function decodeText(memory: SlotMemory, column: ColumnVector, numRows: number, strings: (string | null)[]): void {
  const k = kernels(memory);
  const mark = memory.scratchMark();
  const out = memory.scratch(PIECE_BYTES + OUT_SLACK);
  const ends = memory.scratch(PIECE_ROWS * 4);
  const u32 = memory.u32;
  const bytes = Buffer.from(memory.memory.buffer);
  const lengths = column.lengths >>> 2;
  for (let from = 0; from < numRows;) {
    let to = from;
    let byteLength = 0;
    const last = Math.min(numRows, from + PIECE_ROWS);
    while (to < last && byteLength + u32[lengths + to] <= PIECE_BYTES) byteLength += u32[lengths + to++];
    if (to === from) {
      const start = u32[(column.values >>> 2) + from];
      strings.push(bytes.toString(chunkEncoding(1), start, start + u32[lengths + from]));
      from++;
      continue;
    }
    const high = k.gatherText(column.values, column.lengths, from, to, out, ends);
    const text = bytes.toString(chunkEncoding(high), out, out + byteLength);
    let start = 0;
    for (let i = 0; i < to - from; i++) {
      const end = u32[(ends >>> 2) + i];
      strings.push(text.slice(start, end));
      start = end;
    }
    from = to;
  }
  memory.releaseScratch(mark);
}

/** ASCII as latin1 is several times faster to decode, and half as large as anything else in memory. */
const chunkEncoding = (high: number): 'latin1' | 'utf8' => (high === 0 ? 'latin1' : 'utf8');
