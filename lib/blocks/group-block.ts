/**
 * Partial aggregates of one map task for one reduce partition, in a slot's memory. Written by the slot's own worker,
 * read in place from every thread; groups keep the order in which the task met them.
 *
 *   offset  field (n groups, a aggregates)
 *        0  u32 magic, "SLUG"
 *        4  u32 n
 *        8  u32 a
 *       12  u32 bytes of all keys
 *       16  u32 bytes of the block
 *       20  u32 crc32 of what follows the header, or 0 when it was not asked for
 *       24  u32 bytes of the wide accumulators
 *       32  u32[n] hashes | u32[n] key lengths | accumulators, a columns of 8 bytes x n | keys | 16 bytes to spare |
 *           wide accumulators: an array of partials for each group, as values (`core/value-codec.ts`)
 *
 * Reading checks that all of this fits together, and the crc32 where there is one; else it throws `BlockDamaged`.
 */
import { crc32 } from 'node:zlib';
import type { GroupTable } from '../columnar/group-table.js';
import type { WideTable } from '../columnar/wide/wide-table.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { BlockDamaged } from './block-damaged.js';
import { PartialReader, partitionPartials } from './group-partials.js';
import type { WrittenBlock } from './block-layout.js';

const MAGIC = 0x47554c53;
const HEADER_BYTES = 32;
const SPARE_BYTES = 16;
/** Bytes of a partition's entry in the table that the placing kernel reads. */
const TARGET_BYTES = 32;

/**
 * Spreads a table's groups over partitions by the hash of their keys: one block (the caller's to free) for each, null
 * where there are none. Throws `memoryLimit`; then no block is left.
 *
 * @param options.checksum writes a crc32 into each block: about 1 ms for 3 MB
 * @param options.wide what is kept beside the table
 */
export function writeGroupBlocks(
  table: GroupTable,
  numPartitions: number,
  numKeyGroups: number,
  options: { readonly checksum?: boolean; readonly wide?: WideTable | undefined } = {},
): (WrittenBlock | null)[] {
  const { memory, numGroups } = table;
  const k = kernels(memory);
  const mark = memory.scratchMark();
  const partitions = memory.scratch(numGroups * 4);
  const counts = memory.scratch(numPartitions * 8);
  memory.u8.fill(0, counts, counts + numPartitions * 8);
  k.groupPartition(table.header, numPartitions, numKeyGroups, partitions, counts);
  const targets = memory.scratch(numPartitions * TARGET_BYTES);
  const wide = options.wide && partitionPartials(options.wide, memory.u32.subarray(partitions / 4), numGroups);
  const blocks: (WrittenBlock | null)[] = [];
  try {
    for (let p = 0; p < numPartitions; p++) {
      const numRows = memory.u32[counts / 4 + p * 2];
      const keyBytes = memory.u32[counts / 4 + p * 2 + 1];
      const target = targets + p * TARGET_BYTES;
      blocks.push(
        numRows === 0 ? null : makeBlock(memory, target, numRows, table.aggregates.length, keyBytes, wide?.get(p)),
      );
    }
  } catch (error) {
    for (const block of blocks) if (block !== null) memory.free(block.address);
    throw error;
  }
  k.groupScatter(table.header, partitions, targets);
  memory.releaseScratch(mark);
  if (options.checksum === true) {
    for (const block of blocks) {
      if (block !== null)
        memory.u32[block.address / 4 + 5] = bodyChecksum(memory.bytes(block.address, block.byteLength));
    }
  }
  return blocks;
}

