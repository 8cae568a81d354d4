/**
 * The messages of one piece of an Arrow file, for the worker. What a record batch needs of the stream before it, its
 * schema and its dictionaries, is read again from the front: of the other messages only their first bytes. Of a record
 * batch's body only what the declared columns need is read, straight into the slot's memory.
 */
import { arrowMessage, END_BYTES, type ArrowMessage } from '../core/arrow-message.js';
import type { ArrowFormat } from '../core/format.js';
import type { Chunk } from '../columnar/chunk.js';
import { ArrowDecoder } from '../columnar/decode-arrow.js';
import { slicesOf } from '../columnar/slice-chunk.js';
import { arrowHeadOf, type ReadAt } from './arrow-head.js';
import type { FilePiece } from './file-range.js';
import type { ReadContext } from './source.js';

export interface BadPart {
  /** Of the message's first byte. */
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly reason: string;
}

/** Rows a chunk has at the most. */
const CHUNK_ROWS = 16_384;
/** As much of a bad message is kept. */
const MAX_BAD_BYTES = 64 * 1024;

/** The bytes of a file or of what was made of one. */
export interface MessageInput {
  bytesAt(position: number, length: number): Uint8Array;
  readAt(position: number, bytes: Uint8Array): void;
}

/** `head`: its first bytes; of a message all before its body. */
type Positioned = ArrowMessage & { readonly position: number; readonly head: Uint8Array };

export function* readArrowPiece(
  input: MessageInput,
  piece: FilePiece,
  format: ArrowFormat,
  ctx: ReadContext,
  onBad: (bad: BadPart) => void,
): Generator<Chunk> {
  const decoder = new ArrowDecoder(ctx.memory, format, ctx.columns);
  try {
    yield* readMessages(decoder, input, piece, ctx, onBad);
  } finally {
    decoder.close();
  }
}

function* readMessages(
  decoder: ArrowDecoder,
  input: MessageInput,
  piece: FilePiece,
  ctx: ReadContext,
  onBad: (bad: BadPart) => void,
): Generator<Chunk> {
  const { memory } = ctx;
  const bytesAt: ReadAt = (position, length) => input.bytesAt(position, length);
  const refuse = (position: number, end: number, reason: string): void =>
    onBad({ position, bytes: bytesAt(position, Math.min(end - position, MAX_BAD_BYTES)), reason });
  const head = arrowHeadOf(bytesAt, piece.size);
  const isFileForm = head?.isFileForm ?? false;
  if (head?.schema !== undefined) decoder.schema(head.schema);

  const take = (message: Positioned & { readonly bytes: number }): void => {
    if (message.kind === 'schema') decoder.schema(bytesAt(message.position, message.bytes));
    else if (message.kind === 'dictionary') decoder.dictionary(bytesAt(message.position, message.bytes));
  };
  // A file of the file form has one schema, so only its dictionaries are asked for there.
  const asksBefore = !isFileForm || decoder.usesDictionaries;
  for (const message of asksBefore ? messages(bytesAt, head?.end ?? 0, piece.start) : []) {
    if ('bytes' in message) take(message);
  }
  for (const message of messages(bytesAt, piece.start, piece.end)) {
    const { position } = message;
    if (message.kind === 'end') {
      // The footer of a file says nothing that its messages have not said.
      ctx.onBytes(isFileForm ? piece.end - position : END_BYTES);
      if (isFileForm) return;
      continue;
    }
    if (!('bytes' in message) || position + message.bytes > piece.end) {
      const wanted = 'bytes' in message ? `a message of ${message.bytes} bytes` : 'a message of an Arrow stream';
      refuse(position, piece.end, `${wanted} was wanted, ${piece.end - position} bytes came that are none`);
      ctx.onBytes(piece.end - position);
      return;
    }
    take(message);
    if (message.kind === 'recordBatch') {
      const mark = memory.scratchMark();
      const bodyStart = position + message.head.length;
      const { chunk, bad, problem } = decoder.recordBatch(message.head, message.bytes, (offset, target) =>
        input.readAt(bodyStart + offset, target),
      );
      if (problem !== undefined) refuse(position, position + message.bytes, problem);
      for (const { row, reason } of bad) {
        onBad({ position, bytes: new Uint8Array(), reason: `row ${row} of the record batch: ${reason}` });
      }
      if (chunk !== undefined) yield* slicesOf(chunk, CHUNK_ROWS);
      memory.releaseScratch(mark);
    }
    ctx.onBytes(message.bytes);
  }
}

/** What begins between two borders, in order, up to the first that cannot be told. */
function* messages(bytesAt: ReadAt, start: number, end: number): Generator<Positioned> {
  for (let position = start; position < end;) {
    let length = Math.min(END_BYTES, end - position);
    let head = bytesAt(position, length);
    let message = arrowMessage(head);
    while (message.kind === 'short' && position + message.wanted <= end) {
      length = message.wanted;
      head = bytesAt(position, length);
      message = arrowMessage(head);
    }
    yield { ...message, position, head };
    if ('bytes' in message) position += message.bytes;
    else if (message.kind === 'end') position += END_BYTES;
    else return;
  }
}
