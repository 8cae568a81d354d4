/**
 * How a block of rows lies in a slot's memory. Written by the slot's own worker, read in place from every thread.
 *
 *   offset  field
 *        0  u32 magic, "SLUB"
 *        4  u32 kind: 1 = rows, 2 = pairs
 *        8  u32 number of rows or pairs
 *       12  u32 number of bytes that follow
 *       16  the rows or pairs: `row-block.ts`
 *
 * A reader checks all of this, and that the bytes end where the last row does; else it throws `BlockDamaged`. Bytes
 * flipped inside a value may go unseen here: what must not is checked by the checksum of the block's reference.
 */
import { ValueReader } from '../core/value-decode.js';
import { ValueWriter } from '../core/value-encode.js';
import { messageOf } from '../core/errors.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { BlockDamaged } from './block-damaged.js';

/** A block just written: allocated in the slot's memory, the caller's to free. */
export interface WrittenBlock {
  readonly address: Address;
  readonly byteLength: number;
  readonly numRows: number;
}

export type BlockKind = 'rows' | 'pairs';

const MAGIC = 0x42554c53;
const KIND_NUMBER: Record<BlockKind, number> = { rows: 1, pairs: 2 };
const HEADER_BYTES = 16;

/** Rows on their way into one block. */
export class BlockBuilder {
  readonly #kind: BlockKind;
  /** What follows the header. */
  readonly writer = new ValueWriter();
  numRows = 0;

  constructor(kind: BlockKind) {
    this.#kind = kind;
  }

  /** Copies the rows into a block of `memory`, or gives null when there are none. Throws `memoryLimit`. */
  finish(memory: SlotMemory): WrittenBlock | null {
    if (this.numRows === 0) return null;
    const payload = this.writer.bytes();
    const byteLength = HEADER_BYTES + payload.length;
    const address = memory.alloc(byteLength);
    const header = memory.u32;
    const at = address / 4;
    header[at] = MAGIC;
    header[at + 1] = KIND_NUMBER[this.#kind];
    header[at + 2] = this.numRows;
    header[at + 3] = payload.length;
    memory.bytes(address + HEADER_BYTES, payload.length).set(payload);
    return { address, byteLength, numRows: this.numRows };
  }
}

/** All the blocks, or none: when memory ends on the way, those already made are freed. */
export function finishBlocks(memory: SlotMemory, builders: readonly BlockBuilder[]): (WrittenBlock | null)[] {
  const blocks: (WrittenBlock | null)[] = [];
  try {
    for (const builder of builders) blocks.push(builder.finish(memory));
    return blocks;
  } catch (error) {
    for (const block of blocks) if (block !== null) memory.free(block.address);
    throw error;
  }
}

/** Checks a block's header. Throws `BlockDamaged`. */
export function openBlock(
  bytes: Uint8Array,
  kind: BlockKind,
): { readonly numRows: number; readonly reader: ValueReader } {
  if (bytes.length < HEADER_BYTES) throw new BlockDamaged(`at least ${HEADER_BYTES} bytes`, `${bytes.length}`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const magic = header.getUint32(0, true);
  if (magic !== MAGIC) throw new BlockDamaged(`magic ${hex(MAGIC)}`, hex(magic));
  const kindNumber = header.getUint32(4, true);
  if (kindNumber !== KIND_NUMBER[kind]) throw new BlockDamaged(`kind ${KIND_NUMBER[kind]} (${kind})`, `${kindNumber}`);
  const numRows = header.getUint32(8, true);
  const payloadBytes = header.getUint32(12, true);
  if (payloadBytes !== bytes.length - HEADER_BYTES || numRows === 0 || numRows > payloadBytes) {
    throw new BlockDamaged(`${numRows} ${kind} in ${payloadBytes} bytes`, `${bytes.length - HEADER_BYTES} bytes`);
  }
  return { numRows, reader: new ValueReader(bytes, HEADER_BYTES) };
}

/** Throws when bytes are left behind the last row. */
export function expectEnd(reader: ValueReader): void {
  if (!reader.done) throw new BlockDamaged('to end with its last row', `more at offset ${reader.offset}`);
}

/** What reading a block threw, as the error that says so. */
export function asDamaged(error: unknown, kind: BlockKind, numRows: number): BlockDamaged {
  if (error instanceof BlockDamaged) return error;
  return new BlockDamaged(`${numRows} ${kind} that can be read`, messageOf(error), { cause: error });
}

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;
