const LF = 0x0a;
const CR = 0x0d;

/**
 * Cuts a stream of bytes into lines, without their LF or CRLF. Ends are looked for in the bytes, so that a character
 * which two packets share stays whole; bytes that are no UTF-8 become U+FFFD. A line of more than `maxLineBytes` is thrown away as it comes, so that no sender
 * fills memory with one.
 */
export class LineSplitter {
  readonly #encoding: 'utf8' | 'latin1';
  readonly #maxLineBytes: number;
  readonly #onTooLong: (byteLength: number) => void;
  #parts: Buffer[] = [];
  #byteLength = 0;
  #isTooLong = false;

  /** @param onTooLong called at the end of a line that was thrown away, with its length */
  constructor(encoding: 'utf8' | 'latin1', maxLineBytes: number, onTooLong: (byteLength: number) => void) {
    this.#encoding = encoding;
    this.#maxLineBytes = maxLineBytes;
    this.#onTooLong = onTooLong;
  }

  /** The lines that end in these bytes. */
  *push(bytes: Buffer): Generator<string> {
    let start = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
      this.#add(bytes.subarray(start, end));
      start = end + 1;
      const line = this.#take();
      if (line !== undefined) yield line;
    }
    this.#add(bytes.subarray(start));
  }

  /** What is left when the stream has ended: a last line without its end, if there is one. */
  finish(): string | undefined {
    return this.#byteLength === 0 ? undefined : this.#take();
  }

  #add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#byteLength += bytes.length;
    // A CR before the LF does not count.
    if (this.#byteLength > this.#maxLineBytes + 1) {
      this.#isTooLong = true;
      this.#parts = [];
    }
    if (!this.#isTooLong) this.#parts.push(bytes);
  }

  #take(): string | undefined {
    const isTooLong = this.#isTooLong;
    const byteLength = this.#byteLength;
    const [first, ...rest] = this.#parts;
    this.#parts = [];
    this.#byteLength = 0;
    this.#isTooLong = false;
    const line = rest.length === 0 ? (first ?? Buffer.alloc(0)) : Buffer.concat([first ?? Buffer.alloc(0), ...rest]);
    const length = line[line.length - 1] === CR ? line.length - 1 : line.length;
    if (isTooLong || length > this.#maxLineBytes) {
      this.#onTooLong(byteLength);
      return undefined;
    }
    return line.toString(this.#encoding, 0, length);
  }
}
