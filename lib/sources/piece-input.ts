/** What a task reads of files, in order, as it was planned. */
import { EngineError, messageOf } from '../core/errors.js';
import { storageCure } from '../core/storage-cure.js';
import { hasPrint } from './file-print.js';
import type { FilePiece } from './file-range.js';
import { isUnreadable, openInput, readUpTo, type InputFiles } from './input-files.js';
import type { InputRegion } from './input-region.js';

/** The bytes of pieces, one after another. Throws `inputChanged` for a file that is not what it was when it was planned. */
export class PieceInput {
  readonly #files: InputFiles;
  readonly #pieces: readonly FilePiece[];
  readonly #pathOf: (piece: FilePiece) => string;
  #index = 0;
  #position = 0;
  #fd: number | undefined;

  constructor(files: InputFiles, pieces: readonly FilePiece[], pathOf: (piece: FilePiece) => string) {
    this.#files = files;
    this.#pieces = pieces;
    this.#pathOf = pathOf;
  }

  /** Adds bytes to the region until it is full or must be decoded first; returns whether its last record is complete as it is. */
  refill(region: InputRegion): boolean {
    while (!region.isFull) {
      const piece = this.#pieces[this.#index];
      if (piece === undefined) return true;
      const space = region.space();
      const numBytes = this.#read(piece, space);
      region.append(piece, this.#position - numBytes, numBytes);
      // The last record of a tail has no line end: whatever came behind it would be taken for a part of it.
      if (this.#finishPiece(piece) && piece.kind === 'tail') return true;
    }
    return this.#index === this.#pieces.length;
  }

  /** Fills `bytes` from the one piece. */
  readInto(bytes: Uint8Array): void {
    const [piece] = this.#pieces;
    if (piece !== undefined) this.#read(piece, bytes);
  }

  /** Bytes of the first piece's file from `position` on, which lie before the end of what was planned of it. */
  readAt(position: number, bytes: Uint8Array): void {
    const [piece] = this.#pieces;
    if (piece === undefined) return;
    const fd = (this.#fd ??= this.#open(piece));
    const numBytes = this.#readUpTo(piece, fd, bytes, bytes.length, position);
    if (numBytes < bytes.length) throw this.#changed(piece, `ends at byte ${position + numBytes} now`);
  }

  /** The same, in bytes of their own. */
  bytesAt(position: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.readAt(position, bytes);
    return bytes;
  }

  close(): void {
    if (this.#fd !== undefined) this.#files.closeSync(this.#fd);
    this.#fd = undefined;
  }

  #read(piece: FilePiece, space: Uint8Array): number {
    const fd = (this.#fd ??= this.#open(piece));
    const wanted = Math.min(space.length, piece.end - this.#position);
    const numBytes = this.#readUpTo(piece, fd, space, wanted, this.#position);
    if (numBytes < wanted) throw this.#changed(piece, `ends at byte ${this.#position + numBytes} now`);
    this.#position += numBytes;
    return numBytes;
  }

  #readUpTo(piece: FilePiece, fd: number, bytes: Uint8Array, length: number, position: number): number {
    try {
      return readUpTo(this.#files, fd, bytes, 0, length, position);
    } catch (error) {
      throw this.#unreadable(piece, position, error);
    }
  }

  #finishPiece(piece: FilePiece): boolean {
    if (this.#position < piece.end) return false;
    this.close();
    this.#index++;
    return true;
  }

  #open(piece: FilePiece): number {
    const fd = this.#descriptorOf(piece);
    if (fd === undefined) throw this.#changed(piece, 'is gone');
    if (!this.#isPlanned(fd, piece)) {
      this.#files.closeSync(fd);
      throw this.#changed(piece, 'has other content or is shorter now');
    }
    this.#position = piece.start;
    return fd;
  }

  #descriptorOf(piece: FilePiece): number | undefined {
    try {
      return openInput(this.#files, this.#pathOf(piece));
    } catch (error) {
      if (isUnreadable(error)) throw this.#changed(piece, `cannot be read (${messageOf(error)})`);
      throw this.#unreadable(piece, piece.start, error);
    }
  }

  /** Another attempt may read it: nothing says that the file is another. */
  #unreadable(piece: FilePiece, position: number, cause: unknown): EngineError {
    const file = this.#pathOf(piece);
    return new EngineError(
      'sourceFailed',
      `${file} cannot be read at byte ${position}: ${messageOf(cause)}; ${storageCure(cause, 'it')}`,
      { cause, detail: { file, position } },
    );
  }

  /** A file that was not touched needs no look; one that was, or a copy of it, has the bytes that were planned. */
  #isPlanned(fd: number, { ino, mtimeMs, print }: FilePiece): boolean {
    const stat = this.#files.fstatSync(fd);
    if (print === undefined) return stat.ino === ino;
    return (stat.ino === ino && stat.mtimeMs === mtimeMs) || hasPrint(this.#files, fd, print);
  }

  #changed(piece: FilePiece, how: string): EngineError {
    const file = this.#pathOf(piece);
    return new EngineError(
      'inputChanged',
      `${file} ${how}, and bytes ${piece.start} to ${piece.end} of it were planned for this batch: put the file back as ` +
        'it was, or start over with a new checkpoint',
      { detail: { file, start: piece.start, end: piece.end } },
    );
  }
}
