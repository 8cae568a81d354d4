/**
 * Columns of some rows in a slot's memory, as shuffles move them and operators keep them. Written by the slot's own
 * worker, read from every thread: in place by that worker, as a copy by others.
 *
 *   offset  field (c columns)
 *        0  u32 magic, "SLUC"
 *        4  u32 rows
 *        8  u32 c
 *       12  u32 bytes of the block
 *       16  c times u32 flags (1 = decoded, 2 = has nulls), u32 bytes of text
 *           then, of each decoded column, every part at a multiple of 16:
 *           validity bits, where it has nulls | values, or of utf8 u32 lengths (0 for null) and the bytes of all texts
 *
 * Reading checks that all of this fits together and fits the columns; else it throws `BlockDamaged`.
 */
import type { Column } from '../core/schema.js';
import type { ColumnChunk, ColumnVector } from '../columnar/chunk.js';
import { VALUE_BYTES } from '../columnar/column-layout.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { BlockDamaged } from './block-damaged.js';
import type { WrittenBlock } from './block-layout.js';

const MAGIC = 0x43554c53;
const HEADER_BYTES = 16;
const DECODED = 1;
const HAS_NULLS = 2;
/** Kernels copy text by whole vectors. */
const SPARE_BYTES = 16;

/** What of a column's shape the block says. */
interface Part {
  readonly flags: number;
  readonly textBytes: number;
}

interface Place {
  readonly validity: number;
  readonly values: number;
  readonly text: number;
}

const align16 = (bytes: number): number => Math.ceil(bytes / 16) * 16;

/** Where the parts of the columns are, from the start of the block, and where it ends. */
function layoutOf(schema: readonly Column[], n: number, parts: readonly Part[]): { places: Place[]; end: number } {
  let end = align16(HEADER_BYTES + 8 * schema.length);
  const take = (bytes: number): number => {
    const at = end;
    end = align16(end + bytes);
    return at;
  };
  const places = schema.map(({ kind }, i): Place => {
    const { flags, textBytes } = parts[i] ?? { flags: 0, textBytes: 0 };
    if ((flags & DECODED) === 0) return { validity: 0, values: 0, text: 0 };
    const validity = (flags & HAS_NULLS) === 0 ? 0 : take((n + 7) >> 3);
    const values = take(n * VALUE_BYTES[kind]);
    return { validity, values, text: kind === 'utf8' ? take(textBytes + SPARE_BYTES) : 0 };
  });
  return { places, end };
}

/** Copies a chunk's rows into a block, the caller's to free. Throws `memoryLimit`. */
export function writeColumnBlock(chunk: ColumnChunk): WrittenBlock {
  const { memory, numRows: n, schema } = chunk;
  const k = kernels(memory);
  const parts = schema.map((_, i): Part => {
    const column = chunk.columns[i];
    if (column === undefined) return { flags: 0, textBytes: 0 };
    const textBytes = column.lengths === 0 ? 0 : k.slicesBytes(column.lengths, n, column.validity);
    return { flags: column.validity === 0 ? DECODED : DECODED | HAS_NULLS, textBytes };
  });
  const { places, end } = layoutOf(schema, n, parts);
  const address = memory.alloc(end);
  const { u8, u32 } = memory;
  u32.set([MAGIC, n, schema.length, end], address >>> 2);
  u32.set(
    parts.flatMap(({ flags, textBytes }) => [flags, textBytes]),
    (address + HEADER_BYTES) >>> 2,
  );
  schema.forEach(({ kind }, i) => {
    const [column, place] = [chunk.columns[i], places[i]];
    if (column === undefined || place === undefined) return;
    const values = address + place.values;
    if (column.validity !== 0)
      u8.copyWithin(address + place.validity, column.validity, column.validity + ((n + 7) >> 3));
    if (kind !== 'utf8') u8.copyWithin(values, column.values, column.values + n * VALUE_BYTES[kind]);
    else k.packText(column.values, column.lengths, n, column.validity, values, address + place.text);
  });
  return { address, byteLength: end, numRows: n };
}

/**
 * The rows of a block as a chunk, in place or in scratch: good as long as the block and the scratch are. Throws
 * `BlockDamaged`.
 */
export function readColumnBlock(memory: SlotMemory, schema: readonly Column[], block: Uint8Array): ColumnChunk {
  const { numRows, parts } = checkBlock(schema, block);
  const address = localCopy(memory, block);
  const { places } = layoutOf(schema, numRows, parts);
  const columns = schema.map(({ kind }, i): ColumnVector | undefined => {
    const [part, place] = [parts[i], places[i]];
    if (part === undefined || place === undefined || (part.flags & DECODED) === 0) return undefined;
    const validity = place.validity === 0 ? 0 : address + place.validity;
    if (kind !== 'utf8') return { values: address + place.values, lengths: 0, validity };
    const lengths = address + place.values;
    const values = memory.scratch(numRows * 4);
    const textBytes = kernels(memory).slicesFromLengths(lengths, numRows, address + place.text, values);
    if (textBytes !== part.textBytes)
      throw new BlockDamaged(`${part.textBytes} bytes of text`, `lengths that add up to ${textBytes}`);
    return { values, lengths, validity };
  });
  return {
    ...{ kind: 'columns', numRows, memory, schema, columns },
    ...{ ascii: false, textStart: 0, textEnd: 0, scalar: false },
  };
}

function checkBlock(
  schema: readonly Column[],
  block: Uint8Array,
): { readonly numRows: number; readonly parts: readonly Part[] } {
  const least = HEADER_BYTES + 8 * schema.length;
  if (block.byteLength < least) throw new BlockDamaged(`at least ${least} bytes`, `${block.byteLength}`);
  const header = new DataView(block.buffer, block.byteOffset, least);
  const [magic, numRows = 0, numColumns, byteLength] = [0, 4, 8, 12].map(at => header.getUint32(at, true));
  if (magic !== MAGIC) throw new BlockDamaged(`magic 0x${MAGIC.toString(16)}`, `0x${String(magic?.toString(16))}`);
  if (numColumns !== schema.length) throw new BlockDamaged(`${schema.length} columns`, `${numColumns}`);
  const parts = schema.map((_, i) => ({
    flags: header.getUint32(HEADER_BYTES + 8 * i, true),
    textBytes: header.getUint32(HEADER_BYTES + 8 * i + 4, true),
  }));
  const wanted = layoutOf(schema, numRows, parts).end;
  if (wanted !== byteLength || wanted !== block.byteLength)
    throw new BlockDamaged(`${wanted} bytes`, `${byteLength} in a block of ${block.byteLength}`);
  return { numRows, parts };
}

function localCopy(memory: SlotMemory, block: Uint8Array): Address {
  if (block.buffer === memory.u8.buffer && block.byteOffset % 8 === 0) return block.byteOffset;
  const address = memory.scratch(block.byteLength);
  memory.u8.set(block, address);
  return address;
}
