/** Line numbers for bad records: counted when there is one, on from the last one where that is in the same file. */
import { openInput, readUpTo, type InputFiles } from './input-files.js';

const BLOCK_BYTES = 256 * 1024;
/** Further into a file a line number would cost more than it tells. */
const MAX_OFFSET = 256 * 1024 * 1024;

export class LineCounter {
  readonly #files: InputFiles;
  #buffer: Buffer | undefined;
  #file = '';
  #ino = 0;
  #position = 0;
  #line = 1;

  constructor(files: InputFiles) {
    this.#files = files;
  }

  /** 1-based line of the byte at `offset`; 0 when the file is gone or the offset is beyond 256 MiB. */
  lineAt(file: string, ino: number, offset: number): number {
    if (offset > MAX_OFFSET) return 0;
    if (file !== this.#file || ino !== this.#ino || offset < this.#position) {
      this.#file = file;
      this.#ino = ino;
      this.#position = 0;
      this.#line = 1;
    }
    if (offset === this.#position) return this.#line;
    const fd = openInput(this.#files, file);
    if (fd === undefined) return 0;
    try {
      return this.#countTo(fd, offset) ? this.#line : 0;
    } finally {
      this.#files.closeSync(fd);
    }
  }

  #countTo(fd: number, offset: number): boolean {
    const buffer = (this.#buffer ??= Buffer.allocUnsafeSlow(BLOCK_BYTES));
    while (this.#position < offset) {
      const numRead = readUpTo(
        this.#files,
        fd,
        buffer,
        0,
        Math.min(BLOCK_BYTES, offset - this.#position),
        this.#position,
      );
      if (numRead === 0) return false;
      const block = buffer.subarray(0, numRead);
      for (let at = block.indexOf(10); at >= 0; at = block.indexOf(10, at + 1)) this.#line++;
      this.#position += numRead;
    }
    return true;
  }
}
