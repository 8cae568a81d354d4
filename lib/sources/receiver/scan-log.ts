/**
 * Finds the blocks of a receiver's log after a crash (format: block-format.ts).
 *
 * What was acknowledged is found whole or refused: a segment that another follows must be sound up to the length that
 * the next one's header says; the last one ends at its first unsound byte, unless a block behind it says that this byte
 * was on disk already. What ends there was never acknowledged.
 */
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { EngineError } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import { writeAgain } from '../../core/write-again.js';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC_BYTES,
  decodeBlockHeader,
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentFile,
  segmentOf,
  type SegmentHeader,
} from './block-format.js';
import type { StoredBlock } from './receiver-messages.js';

export interface FoundSegment {
  readonly segment: number;
  /** Number of its first block; NaN where it has no header, and so no block. */
  readonly firstBlock: number;
}

export interface FoundLog {
  /** Blocks from `fromBlock` on, or from the first that is still there, in order and without gaps. */
  readonly blocks: readonly StoredBlock[];
  readonly segments: readonly FoundSegment[];
  /** The number after that of the last block; 0 where there is none. */
  readonly nextBlock: number;
  /** Of the last segment; 0 where there is none. */
  readonly lastSegment: number;
  readonly lastBytes: number;
  /** Bytes of the last segment that were on disk when its last block was written; all before `lastBytes` that may not be come after. */
  readonly settledBytes: number;
  /** Bytes of the last segment behind `lastBytes`. */
  readonly tornBytes: number;
}

interface Segment {
  readonly segment: number;
  readonly header: SegmentHeader | undefined;
}

/** Throws `checkpointCorrupt` naming file and offset where something that was acknowledged is damaged. */
export async function scanLog(fs: FileSystem, folder: string, fromBlock: number): Promise<FoundLog> {
  const segments = await findSegments(fs, folder);
  let blocks: StoredBlock[] = [];
  let nextBlock = 0;
  let lastBytes = 0;
  let settledBytes = 0;
  let tornBytes = 0;
  for (const [i, found] of segments.entries()) {
    const following = segments[i + 1];
    const after = segments.slice(i + 1).find(({ header }) => header !== undefined)?.header;
    if (after !== undefined && after.firstBlock <= fromBlock) continue;
    const sealed = following?.segment === found.segment + 1 ? following.header?.previousBytes : undefined;
    const scanned = await scanSegment(fs, folder, found, sealed);
    ({ end: lastBytes, settledBytes, tornBytes } = scanned);
    for (const block of scanned.blocks) {
      // Where segments between are gone, what lies before the gap was done with; whether that is so, the caller knows.
      if (block.block !== nextBlock) blocks = [];
      if (block.block >= fromBlock) blocks.push(block);
      nextBlock = block.block + 1;
    }
  }
  return {
    blocks,
    segments: segments.map(({ segment, header }) => ({ segment, firstBlock: header?.firstBlock ?? Number.NaN })),
    nextBlock,
    lastSegment: segments.at(-1)?.segment ?? 0,
    lastBytes,
    settledBytes,
    tornBytes,
  };
}

/**
 * Makes what was found durable, before a batch may name it: who stored it may have been killed before its sync, and then
 * it is there and was never acknowledged.
 */
export async function settleLog(fs: FileSystem, folder: string, found: FoundLog): Promise<void> {
  if (found.lastSegment === 0) return;
  await writeAgain(fs, join(folder, segmentFile(found.lastSegment)), found.settledBytes, found.lastBytes);
  // Those that a first start makes.
  for (const directory of [folder, dirname(folder), dirname(dirname(folder))]) await fs.syncDirectory(directory);
}

async function findSegments(fs: FileSystem, folder: string): Promise<Segment[]> {
  let names: string[];
  try {
    names = await fs.readdir(folder);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw thrown;
  }
  const numbers = names.flatMap(name => segmentOf(name) ?? []).toSorted((a, b) => a - b);
  const segments: Segment[] = [];
  for (const segment of numbers) {
    const path = join(folder, segmentFile(segment));
    const file = await fs.open(path, 'r');
    try {
      const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
      const numRead = await file.read(bytes, 0);
      segments.push({ segment, header: decodeSegmentHeader(bytes.subarray(0, numRead), segment, path) });
    } finally {
      await file.close();
    }
  }
  return segments;
}

/** @param sealed how many bytes of it count; undefined for the last one, of which nobody knows yet */
async function scanSegment(
  fs: FileSystem,
  folder: string,
  { segment, header }: Segment,
  sealed: number | undefined,
): Promise<{ blocks: StoredBlock[]; end: number; settledBytes: number; tornBytes: number }> {
  const file = segmentFile(segment);
  const path = join(folder, file);
  if (sealed === 0) return { blocks: [], end: 0, settledBytes: 0, tornBytes: 0 };
  const read = await fs.readFile(path);
  const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
  if (header === undefined) {
    // Blocks follow only when the header is on disk.
    if (sealed !== undefined || bytes.length > SEGMENT_HEADER_BYTES) throw damaged(path, 0, 'its header is damaged');
    return { blocks: [], end: 0, settledBytes: 0, tornBytes: bytes.length };
  }
  const limit = sealed ?? bytes.length;
  const blocks: StoredBlock[] = [];
  let at = SEGMENT_HEADER_BYTES;
  let settledBytes = 0;
  while (at < limit) {
    const found = decodeBlockHeader(bytes, at, header.salt);
    const offset = at + BLOCK_HEADER_BYTES;
    const end = offset + (found?.payloadBytes ?? 0);
    const isSound =
      found !== undefined && end <= limit && crc32(bytes.subarray(offset, end)) === found.payloadCrc >>> 0;
    if (!isSound) {
      if (sealed !== undefined) throw damaged(path, at, 'a block of what was received is damaged');
      refuseUnlessTorn(path, bytes, at, header.salt);
      break;
    }
    const { block, payloadBytes, payloadCrc, numRecords, durableBytes } = found;
    settledBytes = durableBytes;
    blocks.push({ block, file, offset, byteLength: payloadBytes, crc32: payloadCrc, numRecords });
    at = end;
  }
  return { blocks, end: at, settledBytes, tornBytes: limit - at };
}

/** A block that was written later knows how much was on disk: then the bytes at `at` were, and are damaged now. */
function refuseUnlessTorn(path: string, bytes: Buffer, at: number, salt: number): void {
  for (
    let next = bytes.indexOf(BLOCK_MAGIC_BYTES, at + 1);
    next >= 0;
    next = bytes.indexOf(BLOCK_MAGIC_BYTES, next + 1)
  ) {
    const later = decodeBlockHeader(bytes, next, salt);
    if (later !== undefined && later.durableBytes > at) {
      throw damaged(path, at, `a block of what was received is damaged, one at byte ${next} was stored after it`);
    }
  }
}

function damaged(path: string, offset: number, problem: string): EngineError {
  return new EngineError(
    'checkpointCorrupt',
    `the log of a receiver is damaged: ${path} at byte ${offset}: ${problem}. Put the checkpoint directory back from a copy, ` +
      'or start with a new checkpoint directory (without the state and offsets of this one)',
    { detail: { file: path, offset } },
  );
}
