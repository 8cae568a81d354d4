/**
 * The worker half of the file source: reads the pieces of a range straight into the slot's memory and decodes them
 * there, region by region.
 *
 *   region   | rest of the last | end of a.csv | all of b.csv | start of c.csv  ... |   512 KiB, grown for larger records
 *            '--- decoded together; what is not a whole record yet moves to the front
 *
 * A chunk lies in the region and in scratch behind it, and is overwritten when the next one is asked for.
 */
import { basename } from 'node:path';
import type { BadRecord } from '../core/bad-record.js';
import { EngineError } from '../core/errors.js';
import type { Format } from '../core/format.js';
import type { Json } from '../core/json.js';
import type { Chunk } from '../columnar/chunk.js';
import { makeDecoder } from '../columnar/decoder.js';
import { headerProblem, withoutLineEnd, withoutMark } from './file-head.js';
import { hasPrint } from './file-print.js';
import { fileRangeOf, MAX_HEADER_BYTES, MAX_RECORD_BYTES, type FilePiece } from './file-range.js';
import { inputFile, inputFolder } from './input-path.js';
import { NODE_FILES, openInput, readUpTo, statOf, type InputFiles } from './input-files.js';
import { InputRegion } from './input-region.js';
import { LineCounter } from './line-counter.js';
import type { ReadContext, SourceReader } from './source.js';

export interface FileReaderOptions {
  /** The source's id, for bad records. */
  readonly source: string;
  readonly path: string;
  readonly format: Format;
  readonly files?: InputFiles;
  /** Bytes read and decoded together. */
  readonly regionBytes?: number;
}

const REGION_BYTES = 512 * 1024;
/** As much of a bad record is kept. */
const MAX_BAD_BYTES = 64 * 1024;

export class FileSourceReader implements SourceReader {
  readonly #options: FileReaderOptions;
  readonly #files: InputFiles;
  readonly #lines: LineCounter;
  #folder: string | undefined;

  constructor(options: FileReaderOptions) {
    this.#options = options;
    this.#files = options.files ?? NODE_FILES;
    this.#lines = new LineCounter(this.#files);
  }

  *read(range: Json, ctx: ReadContext): Generator<Chunk> {
    const { header, pieces } = fileRangeOf(range);
    const { memory } = ctx;
    const decoder = makeDecoder(memory, this.#options.format, ctx.columns, header ?? undefined, ctx.where);
    const largest = pieces.reduce((bytes, piece) => bytes + (piece.end - piece.start), 0);
    const region = new InputRegion(memory, Math.min(this.#options.regionBytes ?? REGION_BYTES, largest));
    const input = new PieceInput(this.#files, pieces.filter(isReadable), piece => this.#pathOf(piece));
    try {
      for (const piece of pieces) if (isBad(piece)) this.#refuse(piece, ctx);
      for (;;) {
        const isFinal = input.refill(region);
        if (region.length === 0) return;
        const mark = memory.scratchMark();
        const { chunk, consumed, dropped, bad } = decoder.decode(region.address, region.length, isFinal);
        for (const { offset, byteLength, reason } of bad) {
          const { piece, position } = region.origin(offset);
          const bytes = memory.bytes(region.address + offset, Math.min(byteLength, MAX_BAD_BYTES));
          ctx.onBadRecord(this.#badRecord(piece, position, bytes, reason));
        }
        ctx.onBytes(consumed);
        if (dropped > 0) ctx.onDropped?.(dropped);
        if (chunk.numRows > 0) yield chunk;
        memory.releaseScratch(mark);
        if (consumed === 0 && !isFinal && region.isFull) region.grow();
        else region.drop(isFinal ? region.length : consumed);
      }
    } finally {
      input.close();
    }
  }

  /** Pieces that are one bad record as a whole. */
  #refuse(piece: FilePiece, ctx: ReadContext): void {
    const { format } = this.#options;
    const length = Math.min(piece.end - piece.start, MAX_HEADER_BYTES);
    const bytes = new Uint8Array(length);
    const input = new PieceInput(this.#files, [{ ...piece, end: piece.start + length }], () => this.#pathOf(piece));
    input.readInto(bytes);
    input.close();
    const isHeader = piece.kind === 'badHeader' && format.kind === 'csv';
    const reason = isHeader
      ? headerProblem(format, length < MAX_HEADER_BYTES ? withoutLineEnd(withoutMark(bytes)) : undefined)
      : `a record of at most ${MAX_RECORD_BYTES} bytes was wanted, ${piece.end - piece.start} bytes came without its end`;
    ctx.onBadRecord(this.#badRecord(piece, piece.start, bytes.subarray(0, MAX_BAD_BYTES), reason));
    ctx.onBytes(piece.end - piece.start);
  }

  #badRecord(piece: FilePiece, byteOffset: number, bytes: Uint8Array, reason: string): BadRecord {
    const file = this.#pathOf(piece);
    const line = this.#lines.lineAt(file, piece.ino, byteOffset);
    return { source: this.#options.source, file, byteOffset, line, reason, bytes: withoutLineEnd(bytes.slice()) };
  }

  #pathOf(piece: FilePiece): string {
    const { path } = this.#options;
    // A path that is gone was the file itself if the piece has its name.
    this.#folder ??= inputFolder(path, at => statOf(this.#files, at)?.isDirectory() ?? basename(at) !== piece.file);
    return inputFile(this.#folder, piece.file);
  }
}

const isReadable = ({ kind }: FilePiece): boolean => kind === 'records' || kind === 'tail';
const isBad = ({ kind }: FilePiece): boolean => kind === 'oversized' || kind === 'badHeader';

/** The bytes of pieces, one after another. Throws `inputChanged` for a file that is not what it was when it was planned. */
class PieceInput {
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

  close(): void {
    if (this.#fd !== undefined) this.#files.closeSync(this.#fd);
    this.#fd = undefined;
  }

  #read(piece: FilePiece, space: Uint8Array): number {
    const fd = (this.#fd ??= this.#open(piece));
    const wanted = Math.min(space.length, piece.end - this.#position);
    const numBytes = readUpTo(this.#files, fd, space, 0, wanted, this.#position);
    if (numBytes < wanted) throw this.#changed(piece, `ends at byte ${this.#position + numBytes} now`);
    this.#position += numBytes;
    return numBytes;
  }

  #finishPiece(piece: FilePiece): boolean {
    if (this.#position < piece.end) return false;
    this.close();
    this.#index++;
    return true;
  }

  #open(piece: FilePiece): number {
    const fd = openInput(this.#files, this.#pathOf(piece));
    if (fd === undefined) throw this.#changed(piece, 'is gone');
    if (!this.#isPlanned(fd, piece)) {
      this.#files.closeSync(fd);
      throw this.#changed(piece, 'has other content or is shorter now');
    }
    this.#position = piece.start;
    return fd;
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
