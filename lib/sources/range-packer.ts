/** Puts the pieces of a batch together into ranges of about the same size, one a task. */
import type { FilePiece, FileRange } from './file-range.js';

/** Less is not worth a task of its own. */
const MIN_RANGE_BYTES = 64 * 1024;

export class RangePacker {
  readonly #rangeBytes: number;
  readonly #ranges: FileRange[] = [];
  #pieces: FilePiece[] = [];
  #header: readonly string[] | null = null;
  #rangeUsed = 0;
  #bytes = 0;

  /** @param expectedBytes about how many bytes there will be in all */
  constructor(expectedBytes: number, parallelism: number) {
    this.#rangeBytes = Math.max(MIN_RANGE_BYTES, Math.ceil(expectedBytes / Math.max(1, parallelism)));
  }

  /** Bytes added. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Offsets between `start` and `end` of the next file at which ranges should part. */
  cutsWithin(start: number, end: number): number[] {
    if (this.#rangeUsed >= this.#rangeBytes) this.part();
    const cuts: number[] = [];
    // A last range of a few bytes is not worth its task.
    const before = end - MIN_RANGE_BYTES / 2;
    for (let cut = start + this.#rangeBytes - this.#rangeUsed; cut < before; cut += this.#rangeBytes) cuts.push(cut);
    return cuts;
  }

  /** Adds the next piece; files with different headers do not share a range. */
  add(piece: FilePiece, header: readonly string[] | null): void {
    if (this.#pieces.length > 0 && !isSameHeader(header, this.#header)) this.part();
    this.#header = header;
    this.#pieces.push(piece);
    this.#rangeUsed += piece.end - piece.start;
    this.#bytes += piece.end - piece.start;
  }

  /** Ends the range here. */
  part(): void {
    if (this.#pieces.length > 0) this.#ranges.push({ header: this.#header, pieces: this.#pieces });
    this.#pieces = [];
    this.#rangeUsed = 0;
  }

  finish(): readonly FileRange[] {
    this.part();
    return this.#ranges;
  }
}

function isSameHeader(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
