/**
 * Loads pieces of a checkpoint into a table: snapshot files, or changes that lie in the log. Each is read whole, compared
 * with its checksum and applied, while the next one is being read; of a large snapshot file one record batch at a time is
 * in memory, see `read-snapshot.ts`.
 */
import { crc32 } from 'node:zlib';
import { EngineError } from '../core/errors.js';
import type { StateChange } from '../core/state-change.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import type { RowConverter } from './convert-rows.js';
import { applySnapshot, unreadable } from './read-snapshot.js';
import { applyIpc, type ValueColumns } from './state-ipc.js';
import type { StateTable } from './state-table.js';

/** Arrow IPC bytes: those of a whole file, or from `position` on in one. */
export interface StatePiece {
  readonly path: string;
  /** Undefined: it is all of the file. */
  readonly position?: number;
  readonly byteLength: number;
  readonly crc32: number;
  /** What makes rows of the table's of it; not given: they are. */
  readonly change?: StateChange;
}

/** A larger file is read in steps. */
const MAX_PIECE_BYTES = 32 * 1024 * 1024;

/**
 * Sets the rows whose key groups the table owns, in the order of the pieces. Needs `loadArrow`.
 *
 * @param changed gets the key groups of the rows, where it is given (`changed-groups.ts`)
 * Throws `checkpointCorrupt` for a piece that is not what was written, before anything of it is in the table; else as
 * `applyIpc`.
 */
export async function applyPieces(
  table: StateTable,
  pieces: readonly StatePiece[],
  columns: ValueColumns,
  fs: FileSystem,
  changed?: Uint32Array,
  converterOf?: (change: StateChange) => RowConverter,
): Promise<void> {
  const reader = new PieceReader(fs);
  try {
    let next = reader.read(pieces[0]);
    for (const [i, piece] of pieces.entries()) {
      const bytes = await next;
      next = reader.read(pieces[i + 1]);
      // Told when it is its turn; until then nobody looks.
      next.catch(() => undefined);
      const converter = piece.change && converterOf?.(piece.change);
      const own = converter?.from ?? columns;
      if (bytes === undefined) await applySnapshot(table, piece.path, piece, own, fs, converter);
      else applyIpc(table, bytes, own, changed, converter);
    }
  } finally {
    await reader.close();
  }
}

/** Keeps the file open that was read last: changes lie in few files, one behind another. */
class PieceReader {
  readonly #fs: FileSystem;
  #path: string | undefined;
  #file: FileHandle | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** The checked bytes; undefined for no piece and for one that is read in steps. */
  read(piece: StatePiece | undefined): Promise<Uint8Array | undefined> {
    if (piece === undefined || (piece.position === undefined && piece.byteLength > MAX_PIECE_BYTES))
      return Promise.resolve(undefined);
    const bytes = this.#last.then(() => this.#read(piece));
    this.#last = bytes.catch(() => undefined);
    return bytes;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #read({ path, position, byteLength, crc32: wanted }: StatePiece): Promise<Uint8Array> {
    const file = await this.#open(path);
    // One byte more of a whole file, which must not be there.
    const buffer = new Uint8Array(position === undefined ? byteLength + 1 : byteLength);
    let end = 0;
    for (let n = 1; n > 0 && end < buffer.length; end += n)
      n = await file.read(buffer.subarray(end), (position ?? 0) + end);
    const bytes = buffer.subarray(0, end);
    if (bytes.byteLength === byteLength && crc32(bytes) === wanted) return bytes;
    const where = position === undefined ? path : `${path} at byte ${position}`;
    throw damaged(`${where}: the ${bytes.byteLength} bytes there are not the ${byteLength} that were written`);
  }

  async #open(path: string): Promise<FileHandle> {
    if (this.#path === path && this.#file !== undefined) return this.#file;
    await this.#file?.close();
    this.#file = undefined;
    try {
      this.#file = await this.#fs.open(path, 'r');
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw unreadable(path, cause);
      throw damaged(`${path}: the file is missing`, cause);
    }
    this.#path = path;
    return this.#file;
  }
}

const damaged = (problem: string, cause?: unknown): EngineError =>
  new EngineError('checkpointCorrupt', `${problem}. Put the checkpoint directory back from a copy`, { cause });
