/**
 * Writes the blocks of one receiver source to its log (format: block-format.ts). Each start begins a segment of its
 * own, so what a crash left of the one before is never written to again. Blocks are acknowledged when `append` resolves:
 * then they are on disk, by one sync for all of them, or with `durable: false` handed to the system.
 */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { EngineError, messageOf } from '../../core/errors.js';
import { whileLocked } from '../../core/fenced-file-system.js';
import type { FileHandle, FileSystem } from '../../core/file-system.js';
import { storageCure } from '../../core/storage-cure.js';
import {
  BLOCK_HEADER_BYTES,
  encodeBlockHeader,
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentFile,
} from './block-format.js';
import type { LogPosition, StoredBlock } from './receiver-messages.js';

/** Records on their way to the log: encoded values, one a record. */
export interface WaitingBlock {
  readonly records: readonly Uint8Array[];
  readonly byteLength: number;
}

/** Disk space comes back segment by segment. */
const SEGMENT_BYTES = 16 * 1024 ** 2;

export class BlockLog {
  readonly #fs: FileSystem;
  readonly #position: LogPosition;
  readonly #segmentBytes: number;
  #file: FileHandle | undefined;
  #segment: number;
  #salt = 0;
  /** Of the segment that is written to, all of it acknowledged. */
  #bytes: number;
  #nextBlock: number;

  constructor(fs: FileSystem, position: LogPosition, segmentBytes = SEGMENT_BYTES) {
    this.#fs = fs;
    this.#position = position;
    this.#segmentBytes = segmentBytes;
    this.#segment = position.segment - 1;
    this.#bytes = position.previousBytes;
    this.#nextBlock = position.firstBlock;
  }

  /**
   * Writes blocks one after another; the caller waits for one call before the next. Rejects with
   * `checkpointUnwritable`: then none of them counts, and the log must not be used any more.
   */
  async append(blocks: readonly WaitingBlock[]): Promise<StoredBlock[]> {
    try {
      // Before, so that a driver that was suspended and lost the checkpoint leaves nothing; after, see below.
      await this.#refuseIfFenced();
      const file = await this.#open();
      const stored: StoredBlock[] = [];
      const parts: Uint8Array[] = [];
      let end = this.#bytes;
      for (const { records, byteLength } of blocks) {
        let payloadCrc = 0;
        for (const record of records) payloadCrc = crc32(record, payloadCrc);
        const block = this.#nextBlock + stored.length;
        const numRecords = records.length;
        const header = { payloadBytes: byteLength, numRecords, payloadCrc, block, durableBytes: this.#bytes };
        parts.push(encodeBlockHeader(header, this.#salt), ...records);
        const offset = end + BLOCK_HEADER_BYTES;
        stored.push({ block, file: segmentFile(this.#segment), offset, byteLength, crc32: payloadCrc, numRecords });
        end = offset + byteLength;
      }
      await file.write(parts.length > MAX_PARTS ? [Buffer.concat(parts)] : parts, this.#bytes);
      if (this.#position.durable) await file.sync();
      await this.#refuseIfFenced();
      this.#bytes = end;
      this.#nextBlock += stored.length;
      return stored;
    } catch (thrown) {
      if (thrown instanceof EngineError) throw thrown;
      throw new EngineError(
        'checkpointUnwritable',
        `cannot store what was received in ${this.#position.folder}: ${messageOf(thrown)}; ${storageCure(thrown, 'the folder')}`,
        { cause: thrown },
      );
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /**
   * Another driver that takes the checkpoint over removes this one's lock file first and looks at the log then: what is
   * acknowledged while the file is there, it has seen.
   */
  async #refuseIfFenced(): Promise<void> {
    const { lockFile, folder } = this.#position;
    if (lockFile !== undefined) await whileLocked(this.#fs, lockFile, folder)();
  }

  /** The segment to write to: the one that is open, or a new one when that is full. */
  async #open(): Promise<FileHandle> {
    if (this.#file !== undefined && this.#bytes < this.#segmentBytes) return this.#file;
    await this.close();
    const { folder, durable } = this.#position;
    await this.#fs.mkdir(folder);
    const segment = this.#segment + 1;
    const salt = randomBytes(4).readUInt32LE(0);
    const file = await this.#fs.open(join(folder, segmentFile(segment)), 'wx');
    const header = encodeSegmentHeader({
      segment,
      salt,
      firstBlock: this.#nextBlock,
      previousBytes: this.#bytes,
    });
    this.#file = file;
    await file.write([header], 0);
    if (durable) {
      await file.sync();
      // The folder's own name and its parent's are new at the first start.
      for (const directory of [folder, dirname(folder), dirname(dirname(folder))]) {
        await this.#fs.syncDirectory(directory);
      }
    }
    this.#segment = segment;
    this.#salt = salt;
    this.#bytes = SEGMENT_HEADER_BYTES;
    return file;
  }
}

/** More pieces than this are put together first: the system takes no more than about so many in one call. */
const MAX_PARTS = 512;
