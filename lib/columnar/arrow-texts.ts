/** Texts of an Arrow column or dictionary as slices, whole buffers at a time. */
import { ArrowDamage } from './arrow-body.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

/** Buffers in the slot's memory. */
export interface TextBuffers {
  /** int32 or int64, one more than there are rows. */
  readonly offsets: Address;
  readonly isWide: boolean;
  readonly bytes: Address;
  readonly numBytes: number;
  /** 0: no row is null. */
  readonly validity: Address;
}

/**
 * Fills `values` and `lengths`, u32[numRows]; null rows have no bytes.
 *
 * @returns rows whose bytes are not UTF-8; they have no bytes either
 */
export function readTexts(
  memory: SlotMemory,
  { offsets, isWide, bytes, numBytes, validity }: TextBuffers,
  numRows: number,
  values: Address,
  lengths: Address,
): readonly number[] {
  if (numRows === 0) return [];
  const k = kernels(memory);
  if (k.arrowTexts(offsets, Number(isWide), numRows, validity, bytes, numBytes, values, lengths) !== 0)
    throw new ArrowDamage('an offset of a text leads out of the texts');
  const kind = k.arrowTextClass(bytes, bytes + numBytes);
  if (kind === 0) return [];
  // All texts together may be UTF-8 where one alone is not, cut inside of a character.
  if (kind === 1 && k.arrowTextCuts(values, lengths, numRows, bytes + numBytes) === 0) return [];
  const bad: number[] = [];
  const { u32 } = memory;
  for (let row = 0, at = values >>> 2, lengthAt = lengths >>> 2; row < numRows; row++, at++, lengthAt++) {
    if (u32[lengthAt] === 0 || k.validUtf8(u32[at], u32[at] + u32[lengthAt]) !== 0) continue;
    bad.push(row);
    u32[at] = 0;
    u32[lengthAt] = 0;
  }
  return bad;
}
