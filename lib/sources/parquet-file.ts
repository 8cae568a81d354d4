/**
 * Where a Parquet file begins and ends, for the driver. It is read as a whole, because what its parts mean stands at its
 * end: so the file is the one record there is between two borders, and it is complete when the magic bytes are at its end.
 */
import { bytesAt } from './arrow-borders.js';
import type { InputBlock } from './input-block.js';

const MAGIC = 'PAR1';
const MAGIC_BYTES = 4;
/** Magic bytes at both ends, and between them the length of the metadata. */
const MIN_BYTES = 12;
/** A task has a file whole in its memory, and its rows beside it. */
export const MAX_PARQUET_BYTES = 512 * 1024 * 1024;

/** @returns 'foreign' where the first bytes are another format's */
export function parquetStateOf(input: InputBlock, size: number): 'complete' | 'incomplete' | 'foreign' {
  if (size < MAGIC_BYTES) return 'incomplete';
  if (bytesAt(input, 0, MAGIC_BYTES).toString('latin1') !== MAGIC) return 'foreign';
  const isComplete = size >= MIN_BYTES && bytesAt(input, size - MAGIC_BYTES, MAGIC_BYTES).toString('latin1') === MAGIC;
  return isComplete ? 'complete' : 'incomplete';
}

/** As `bordersBefore`. */
export const parquetBorders = (input: InputBlock, from: number, targets: readonly number[]): number[] =>
  targets.map(target => (target >= input.size ? (parquetBorder(input, from) ?? from) : from));

/** Where the file ends, if it is complete and all of it is still to be read. */
export function parquetBorder(input: InputBlock, from: number): number | undefined {
  const isWhole = from === 0 && input.size <= MAX_PARQUET_BYTES;
  return isWhole && parquetStateOf(input, input.size) === 'complete' ? input.size : undefined;
}
