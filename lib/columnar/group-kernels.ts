import type { Address } from './slot-memory.js';

/**
 * Kernels of grouping, shuffling and state (lib/kernels/group.ts). All arguments are addresses, counts and codes; what
 * each does stands above it there. Addresses come back as signed numbers above 2 GiB: use `>>> 0`.
 */
export interface GroupKernels {
  hashSlices(values: Address, lengths: Address, n: number, out: Address): void;

  slicesFromLengths(lengths: Address, n: number, base: Address, values: Address): number;
  slicesFromOffsets(
    offsets: Address,
    n: number,
    base: Address,
    byteLength: number,
    values: Address,
    lengths: Address,
  ): number;
  slicesBytes(lengths: Address, n: number, validity: Address): number;
  slicesGather(values: Address, lengths: Address, n: number, validity: Address, offsets: Address, data: Address): void;
  packBits(bytes: Address, n: number, out: Address): void;
  countZeroBits(bits: Address, n: number): number;
  widen(kind: number, values: Address, n: number, toFloat: number, out: Address): void;

  maskNumbers(
    kind: number,
    values: Address,
    n: number,
    less: number,
    equal: number,
    greater: number,
    invert: number,
    constant: number,
    out: Address,
  ): void;
  maskTextEquals(
    values: Address,
    lengths: Address,
    n: number,
    text: Address,
    length: number,
    invert: number,
    validity: Address,
    out: Address,
  ): void;
  maskTextOrder(
    values: Address,
    lengths: Address,
    n: number,
    text: Address,
    length: number,
    less: number,
    equal: number,
    greater: number,
    validity: Address,
    out: Address,
  ): void;
  maskNulls(validity: Address, n: number, out: Address): void;
  maskIsNull(validity: Address, n: number, out: Address): void;
  maskAnd(a: Address, b: Address, n: number): void;
  maskOr(a: Address, b: Address, n: number): void;
  maskNot(a: Address, n: number): void;
  maskTrue(a: Address, n: number): void;

  keyMeasure(
    kind: number,
    nullable: number,
    last: number,
    lengths: Address,
    validity: Address,
    n: number,
    sizes: Address,
  ): void;
  keyAppend(
    kind: number,
    nullable: number,
    last: number,
    values: Address,
    lengths: Address,
    validity: Address,
    n: number,
    cursors: Address,
  ): void;
  keyTake(
    kind: number,
    nullable: number,
    last: number,
    cursors: Address,
    ends: Address,
    n: number,
    values: Address,
    lengths: Address,
    validity: Address,
  ): number;
  sliceEnds(values: Address, lengths: Address, n: number, out: Address): void;

  groupFind(
    header: Address,
    values: Address,
    lengths: Address,
    hashes: Address,
    start: number,
    n: number,
    groups: Address,
    rest: Address,
  ): number;
  groupReindex(header: Address): void;
  groupSelect(groups: Address, n: number, mask: Address, validity: Address, bit: number, out: Address): void;
  groupAccumulate(header: Address, which: number, kind: number, groups: Address, n: number, values: Address): void;
  groupKeys(header: Address, values: Address, lengths: Address, hashes: Address): number;
  groupNone(kind: number, values: Address, n: number, out: Address): number;
  groupColumn(header: Address, which: number, out: Address): void;
  groupPartition(
    header: Address,
    numPartitions: number,
    numKeyGroups: number,
    partitions: Address,
    counts: Address,
  ): void;
  groupScatter(header: Address, partitions: Address, targets: Address): void;

  stateFind(table: Address, key: Address, length: number, hash: number): Address;
  stateNextOfHash(table: Address, hash: number, after: Address): Address;
  stateLookup(table: Address, values: Address, lengths: Address, hashes: Address, n: number, refs: Address): void;
  stateSpread(table: Address, group: number, from: number, low: number, high: number, bit: number): number;
  stateReindex(table: Address, group: number, cursor: Address): number;
  stateCopyLive(table: Address, pages: Address, cursor: Address, to: Address, capacity: number): number;
  stateScan(
    table: Address,
    cursor: Address,
    until: number,
    maxRows: number,
    maxBytes: number,
    values: Address,
    lengths: Address,
    refs: Address,
  ): number;
  stateColumn(refs: Address, n: number, which: number, out: Address): void;
  stateValues(refs: Address, n: number, values: Address, lengths: Address): void;
  stateMerge(
    table: Address,
    refs: Address,
    from: number,
    to: number,
    n: number,
    columns: number,
    kinds: Address,
    firsts: Address,
    values: Address,
    rows: Address,
    count: number,
  ): number;
  compact32(array: Address, rows: Address, count: number): void;
  compact64(array: Address, rows: Address, count: number): void;
  stateApply(
    table: Address,
    delta: Address,
    keys: Address,
    lengths: Address,
    start: number,
    done: number,
    n: number,
    refs: Address,
    distinct: number,
  ): number;
  stateAppend(table: Address, group: number, key: Address, length: number, hash: number, valueLength: number): Address;
  stateCommit(table: Address, group: number, entry: Address): void;
  runFind(block: Address, end: Address, valueBytes: number, key: Address, length: number, hash: number): Address;
  runNextOfHash(entry: Address, end: Address, valueBytes: number, hash: number): Address;
  runNext(entry: Address, valueBytes: number): Address;
  runScan(
    entry: Address,
    end: Address,
    valueBytes: number,
    maxRows: number,
    values: Address,
    lengths: Address,
    hashes: Address,
    refs: Address,
  ): number;
  runMeasure(refs: Address, from: number, n: number, valueBytes: number, wanted: number, size: Address): number;
  runCopy(refs: Address, from: number, to: number, valueBytes: number, out: Address): void;
  runChecksum(at: Address, length: number): number;
  statePut(table: Address, group: number, entry: Address): number;
}
