import type { Decoder } from '../columnar/decoder.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';

/**
 * Which bytes of a region a decoded row came from, for the few rows of which that is asked: decoders keep no places, but
 * a beginning of the region gives the row just when it holds all of its record. Works for every format that is text.
 *
 *   region    a,1\n b,2\n c,3\n            row 1
 *   decoded   ------------>                the shortest beginning that gives two rows: the record's end
 *             ----------->                 one byte less: what is consumed of it is the record's start
 *
 * O(log bytes) decodings. Leaves scratch as it was; what was decoded before is overwritten.
 *
 * @param row number of the row in the region
 * @returns offsets in the region, the record's line end included
 */
export function locateRow(
  decoder: Decoder,
  memory: SlotMemory,
  address: Address,
  byteLength: number,
  row: number,
): { readonly start: number; readonly end: number } {
  const mark = memory.scratchMark();
  const decode = (bytes: number): { readonly numRows: number; readonly consumed: number } => {
    if (bytes === 0) return { numRows: 0, consumed: 0 };
    const { chunk, consumed } = decoder.decode(address, bytes, false);
    memory.releaseScratch(mark);
    return { numRows: chunk.numRows, consumed };
  };
  const whole = decode(byteLength);
  // The last record of the input, which has no line end.
  if (whole.numRows <= row) return { start: whole.consumed, end: byteLength };
  let without = 0;
  let end = byteLength;
  while (end - without > 1) {
    const middle = Math.floor((without + end) / 2);
    if (decode(middle).numRows > row) end = middle;
    else without = middle;
  }
  return { start: decode(without).consumed, end };
}
