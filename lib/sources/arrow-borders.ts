/** Where the messages of an Arrow file end, for the driver: borders as in `record-borders.ts`. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ARROW_MAGIC, ARROW_MAGIC_BYTES, arrowMessage, END_BYTES, type ArrowMessage } from '../core/arrow-message.js';
import type { InputBlock } from './input-block.js';

/** The driver's loop gets a turn after so many messages: some milliseconds. */
const TURN_MESSAGES = 64;

/** @returns for each target the end of the last message that ends at or before it, or `from` */
export async function messageBorders(input: InputBlock, from: number, targets: readonly number[]): Promise<number[]> {
  const borders: number[] = [];
  let border = from;
  let next = messageEnd(input, border);
  let numMessages = 0;
  for (const target of targets) {
    while (next > border && next <= target) {
      border = next;
      next = messageEnd(input, border);
      if (++numMessages % TURN_MESSAGES === 0) await nextTurn();
    }
    borders.push(border);
  }
  return borders;
}

/** Where the message at `from` ends, or -1 when that is beyond `limit` or cannot be told. */
export function messageBorder(input: InputBlock, from: number, limit: number): number {
  const end = messageEnd(input, from);
  return end > from && end <= limit ? end : -1;
}

/** Where messages begin: behind the magic bytes that a file of the file form has. */
export function messagesStart(input: InputBlock, size: number): number {
  const bytes = bytesAt(input, 0, Math.min(size, ARROW_MAGIC_BYTES));
  return bytes.toString('latin1').startsWith(ARROW_MAGIC) ? ARROW_MAGIC_BYTES : 0;
}

/** The message at `from`, as far as it can be told. */
export function messageAt(input: InputBlock, from: number): ArrowMessage {
  let wanted = END_BYTES;
  for (;;) {
    const bytes = bytesAt(input, from, wanted);
    const message = arrowMessage(bytes);
    if (message.kind !== 'short' || bytes.length < wanted) return message;
    wanted = message.wanted;
  }
}

/** `from` where the message is not complete or is none. */
function messageEnd(input: InputBlock, from: number): number {
  if (from >= input.size) return from;
  const message = messageAt(input, from);
  switch (message.kind) {
    case 'short':
    case 'malformed':
      return from;
    case 'end':
      // Behind it a file of the file form has its footer, and a stream the next one.
      return messagesStart(input, input.size) > 0 ? input.size : from + END_BYTES;
    default:
      return from + message.bytes <= input.size ? from + message.bytes : from;
  }
}

/** Up to `length` bytes, fewer where the file ends. */
export function bytesAt(input: InputBlock, from: number, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let position = from; position < from + length;) {
    const block = input.at(position, from + length);
    if (block.length === 0) break;
    parts.push(Buffer.from(block));
    position += block.length;
  }
  return Buffer.concat(parts);
}
