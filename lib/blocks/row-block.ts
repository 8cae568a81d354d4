/**
 * Rows of any JSON-like type as blocks in a slot's memory: what shuffles and caches keep. Reading makes values of the
 * reader's own heap, so nothing holds on to the block. What follows the header (`block-layout.ts`):
 *
 *   rows    each row's encoded value (`core/value-codec.ts`), one after another
 *   pairs   for each pair:
 *           u32 hash of the key's canonical bytes | varint k | k canonical bytes of the key | encoded value
 *
 * The hash is `core/hash.ts`, so the reader finds a state table's slot without hashing again; the key's bytes are those
 * of `core/value-key.ts`, so that it compares keys without decoding. Rows keep their order within a block.
 */
import { EngineError } from '../core/errors.js';
import { hashBytes, partitionOf } from '../core/hash.js';
import { ValueWriter } from '../core/value-encode.js';
import { writeKey } from '../core/value-key.js';
import type { ValueReader } from '../core/value-decode.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { asDamaged, BlockBuilder, expectEnd, finishBlocks, openBlock, type WrittenBlock } from './block-layout.js';

/** Writes rows as one block, or gives null when there are none. Throws `typeMismatch` for a row that is not plain data, `memoryLimit`. */
export function writeRowBlock(memory: SlotMemory, rows: Iterable<unknown>): WrittenBlock | null {
  const builder = new BlockBuilder('rows');
  for (const row of rows) {
    builder.writer.write(row);
    builder.numRows++;
  }
  return builder.finish(memory);
}

/** The rows of a block, in order. Throws `BlockDamaged`. */
export function readRowBlock(bytes: Uint8Array): unknown[] {
  const { numRows, reader } = openBlock(bytes, 'rows');
  try {
    const rows: unknown[] = [];
    for (let i = 0; i < numRows; i++) rows.push(reader.read());
    expectEnd(reader);
    return rows;
  } catch (error) {
    throw asDamaged(error, 'rows', numRows);
  }
}

/**
 * Spreads the rows of one map task evenly over partitions, for `repartition`: row i of map partition m goes to
 * partition (m + i) mod n. Each attempt gives the same blocks, and short map partitions don't all begin with the same
 * one. The blocks are row blocks. Used once.
 */
export class RoundRobinPartitioner {
  readonly #memory: SlotMemory;
  readonly #builders: readonly BlockBuilder[];
  #next: number;

  constructor(memory: SlotMemory, numPartitions: number, mapPartition: number) {
    this.#memory = memory;
    this.#builders = Array.from({ length: numPartitions }, () => new BlockBuilder('rows'));
    this.#next = mapPartition % numPartitions;
  }

  /** Throws `typeMismatch` for a row that is not plain data; then it does not count. */
  add(row: unknown): void {
    const builder = this.#builders[this.#next] as BlockBuilder;
    builder.writer.write(row);
    builder.numRows++;
    this.#next = this.#next + 1 === this.#builders.length ? 0 : this.#next + 1;
  }

  /** One block for each partition, or null where it has no rows. Throws `memoryLimit`; then no block is left. */
  finish(): (WrittenBlock | null)[] {
    return finishBlocks(this.#memory, this.#builders);
  }
}

/** Takes the pairs of one map task and makes a block for each reduce partition. Used once. */
export class PairPartitioner {
  readonly #memory: SlotMemory;
  readonly #numPartitions: number;
  readonly #numKeyGroups: number;
  readonly #builders: readonly BlockBuilder[];
  readonly #custom: ((key: unknown) => number) | undefined;
  readonly #key = new ValueWriter();

  /** @param custom where a key goes, if not by its hash */
  constructor(memory: SlotMemory, numPartitions: number, numKeyGroups: number, custom?: (key: unknown) => number) {
    this.#custom = custom;
    this.#memory = memory;
    this.#numPartitions = numPartitions;
    this.#numKeyGroups = numKeyGroups;
    this.#builders = Array.from({ length: numPartitions }, () => new BlockBuilder('pairs'));
  }

