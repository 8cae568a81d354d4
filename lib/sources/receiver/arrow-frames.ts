/**
 * Cuts what comes from a connection into whole messages of an Arrow IPC stream, and looks at each before anyone follows
 * what it says of itself (`core/arrow-verify.ts`). Nothing is kept but the message that is coming.
 */
import { arrowMessage, END_BYTES } from '../../core/arrow-message.js';
import { isSoundArrowMessage } from '../../core/arrow-verify.js';
import { formatBinaryBytes } from '../../core/byte-size.js';
import { GrowingBytes } from './growing-bytes.js';

/** Ends with the stream, or with the connection. Throws for a message of more than `maxBytes`, and for what is none. */
export async function* arrowFrames(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  const waiting = new GrowingBytes(maxBytes);
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      // Never more than a message's limit at once, whatever a chunk holds.
      const piece = chunk.subarray(at, at + Math.max(1, maxBytes - waiting.length));
      waiting.append(piece);
      at += piece.length;
      for (let next = frameAt(waiting.view(), maxBytes); next !== undefined; next = frameAt(waiting.view(), maxBytes)) {
        yield next.bytes;
        if (next.isLast) return;
        waiting.drop(next.bytes.length);
      }
    }
  }
}

/** The message at the beginning, of its own memory; undefined while it is not whole. */
function frameAt(bytes: Buffer, maxBytes: number): { readonly bytes: Buffer; readonly isLast: boolean } | undefined {
  const message = arrowMessage(bytes);
  if (message.kind === 'end') return { bytes: Buffer.from(bytes.subarray(0, END_BYTES)), isLast: true };
  const wanted = message.kind === 'short' ? message.wanted : message.kind === 'malformed' ? Infinity : message.bytes;
  if (wanted > maxBytes) {
    throw new Error(`a record batch of more than ${formatBinaryBytes(maxBytes)}, or no Arrow stream at all`);
  }
  if (message.kind === 'short' || wanted > bytes.length) return undefined;
  if (!isSoundArrowMessage(bytes.subarray(0, wanted))) throw new Error('an Arrow message whose metadata is damaged');
  return { bytes: Buffer.from(bytes.subarray(0, wanted)), isLast: false };
}
