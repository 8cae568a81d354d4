import type { Address } from './slot-memory.js';

/** Kernels that take rows by their numbers and join them to a hash table (lib/kernels/gather.ts, join-probe.ts). Addresses are of scratch. */
export interface JoinKernels {
  gather8(from: Address, indexes: Address, n: number, to: Address): void;
  gather32(from: Address, indexes: Address, n: number, to: Address): void;
  gather64(from: Address, indexes: Address, n: number, to: Address): void;
  /** @returns how many of the bits are 1 */
  gatherBits(bits: Address, indexes: Address, n: number, to: Address): number;
  /** @returns how many rows the mask has */
  maskRows(mask: Address, n: number, out: Address): number;

  joinProbe(
    header: Address,
    values: Address,
    lengths: Address,
    hashes: Address,
    n: number,
    groups: Address,
    rest: Address,
  ): void;
  joinSelect(groups: Address, n: number, found: number, out: Address): number;
  joinExpand(
    groups: Address,
    starts: Address,
    n: number,
    keepAll: number,
    cursor: Address,
    room: number,
    rows: Address,
    tableRows: Address,
  ): number;
  bitsOfNumbers(numbers: Address, n: number, out: Address): number;
  presentLengths(lengths: Address, validity: Address, n: number, out: Address): void;
}
