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
import { isBinary, type ArrowFormat, type Format, type ParquetFormat } from '../core/format.js';
import type { Json } from '../core/json.js';
import type { Chunk } from '../columnar/chunk.js';
import { loadArrow } from '../columnar/arrow.js';
import { loadParquet } from '../columnar/parquet.js';
import { makeDecoder, type Decoder } from '../columnar/decoder.js';
import { arrowHeadOf, arrowHeadProblem } from './arrow-head.js';
import { headerProblem, NO_PARQUET, refusal, withoutLineEnd, withoutMark } from './file-head.js';
import { fileRangeOf, MAX_HEADER_BYTES, MAX_RECORD_BYTES, type FilePiece } from './file-range.js';
import { inputFile, inputFolder } from './input-path.js';
import { NODE_FILES, statOf, type InputFiles } from './input-files.js';
import { InputRegion } from './input-region.js';
import { readArrowPiece, type BadPart } from './arrow-pieces.js';
import { readParquetPiece } from './parquet-pieces.js';
import { LineCounter } from './line-counter.js';
import { PieceInput } from './piece-input.js';
import { locateRow } from './locate-row.js';
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

  read(range: Json, ctx: ReadContext): Iterable<Chunk> | AsyncIterable<Chunk> {
    const { format } = this.#options;
    return isBinary(format) ? this.#readBinary(format, range, ctx) : this.#readText(format, range, ctx);
  }

  async *#readBinary(format: ArrowFormat | ParquetFormat, range: Json, ctx: ReadContext): AsyncGenerator<Chunk> {
    await loadArrow();
    const library = format.kind === 'parquet' ? await loadParquet() : undefined;
    const { pieces } = fileRangeOf(range);
    for (const piece of pieces) if (isBad(piece)) this.#refuse(piece, ctx);
    for (const piece of pieces.filter(isReadable)) {
      const input = new PieceInput(this.#files, [piece], () => this.#pathOf(piece));
      try {
        const onBad = ({ position, bytes, reason }: BadPart): void =>
          ctx.onBadRecord(this.#badRecord(piece, position, bytes, reason));
        if (format.kind === 'arrow') yield* readArrowPiece(input, piece, format, ctx, onBad);
        else if (library !== undefined) yield* readParquetPiece(library, input, piece, format, ctx, onBad);
      } finally {
        input.close();
      }
    }
  }

  *#readText(format: Format, range: Json, ctx: ReadContext): Generator<Chunk> {
    const { header, pieces } = fileRangeOf(range);
    const { memory } = ctx;
    const decoder = makeDecoder(memory, format, ctx.columns, header ?? undefined, ctx.where);
    const largest = pieces.reduce((bytes, piece) => bytes + (piece.end - piece.start), 0);
    const region = new InputRegion(memory, Math.min(this.#options.regionBytes ?? REGION_BYTES, largest));
    const input = new PieceInput(this.#files, pieces.filter(isReadable), piece => this.#pathOf(piece));
    let numRows = 0;
    try {
      for (const piece of pieces) if (isBad(piece)) this.#refuse(piece, ctx);
      for (;;) {
        const isFinal = input.refill(region);
        if (region.length === 0) return;
        const mark = memory.scratchMark();
        let decoded = decoder.decode(region.address, region.length, isFinal);
        if (this.#locate(decoder, region, numRows, decoded.chunk.numRows, ctx)) {
          memory.releaseScratch(mark);
          decoded = decoder.decode(region.address, region.length, isFinal);
        }
        const { chunk, consumed, dropped, bad } = decoded;
        numRows += chunk.numRows;
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

  /** Tells the places of rows that are asked for. @returns whether there were any, and so what was decoded is overwritten */
  #locate(
    decoder: Decoder,
    region: InputRegion,
    before: number,
    numRows: number,
    { memory, locate }: ReadContext,
  ): boolean {
    const wanted = (locate?.rows ?? []).filter(row => row >= before && row < before + numRows);
    for (const row of wanted) {
      const { start, end } = locateRow(decoder, memory, region.address, region.length, row - before);
      const { piece, position } = region.origin(start);
      const bytes = memory.bytes(region.address + start, Math.min(end - start, MAX_BAD_BYTES));
      locate?.onPlace(row, this.#badRecord(piece, position, bytes, ''));
    }
    return wanted.length > 0;
  }

  /** Pieces that are one bad record as a whole. */
  #refuse(piece: FilePiece, ctx: ReadContext): void {
    const { format } = this.#options;
    const length = Math.min(piece.end - piece.start, MAX_HEADER_BYTES);
    const bytes = new Uint8Array(length);
    const input = new PieceInput(this.#files, [{ ...piece, end: piece.start + length }], () => this.#pathOf(piece));
    input.readInto(bytes);
    input.close();
    const isHeader = piece.kind === 'badHeader';
    const reason =
      isHeader && format.kind === 'csv'
        ? headerProblem(format, length < MAX_HEADER_BYTES ? withoutLineEnd(withoutMark(bytes)) : undefined)
        : isHeader && format.kind === 'arrow'
          ? this.#schemaProblem(format, piece)
          : isHeader && format.kind === 'parquet'
            ? refusal(NO_PARQUET)
            : `a record of at most ${MAX_RECORD_BYTES} bytes was wanted, ${piece.end - piece.start} bytes came without its end`;
    ctx.onBadRecord(this.#badRecord(piece, piece.start, bytes.subarray(0, MAX_BAD_BYTES), reason));
    ctx.onBytes(piece.end - piece.start);
  }

  #schemaProblem(format: ArrowFormat, piece: FilePiece): string {
    const input = new PieceInput(this.#files, [piece], () => this.#pathOf(piece));
    const head = arrowHeadOf((position, length) => input.bytesAt(position, length), piece.size);
    input.close();
    return refusal((head && arrowHeadProblem(head, format)) ?? 'the schema was changed');
  }

  #badRecord(piece: FilePiece, byteOffset: number, bytes: Uint8Array, reason: string): BadRecord {
    const file = this.#pathOf(piece);
    const isText = !isBinary(this.#options.format);
    const line = isText ? this.#lines.lineAt(file, piece.ino, byteOffset) : 0;
    return {
      source: this.#options.source,
      file,
      byteOffset,
      line,
      reason,
      bytes: isText ? withoutLineEnd(bytes.slice()) : bytes.slice(),
    };
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