/** Adds the groups of a block to a table that has the same aggregates, and to what is kept beside it. Throws `BlockDamaged`. */
export function mergeGroupBlock(table: GroupTable, block: Uint8Array, wide?: WideTable): void {
  const { memory } = table;
  const { numRows, keyBytes, wideBytes } = checkBlock(table, block);
  if (wide === undefined && wideBytes > 0)
    throw new BlockDamaged('groups without partials', `${wideBytes} bytes of them`);
  const partials = wide && new PartialReader(block.subarray(block.length - wideBytes), wide);
  const mark = memory.scratchMark();
  const address = localCopy(memory, block.subarray(0, block.length - wideBytes));
  const { hashes, lengths, values, keys } = layoutOf(address, numRows, table.aggregates.length);
  const slices = memory.scratch(numRows * 4);
  const sliced = kernels(memory).slicesFromLengths(lengths, numRows, keys, slices);
  if (sliced !== keyBytes) throw new BlockDamaged(`${keyBytes} key bytes`, `lengths that add up to ${sliced}`);
  const inputs = table.aggregates.map((_, a) => ({ values: values + a * numRows * 8 }));
  table.update({ values: slices, lengths, hashes }, numRows, inputs, partials?.visit);
  partials?.end();
  memory.releaseScratch(mark);
}

function layoutOf(address: Address, numRows: number, numAggregates: number) {
  const hashes = address + HEADER_BYTES;
  const lengths = hashes + numRows * 4;
  const values = lengths + numRows * 4;
  return { hashes, lengths, values, keys: values + numAggregates * numRows * 8 };
}

function makeBlock(
  memory: SlotMemory,
  target: Address,
  numRows: number,
  numAggregates: number,
  keyBytes: number,
  wide: Uint8Array = NOTHING,
): WrittenBlock {
  const wideAt = layoutOf(0, numRows, numAggregates).keys + keyBytes + SPARE_BYTES;
  const byteLength = wideAt + wide.length;
  const address = memory.alloc(byteLength);
  const { u32 } = memory;
  u32.set([MAGIC, numRows, numAggregates, keyBytes, byteLength, 0, wide.length, 0], address / 4);
  memory.u8.set(wide, address + wideAt);
  const { hashes, lengths, values, keys } = layoutOf(address, numRows, numAggregates);
  u32.set([hashes, lengths, values, keys, numRows], target / 4);
  return { address, byteLength, numRows };
}

const NOTHING = new Uint8Array(0);

function checkBlock(table: GroupTable, block: Uint8Array): { numRows: number; keyBytes: number; wideBytes: number } {
  const found = `${block.byteLength} bytes`;
  if (block.byteLength < HEADER_BYTES) throw new BlockDamaged(`at least ${HEADER_BYTES} bytes`, found);
  const header = new DataView(block.buffer, block.byteOffset, HEADER_BYTES);
  const [magic, numRows, numAggregates, keyBytes, byteLength, checksum, wideBytes] = [0, 4, 8, 12, 16, 20, 24].map(at =>
    header.getUint32(at, true),
  );
  if (magic !== MAGIC) throw new BlockDamaged(`magic 0x${MAGIC.toString(16)}`, `0x${magic.toString(16)}`);
  if (numAggregates !== table.aggregates.length) {
    throw new BlockDamaged(`groups of ${table.aggregates.length} aggregates`, `${numAggregates}`);
  }
  const wanted = layoutOf(0, numRows, numAggregates).keys + keyBytes + SPARE_BYTES + wideBytes;
  if (wanted !== byteLength || byteLength !== block.byteLength) throw new BlockDamaged(`${wanted} bytes`, found);
  if (checksum !== 0 && checksum !== bodyChecksum(block))
    throw new BlockDamaged('the crc32 it was written with', 'another');
  return { numRows, keyBytes, wideBytes };
}

/** 0 stands for "not checked", so a sum of 0 is kept as 1. */
const bodyChecksum = (block: Uint8Array): number => crc32(block.subarray(HEADER_BYTES)) || 1;

/** The block where the kernels can reach it: in place when it is in this slot's memory, else copied to scratch. */
function localCopy(memory: SlotMemory, block: Uint8Array): Address {
  if (block.buffer === memory.u8.buffer && block.byteOffset % 8 === 0) return block.byteOffset;
  const address = memory.scratch(block.byteLength);
  memory.u8.set(block, address);
  return address;
}
