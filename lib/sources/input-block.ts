import { readUpTo, type InputFiles } from './input-files.js';

/** Larger ones leave the second-level cache, smaller ones cost more calls. */
const BLOCK_BYTES = 128 * 1024;

/** One open file, looked at block by block in a buffer that all files of a driver share. */
export class InputBlock {
  readonly #files: InputFiles;
  readonly #buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #fd = -1;
  #size = 0;
  #start = 0;
  #end = 0;

  constructor(files: InputFiles) {
    this.#files = files;
  }

  /** Bytes that `at` and `before` give at the most. */
  get maxBytes(): number {
    return BLOCK_BYTES;
  }

  /** Of the file; what lies beyond is not looked at. */
  get size(): number {
    return this.#size;
  }

  /** Turns to another file, of which the bytes beyond `size` are not looked at. The caller closes it. */
  use(fd: number, size: number): void {
    this.#fd = fd;
    this.#size = size;
    this.#start = 0;
    this.#end = 0;
  }

  /** Bytes from `position` on, not beyond `limit`; at least one unless the file ends. Valid until the next call. */
  at(position: number, limit: number): Buffer {
    if (position < this.#start || position >= this.#end) this.#load(position);
    const start = position - this.#start;
    return this.#buffer.subarray(start, Math.max(start, Math.min(limit, this.#end) - this.#start));
  }

  /** The bytes before `position`, not before `limit`; as many as fit. Valid until the next call. */
  before(position: number, limit: number): Buffer {
    const start = Math.max(limit, position - BLOCK_BYTES);
    if (start < this.#start || position > this.#end) this.#load(start);
    return this.#buffer.subarray(start - this.#start, Math.max(start, Math.min(position, this.#end)) - this.#start);
  }

  #load(position: number): void {
    const length = Math.max(0, Math.min(BLOCK_BYTES, this.#size - position));
    this.#start = position;
    this.#end = position + readUpTo(this.#files, this.#fd, this.#buffer, 0, length, position);
  }
}
