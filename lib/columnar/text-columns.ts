/** Columns of text that kernels make of other columns, in scratch. */
import { EngineError } from '../core/errors.js';
import type { ColumnVector } from './chunk.js';
import { KIND_CODE } from './column-layout.js';
import { kernels } from './kernels.js';
import type { Slices } from './keys.js';
import type { Address, SlotMemory } from './slot-memory.js';

const PART_BYTES = 16;
/** The kernels copy 16 bytes at a time. */
const SLACK = 16;
const MAX_BYTES = 2 ** 31;

/** One of the texts that rows are put together of: a column's, or the same for every row. */
export type TextPart =
  | { readonly kind: 'column'; readonly vector: ColumnVector }
  | { readonly kind: 'constant'; readonly bytes: Uint8Array };

/** Whole numbers in decimal. */
export function integersAsText(
  memory: SlotMemory,
  { values, validity }: ColumnVector,
  kind: 'int32' | 'int64',
  numRows: number,
): ColumnVector {
  const k = kernels(memory);
  const lengths = memory.scratch(numRows * 4);
  const starts = memory.scratch(numRows * 4);
  const out = memory.scratch(checkedBytes(k.integerLengths(KIND_CODE[kind], values, numRows, lengths)));
  k.integerTexts(KIND_CODE[kind], values, numRows, out, starts);
  return { values: starts, lengths, validity };
}

/** Texts one behind the other, row by row: an empty one where a part is null. */
export function concatenated(memory: SlotMemory, parts: readonly TextPart[], numRows: number): Slices {
  const k = kernels(memory);
  const table = memory.scratch(parts.length * PART_BYTES);
  const entries = parts.map(part => entryOf(memory, part));
  entries.forEach((entry, i) => memory.u32.set(entry, (table + i * PART_BYTES) >>> 2));
  const lengths = memory.scratch(numRows * 4);
  const starts = memory.scratch(numRows * 4);
  const out = memory.scratch(checkedBytes(k.concatLengths(table, parts.length, numRows, lengths)) + SLACK);
  k.concatTexts(table, parts.length, numRows, lengths, out, starts);
  return { values: starts, lengths };
}

function entryOf(memory: SlotMemory, part: TextPart): readonly number[] {
  if (part.kind === 'column') return [part.vector.values, part.vector.lengths, part.vector.validity, 0];
  const slice = memory.scratch(8);
  const address: Address = memory.scratch(part.bytes.byteLength + SLACK);
  memory.u8.set(part.bytes, address);
  memory.u32.set([address, part.bytes.byteLength], slice >>> 2);
  return [slice, slice + 4, 0, 1];
}

function checkedBytes(byteLength: number): number {
  if (byteLength < MAX_BYTES) return byteLength;
  throw new EngineError(
    'memoryLimit',
    `the texts of one chunk want ${byteLength} bytes, and may have ${MAX_BYTES}: make shorter ones`,
  );
}
