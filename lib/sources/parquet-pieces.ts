/** A Parquet file, for the worker: the package makes an Arrow stream of it, which is read as such. */
import { messageOf } from '../core/errors.js';
import type { ParquetFormat } from '../core/format.js';
import type { Chunk } from '../columnar/chunk.js';
import type { Parquet } from '../columnar/parquet.js';
import { readArrowPiece, type BadPart, type MessageInput } from './arrow-pieces.js';
import type { FilePiece } from './file-range.js';
import type { PieceInput } from './piece-input.js';
import type { ReadContext } from './source.js';

/** Rows of a record batch. */
const BATCH_ROWS = 16_384;

export function* readParquetPiece(
  library: Parquet,
  input: PieceInput,
  piece: FilePiece,
  format: ParquetFormat,
  ctx: ReadContext,
  onBad: (bad: BadPart) => void,
): Generator<Chunk> {
  const stream = arrowStreamOf(library, input.bytesAt(piece.start, piece.end - piece.start), format);
  if (typeof stream === 'string') {
    onBad({ position: piece.start, bytes: new Uint8Array(), reason: `a Parquet file was wanted: ${stream}` });
  } else {
    const whole: FilePiece = { ...piece, start: 0, end: stream.length, size: stream.length };
    const inStream = { ...ctx, onBytes: () => undefined };
    // Its rows are found by number: where they are in the file nobody could look at.
    const noteBad = ({ reason }: BadPart): void => onBad({ position: piece.start, bytes: new Uint8Array(), reason });
    yield* readArrowPiece(inputOf(stream), whole, { ...format, kind: 'arrow' }, inStream, noteBad);
  }
  ctx.onBytes(piece.end - piece.start);
}

/** The rows of the declared columns as an Arrow stream, or why there is none. */
function arrowStreamOf(library: Parquet, bytes: Uint8Array, { columns }: ParquetFormat): Uint8Array | string {
  try {
    const names = columns.map(({ name }) => name);
    return library.readParquet(bytes, { columns: names, batchSize: BATCH_ROWS }).intoIPCStream();
  } catch (error) {
    return typeof error === 'string' ? error : messageOf(error);
  }
}

const inputOf = (bytes: Uint8Array): MessageInput => ({
  bytesAt: (position, length) => bytes.subarray(position, position + length),
  readAt: (position, target) => target.set(bytes.subarray(position, position + target.length)),
});
