import type { FileHandle } from '../core/file-system.js';

const WINDOW_BYTES = 1024 * 1024;

/** Reads a file front to back in large steps, whatever the sizes asked for, with a bounded amount of memory. */
export class FileWindow {
  readonly #file: FileHandle;
  readonly #size: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Up to `length` bytes at `position`, fewer only at the end of the file; valid until the next call. */
  async view(position: number, length: number): Promise<Uint8Array> {
    if (position >= this.#size) return new Uint8Array(0);
    length = Math.min(length, this.#size - position);
    if (position < this.#start || position + length > this.#start + this.#bytes.byteLength) {
      this.#bytes = await readFully(
        this.#file,
        position,
        Math.min(Math.max(length, WINDOW_BYTES), this.#size - position),
      );
      this.#start = position;
    }
    const from = position - this.#start;
    return this.#bytes.subarray(from, from + length);
  }

  /** Calls `take` with the bytes `[position, position + length)`, piece by piece; stops at the end of the file. */
  async each(position: number, length: number, take: (bytes: Uint8Array, position: number) => void): Promise<void> {
    const end = position + length;
    while (position < end) {
      const bytes = await this.view(position, Math.min(WINDOW_BYTES, end - position));
      if (bytes.byteLength === 0) return;
      take(bytes, position);
      position += bytes.byteLength;
    }
  }
}

/** `length` bytes at `position`, fewer only at the end of the file. */
export async function readFully(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let end = 0;
  while (end < length) {
    const numRead = await file.read(bytes.subarray(end), position + end);
    if (numRead === 0) break;
    end += numRead;
  }
  return bytes.subarray(0, end);
}
