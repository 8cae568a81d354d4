import type { ColumnVector } from './chunk.js';
import { kernels } from './kernels.js';
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
  const k = kernels(memory);
  const m = separator.byteLength;
  const at = memory.scratch(m);
  memory.u8.set(separator, at);
  const split = (rows: Address, values: Address, lengths: Address): number =>
    k.textSplit(text.values, text.lengths, text.validity, numRows, at, m, rows, values, lengths);
  const count = split(0, 0, 0);
  const rows = memory.scratch(count * 4);
  const pieces = { values: memory.scratch(count * 4), lengths: memory.scratch(count * 4), validity: 0 };
  split(rows, pieces.values, pieces.lengths);
  return { rows, count, pieces };
}
