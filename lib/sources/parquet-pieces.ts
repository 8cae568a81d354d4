/** A Parquet file, for the worker: the package makes an Arrow stream of it, which is read as such. */
import { formatBytes } from '../core/byte-size.js';
import { messageOf } from '../core/errors.js';
import type { ParquetFormat } from '../core/format.js';
import type { Chunk } from '../columnar/chunk.js';
import type { Parquet } from '../columnar/parquet.js';
import { readArrowPiece, type BadPart, type MessageInput } from './arrow-pieces.js';
import type { FilePiece } from './file-range.js';
import { unpackedBytes } from './parquet-size.js';
import type { PieceInput } from './piece-input.js';
import type { ReadContext } from './source.js';

/** The package holds the rows twice in a memory of 4 GiB. */
const MAX_UNPACKED_BYTES = 1024 ** 3;
/** Rows of a record batch. */
const BATCH_ROWS = 16_384;

export async function* readParquetPiece(
  library: Parquet,
  input: PieceInput,
  piece: FilePiece,
  format: ParquetFormat,
  ctx: ReadContext,
  onBad: (bad: BadPart) => void,
): AsyncGenerator<Chunk> {
  const stream = await arrowStreamOf(library, input.bytesAt(piece.start, piece.end - piece.start), format);
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
async function arrowStreamOf(
  library: Parquet,
  bytes: Uint8Array<ArrayBuffer>,
  { columns }: ParquetFormat,
): Promise<Uint8Array | string> {
  const names = columns.map(({ name }) => name);
  const unpacked = await unpackedBytes(library, bytes, names);
  if (unpacked !== undefined && !(unpacked <= MAX_UNPACKED_BYTES)) {
    return `its rows take about ${formatBytes(unpacked)}, of ${formatBytes(MAX_UNPACKED_BYTES)} that they may: write more and smaller files`;
  }
  try {
    return library.readParquet(bytes, { columns: names, batchSize: BATCH_ROWS }).intoIPCStream();
  } catch (error) {
    return typeof error === 'string' ? error : messageOf(error);
  }
}

const inputOf = (bytes: Uint8Array): MessageInput => ({
  bytesAt: (position, length) => bytes.subarray(position, position + length),
  readAt: (position, target) => target.set(bytes.subarray(position, position + target.length)),
});
