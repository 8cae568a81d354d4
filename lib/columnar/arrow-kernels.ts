import type { Address } from './slot-memory.js';

/** The kernels that read columns of Arrow record batches; what each does stands above it in lib/kernels/arrow-read.ts. */
export interface ArrowKernels {
  arrowNumbers(source: number, values: Address, n: number, validity: Address, to: number, out: Address): void;
  arrowUnsafe(values: Address, n: number, validity: Address, unsigned: number): number;
  arrowInstants(
    values: Address,
    wide: number,
    n: number,
    validity: Address,
    mul: number,
    div: number,
    out: Address,
  ): number;
  arrowBits(bits: Address, n: number, validity: Address, out: Address): void;
  arrowTexts(
    offsets: Address,
    wide: number,
    n: number,
    validity: Address,
    bytes: Address,
    numBytes: number,
    values: Address,
    lengths: Address,
  ): number;
  arrowTextClass(start: Address, end: Address): number;
  arrowTextCuts(values: Address, lengths: Address, n: number, end: Address): number;
  arrowEntries(
    source: number,
    numbers: Address,
    n: number,
    validity: Address,
    entries: Address,
    entryLengths: Address,
    numEntries: number,
    values: Address,
    lengths: Address,
  ): number;
}

/** Number types in calls to these kernels: two for each width of integers, of which the second has no sign. */
export const NUMBER_CODE = { int8: 0, int16: 2, int32: 4, int64: 6, float32: 8, float64: 9 } as const;
