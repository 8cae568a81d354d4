import type { Address } from './slot-memory.js';

/**
 * Kernels of operations on columns (lib/kernels/text.ts): functions of text, the rows that a condition selects, order.
 * All arguments are addresses, counts and 0 or 1; what each does stands above it there. `step`: 4, or 0 for a slice that
 * stands for all rows.
 */
export interface TextKernels {
  gather8(from: Address, indexes: Address, n: number, to: Address): void;
  gather32(from: Address, indexes: Address, n: number, to: Address): void;
  gather64(from: Address, indexes: Address, n: number, to: Address): void;
  /** @returns how many of the bits are 1 */
  gatherBits(bits: Address, indexes: Address, n: number, to: Address): number;
  bitsAnd(a: Address, b: Address, n: number, out: Address): void;
  /** @returns how many rows the mask has */
  maskRows(mask: Address, n: number, out: Address): number;

  textContains(
    values: Address,
    lengths: Address,
    step: number,
    parts: Address,
    partLengths: Address,
    partStep: number,
    validity: Address,
    n: number,
    out: Address,
  ): void;
  /** @returns not 0 when `textContainsDense` can do it */
  textIsDense(values: Address, lengths: Address, n: number): number;
  textContainsDense(values: Address, lengths: Address, n: number, text: Address, m: number, out: Address): void;
  textStarts(
    values: Address,
    lengths: Address,
    step: number,
    parts: Address,
    partLengths: Address,
    partStep: number,
    atEnd: number,
    validity: Address,
    n: number,
    out: Address,
  ): void;
  textEquals(
    values: Address,
    lengths: Address,
    step: number,
    others: Address,
    otherLengths: Address,
    otherStep: number,
    invert: number,
    validity: Address,
    n: number,
    out: Address,
  ): void;
  textOrder(
    values: Address,
    lengths: Address,
    step: number,
    others: Address,
    otherLengths: Address,
    otherStep: number,
    less: number,
    equal: number,
    greater: number,
    validity: Address,
    n: number,
    out: Address,
  ): void;
  textLike(
    values: Address,
    lengths: Address,
    steps: Address,
    numSteps: number,
    validity: Address,
    n: number,
    out: Address,
  ): void;
  textLengths(values: Address, lengths: Address, validity: Address, n: number, out: Address): void;
  /** @returns how many rows are left to the caller */
  textCase(
    values: Address,
    lengths: Address,
    validity: Address,
    n: number,
    first: number,
    out: Address,
    outValues: Address,
    outLengths: Address,
    rest: Address,
  ): number;

  /** @returns how many pieces there are */
  textSplit(
    values: Address,
    lengths: Address,
    validity: Address,
    n: number,
    separator: Address,
    m: number,
    rows: Address,
    outValues: Address,
    outLengths: Address,
  ): number;

  sortMeasure(kind: number, nullable: number, lengths: Address, validity: Address, n: number, sizes: Address): void;
  sortAppend(
    kind: number,
    nullable: number,
    descending: number,
    values: Address,
    lengths: Address,
    validity: Address,
    n: number,
    cursors: Address,
  ): void;
  sortRows(values: Address, lengths: Address, n: number, entries: Address, spare: Address, order: Address): void;
  /** @returns how many rows are before the bound */
  sortBefore(values: Address, lengths: Address, n: number, bound: Address, length: number, out: Address): number;

  packText(values: Address, lengths: Address, n: number, validity: Address, outLengths: Address, data: Address): void;
  bitsAppend(from: Address, n: number, bits: Address, to: number): void;
  rowsByPartition(
    hashes: Address,
    n: number,
    numPartitions: number,
    numKeyGroups: number,
    starts: Address,
    order: Address,
  ): void;
  /** @returns how many rows came first with their group */
  firstOfGroups(groups: Address, n: number, known: number, firstRow: number, out: Address): number;
}
