import { GrowingBytes } from './growing-bytes.js';

const LF = 0x0a;
const CR = 0x0d;

/**
 * Cuts a stream of bytes into lines, without their LF or CRLF. Ends are looked for in the bytes, so that a character
 * which two packets share stays whole; bytes that are no UTF-8 become U+FFFD. A line of more than `maxLineBytes` is thrown
 * away as it comes, so that no sender fills memory with one, nor with one in packets of a byte each.
 */
export class LineSplitter {
  readonly #encoding: 'utf8' | 'latin1';
  readonly #maxLineBytes: number;
  readonly #onTooLong: (byteLength: number) => void;
  /** The begin of a line whose end has not come. */
  readonly #begun: GrowingBytes;
  /** Of that line so far, with what was thrown away. */
  #byteLength = 0;

  /** @param onTooLong called at the end of a line that was thrown away, with its length */
  constructor(encoding: 'utf8' | 'latin1', maxLineBytes: number, onTooLong: (byteLength: number) => void) {
    this.#encoding = encoding;
    this.#maxLineBytes = maxLineBytes;
    this.#onTooLong = onTooLong;
    this.#begun = new GrowingBytes(maxLineBytes + 1);
  }

  /** The lines that end in these bytes. */
  *push(bytes: Buffer): Generator<string> {
    let start = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
      const line = this.#endedBy(bytes.subarray(start, end));
      start = end + 1;
      if (line !== undefined) yield line;
    }
    this.#keep(bytes.subarray(start));
  }

  /** What is left when the stream has ended: a last line without its end, if there is one. */
  finish(): string | undefined {
    return this.#byteLength === 0 ? undefined : this.#endedBy(Buffer.alloc(0));
  }

  #keep(bytes: Buffer): void {
    this.#byteLength += bytes.length;
    // A CR before the LF does not count.
    if (this.#byteLength > this.#maxLineBytes + 1) this.#begun.clear();
    else if (bytes.length > 0) this.#begun.append(bytes);
  }

  /** The line that ends with these bytes; undefined where it is too long. */
  #endedBy(bytes: Buffer): string | undefined {
    const isWhole = this.#byteLength === 0;
    if (!isWhole) this.#keep(bytes);
    const byteLength = isWhole ? bytes.length : this.#byteLength;
    const line = isWhole ? bytes : this.#begun.view();
    const length = line[line.length - 1] === CR ? line.length - 1 : line.length;
    const isTooLong = byteLength > this.#maxLineBytes + 1 || length > this.#maxLineBytes;
    const text = isTooLong ? undefined : line.toString(this.#encoding, 0, length);
    if (isTooLong) this.#onTooLong(byteLength);
    this.#byteLength = 0;
    if (!isWhole) this.#begun.clear();
    return text;
  }
}
