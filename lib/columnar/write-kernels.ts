import type { Address } from './slot-memory.js';

/** The kernels that put text out (lib/kernels/write.ts); what the tables hold stands there. */
export interface WriteKernels {
  writeLines(
    columns: Address,
    numColumns: number,
    style: number,
    delimiter: number,
    from: number,
    to: number,
    out: Address,
    outEnd: Address,
    end: Address,
  ): number;
  integerLengths(kind: number, values: Address, n: number, lengths: Address): number;
  integerTexts(kind: number, values: Address, n: number, out: Address, starts: Address): void;
  concatLengths(parts: Address, numParts: number, n: number, lengths: Address): number;
  concatTexts(parts: Address, numParts: number, n: number, lengths: Address, out: Address, starts: Address): void;
}
