import type { Address } from './slot-memory.js';

/** Kernels that join rows to a hash table (lib/kernels/join-probe.ts). Addresses are of scratch. */
export interface JoinKernels {
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
