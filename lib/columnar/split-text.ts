import type { ColumnVector } from './chunk.js';
import type { Address, SlotMemory } from './slot-memory.js';

/** Pieces of the texts of a column, in order: slices of them, each with the row that it is of. */
export interface TextPieces {
  /** u32[count] row numbers, ascending. */
  readonly rows: Address;
  readonly count: number;
  readonly pieces: ColumnVector;
}

/**
 * Cuts each text where the separator is, in scratch; nothing is copied. An empty text is one empty piece, a null none.
 *
 * @param separator UTF-8, at least one byte: it is found in bytes, because no character begins within another
 */
export function splitText(memory: SlotMemory, text: ColumnVector, numRows: number, separator: Uint8Array): TextPieces {
  const count = forPieces(memory, text, numRows, separator, () => undefined);
  const rows = memory.scratch(count * 4);
  const values = memory.scratch(count * 4);
  const lengths = memory.scratch(count * 4);
  const { u32 } = memory;
  forPieces(memory, text, numRows, separator, (row, start, end, i) => {
    u32[(rows >>> 2) + i] = row;
    u32[(values >>> 2) + i] = start;
    u32[(lengths >>> 2) + i] = end - start;
  });
  return { rows, count, pieces: { values, lengths, validity: 0 } };
}

/** Calls `visit` with the row and the addresses of each piece. @returns how many there are */
function forPieces(
  memory: SlotMemory,
  { values, lengths, validity }: ColumnVector,
  numRows: number,
  separator: Uint8Array,
  visit: (row: number, start: Address, end: Address, index: number) => void,
): number {
  const { u8, u32 } = memory;
  const size = separator.byteLength;
  const first = separator[0];
  let count = 0;
  for (let row = 0; row < numRows; row++) {
    if (validity !== 0 && ((u8[validity + (row >>> 3)] >>> (row & 7)) & 1) === 0) continue;
    let start = u32[(values >>> 2) + row];
    const end = start + u32[(lengths >>> 2) + row];
    for (let at = start; at + size <= end;) {
      if (u8[at] !== first || !isAt(u8, at, separator)) at++;
      else {
        visit(row, start, at, count++);
        at += size;
        start = at;
      }
    }
    visit(row, start, end, count++);
  }
  return count;
}

function isAt(u8: Uint8Array, at: Address, bytes: Uint8Array): boolean {
  for (let i = 1; i < bytes.byteLength; i++) if (u8[at + i] !== bytes[i]) return false;
  return true;
}
