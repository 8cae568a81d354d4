import { formatBinaryBytes } from '../../core/byte-size.js';
import { LineSplitter } from './line-splitter.js';
import { SocketReceiver } from './socket-receiver.js';

export type TextEncoding = 'utf8' | 'latin1';

/** A longer line is thrown away, and said so, unless the job wants otherwise. */
export const MAX_LINE_BYTES = 1024 ** 2;

/** Lines of text from a TCP server. A last line without its end counts when the server ends the connection in order. */
export class SocketTextReceiver extends SocketReceiver<string> {
  readonly #encoding: TextEncoding;
  readonly #maxLineBytes: number;

  constructor(host: string, port: number, encoding: TextEncoding, maxLineBytes = MAX_LINE_BYTES) {
    super(host, port);
    this.#encoding = encoding;
    this.#maxLineBytes = maxLineBytes;
  }

  protected override async read(chunks: AsyncIterable<Buffer>): Promise<void> {
    const splitter = new LineSplitter(this.#encoding, this.#maxLineBytes, byteLength => {
      const limit = formatBinaryBytes(this.#maxLineBytes);
      this.reportError(
        `a line of ${byteLength} bytes from ${this.location} was left out: ${limit} is the most there may be`,
      );
    });
    for await (const chunk of chunks) {
      for (const line of splitter.push(chunk)) await this.store(line);
    }
    const last = splitter.finish();
    if (last !== undefined) await this.store(last);
  }
}
