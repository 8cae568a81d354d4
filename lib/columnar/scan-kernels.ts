import type { Address } from './slot-memory.js';

/**
 * The kernels that read input bytes. Addresses that come back are signed (WebAssembly has no unsigned numbers): use
 * `>>> 0`. `index` is u32[]: addresses of the structural bytes of a region, in order, with room for 16 more than there
 * are. Layouts of `state`, `columns`, `fields` and `slots` stand at the head of the kernels' files.
 */
export interface ScanKernels {
  /** `result` u32[4]: structural bytes (quote, delimiter, LF), LFs, not 0 = not all ASCII, not 0 = a quote follows a quote. */
  csvCount(start: Address, end: Address, delimiter: number, result: Address): void;
  /** @returns how many structural bytes the region has */
  csvIndex(start: Address, end: Address, delimiter: number, index: Address): number;
  /** @returns 1: the record in `state` has to be decided by the caller, then call again; 0: no complete record is left */
  csvDecode(
    delimiter: number,
    indexEnd: Address,
    fields: Address,
    numFields: number,
    checkText: number,
    state: Address,
  ): number;
  /** As csvDecode, for a region that ends in LF. `columns` has entries of objects behind those of columns; `slots`: 2048 bytes. */
  jsonDecode(
    end: Address,
    columns: Address,
    numColumns: number,
    numObjects: number,
    checkText: number,
    slots: Address,
    state: Address,
  ): number;
  /** Whether a decoded row passes the filter whose tests these are (scan-filter.ts). */
  rowPasses(tests: Address, testsEnd: Address, row: number): number;
  /** `result` u32[2]: LFs, not 0 = not all ASCII. */
  lineCount(start: Address, end: Address, result: Address): void;
  /** @returns the address after the last LF, or `start` */
  lastLineEnd(start: Address, end: Address): Address;
  /** Slices of the lines of a region that ends in LF. @returns how many */
  wordCount(start: Address, end: Address): number;
  textWords(start: Address, end: Address, values: Address, lengths: Address): number;
  textLines(start: Address, end: Address, values: Address, lengths: Address): number;
  /** @returns 1 when the region is exactly UTF-8 */
  validUtf8(start: Address, end: Address): number;
  /**
   * Slices of rows from..to, copied one behind the other to `out` (16 bytes more are overwritten); `ends` u32[to - from]:
   * where each ends in UTF-16 units. @returns 0 when all are ASCII
   */
  gatherText(values: Address, lengths: Address, from: number, to: number, out: Address, ends: Address): number;
  /** Cuts UTF-8 at `start` into slices of `lengths[i]` UTF-16 units, and makes `lengths` bytes. @returns 0 when a cut splits a character */
  cutText(start: Address, values: Address, lengths: Address, numRows: number): number;
}
