import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { EngineError, messageOf } from '../../core/errors.js';
import type { FileHandle, FileSystem } from '../../core/file-system.js';
import { storageCure } from '../../core/storage-cure.js';
import type { Json } from '../../core/json.js';
import { ValueReader } from '../../core/value-decode.js';
import { rowChunk, type Chunk } from '../../columnar/chunk.js';
import type { ReadContext, SourceReader } from '../source.js';
import { segmentOf } from './block-format.js';
import type { StoredBlock } from './receiver-messages.js';
import { receiverRangeOf } from './receiver-range.js';

const CHUNK_ROWS = 4096;

/** The worker half of a receiver source: reads blocks of the log, each checked against the checksum of its range. */
export class ReceiverSourceReader implements SourceReader {
  readonly #fs: FileSystem;
  readonly #folder: string;

  /** @param folder absolute path of the source's log */
  constructor(fs: FileSystem, folder: string) {
    this.#fs = fs;
    this.#folder = folder;
  }

  async *read(range: Json, ctx: ReadContext): AsyncGenerator<Chunk> {
    let file: FileHandle | undefined;
    let name = '';
    try {
      for (const block of receiverRangeOf(range).chunks) {
        if (file === undefined || block.file !== name) {
          await file?.close();
          file = undefined;
          file = await this.#open(block);
          name = block.file;
        }
        const bytes = await this.#readBlock(file, block);
        ctx.onBytes(bytes.byteLength);
        yield* rowsOf(bytes, block);
      }
    } finally {
      await file?.close();
    }
  }

  async #open(block: StoredBlock): Promise<FileHandle> {
    // The name comes from a log: nothing but a segment's own name is ever joined to a path.
    if (segmentOf(block.file) === undefined) throw new EngineError('internal', `no segment is named '${block.file}'`);
    try {
      return await this.#fs.open(join(this.#folder, block.file), 'r');
    } catch (error) {
      const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      throw isGone ? this.#changed(block, messageOf(error), error) : this.#unreadable(block, error);
    }
  }

  async #readBlock(file: FileHandle, block: StoredBlock): Promise<Uint8Array> {
    const bytes = new Uint8Array(block.byteLength);
    let end = 0;
    while (end < bytes.byteLength) {
      const numRead = await file.read(bytes.subarray(end), block.offset + end).catch((error: unknown) => {
        throw this.#unreadable(block, error);
      });
      if (numRead === 0) throw this.#changed(block, `${block.byteLength} bytes were wanted, ${end} are there`);
      end += numRead;
    }
    if (crc32(bytes) !== block.crc32 >>> 0) throw this.#changed(block, 'its bytes have another checksum');
    return bytes;
  }

  /** Another attempt may read it: nothing says that it is damaged. */
  #unreadable(block: StoredBlock, cause: unknown): EngineError {
    const path = join(this.#folder, block.file);
    return new EngineError(
      'sourceFailed',
      `block ${block.block} of what was received cannot be read from ${path}: ${messageOf(cause)}; ${storageCure(cause, 'the folder')}`,
      { cause, detail: { file: path, offset: block.offset, block: block.block } },
    );
  }

  #changed(block: StoredBlock, problem: string, cause?: unknown): EngineError {
    const path = join(this.#folder, block.file);
    return new EngineError(
      'inputChanged',
      `block ${block.block} of what was received cannot be read from ${path} at byte ${block.offset}: ${problem}. ` +
        'Put the checkpoint directory back from a copy, or start with a new one',
      { cause, detail: { file: path, offset: block.offset, block: block.block } },
    );
  }
}

function* rowsOf(bytes: Uint8Array, { numRecords }: StoredBlock): Generator<Chunk> {
  const reader = new ValueReader(bytes);
  for (let left = numRecords; left > 0;) {
    const rows: unknown[] = [];
    for (; rows.length < CHUNK_ROWS && left > 0; left--) rows.push(reader.read());
    yield rowChunk(rows);
  }
  if (!reader.done) throw new EngineError('internal', `${numRecords} records wanted in a block, it holds more`);
}