  /** Throws `typeMismatch` for a key or value that is not plain data; then nothing of the pair stays. */
  add(key: unknown, value: unknown): void {
    const keyWriter = this.#key;
    keyWriter.reset();
    writeKey(keyWriter, key);
    const hash = hashBytes(keyWriter.buffer, 0, keyWriter.length);
    this.#append(this.#builderOf(key, hash), hash, keyWriter.buffer, 0, keyWriter.length, value);
  }

  /** The same for a key whose canonical bytes are `bytes[start .. end)`. @param key what a partitioner of the job's own is given */
  addEncoded(hash: number, bytes: Uint8Array, start: number, end: number, key: unknown, value: unknown): void {
    this.#append(this.#builderOf(key, hash), hash, bytes, start, end, value);
  }

  #append(
    builder: BlockBuilder,
    hash: number,
    bytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: unknown,
  ): void {
    const writer = builder.writer;
    const start = writer.length;
    writer.writeUint32(hash);
    writer.writeVarint(keyEnd - keyStart);
    writer.append(bytes, keyStart, keyEnd);
    try {
      writer.write(value);
    } catch (error) {
      writer.truncate(start);
      throw error;
    }
    builder.numRows++;
  }

  #builderOf(key: unknown, hash: number): BlockBuilder {
    const custom = this.#custom;
    const partition = custom === undefined ? partitionOf(hash, this.#numPartitions, this.#numKeyGroups) : custom(key);
    const builder = this.#builders[partition];
    if (builder !== undefined) return builder;
    throw new EngineError(
      'typeMismatch',
      `a partitioner wants to give an integer from 0 to ${this.#numPartitions - 1}, it gave ${String(partition)} ` +
        `for key ${JSON.stringify(key) ?? String(key)}`,
    );
  }

  /** One block for each partition, or null where it has no pairs. Throws `memoryLimit`; then no block is left. */
  finish(): (WrittenBlock | null)[] {
    return finishBlocks(this.#memory, this.#builders);
  }
}

/** Goes through the pairs of one block, in order: `while (pairs.next()) use(pairs.key, pairs.value)`. */
export class PairReader {
  readonly numRows: number;
  readonly #reader: ValueReader;
  #left: number;
  /** Hash of the key's bytes. */
  hash = 0;
  /** The key's canonical bytes are `bytes[keyStart .. keyEnd)` of the block. */
  keyStart = 0;
  keyEnd = 0;
  key: unknown;
  value: unknown;

  /** @param bytes the whole block, read in place; throws `BlockDamaged` */
  constructor(bytes: Uint8Array) {
    const { numRows, reader } = openBlock(bytes, 'pairs');
    this.numRows = numRows;
    this.#reader = reader;
    this.#left = numRows;
  }

  /** Moves to the next pair; false when there is none. Throws `BlockDamaged`. */
  next(): boolean {
    const reader = this.#reader;
    try {
      if (this.#left === 0) {
        expectEnd(reader);
        return false;
      }
      this.hash = reader.readUint32();
      const keyBytes = reader.readVarint();
      this.keyStart = reader.offset;
      this.keyEnd = this.keyStart + keyBytes;
      this.key = reader.read();
      if (reader.offset !== this.keyEnd)
        throw new Error(`a key of ${keyBytes} bytes took ${reader.offset - this.keyStart}`);
      this.value = reader.read();
    } catch (error) {
      throw asDamaged(error, 'pairs', this.numRows);
    }
    this.#left--;
    return true;
  }
}

/**
 * Calls `visit` for each pair of a block, in order. The view of the key's bytes lies in the block. `PairReader` does
 * the same without making views. Throws `BlockDamaged`.
 */
export function readPairs(
  bytes: Uint8Array,
  visit: (keyBytes: Uint8Array, hash: number, key: unknown, value: unknown) => void,
): void {
  const pairs = new PairReader(bytes);
  while (pairs.next()) visit(bytes.subarray(pairs.keyStart, pairs.keyEnd), pairs.hash, pairs.key, pairs.value);
}
