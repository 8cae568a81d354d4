/**
 * What the metadata of a record batch or a dictionary says of its body (`RecordBatch` in Arrow's format/Message.fbs):
 *
 *   0 i64 rows   1 nodes, 16 bytes each: i64 rows, i64 nulls   2 buffers, 16 bytes each: i64 offset in the body, i64 length
 *   3 compression: 0 i8 codec   4 i64 buffers of each column of views
 *
 * A dictionary wraps one: 0 i64 id   1 the record batch   2 whether its texts go behind those there are.
 */
import { fieldAt, isSoundArrowMessage } from './arrow-verify.js';

export interface ArrowBatchHead {
  readonly numRows: number;
  /** One a column, children behind their parents. */
  readonly nodes: readonly { readonly numRows: number; readonly numNulls: number }[];
  /** All within the body. */
  readonly buffers: readonly ArrowBuffer[];
  /** How many buffers each column of views has besides two. */
  readonly views: readonly number[];
}

export interface ArrowBuffer {
  /** Of its first byte, in the body. */
  readonly offset: number;
  readonly length: number;
}

export interface ArrowDictionaryHead {
  readonly id: number;
  readonly isDelta: boolean;
  readonly batch: ArrowBatchHead;
}

const PREFIX_BYTES = 8;
const CODECS = ['LZ4', 'ZSTD'];
const DAMAGED = 'its metadata is damaged';

/** Where the body begins, in a message whose metadata is complete. */
export const arrowBodyStart = (message: Uint8Array): number => PREFIX_BYTES + viewOf(message).getInt32(4, true);

/**
 * @param message its metadata complete; of the body nothing is looked at
 * @param bodyBytes how many the body has
 * @returns why it cannot be read, in words, where it cannot
 */
export const recordBatchHead = (message: Uint8Array, bodyBytes: number): ArrowBatchHead | string =>
  read(message, (view, table) => batchAt(view, table, bodyBytes));

/** The same of a dictionary's message. */
export const dictionaryHead = (message: Uint8Array, bodyBytes: number): ArrowDictionaryHead | string =>
  read(message, (view, table) => {
    const id = integerAt(view, fieldAt(view, table, 0));
    const dataAt = fieldAt(view, table, 1);
    const deltaAt = fieldAt(view, table, 2);
    if (dataAt === undefined) return DAMAGED;
    const batch = batchAt(view, dataAt + view.getUint32(dataAt, true), bodyBytes);
    const isDelta = deltaAt !== undefined && view.getUint8(deltaAt) !== 0;
    return typeof batch === 'string' ? batch : { id, isDelta, batch };
  });

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** What `make` finds in the message's header table. */
function read<T>(message: Uint8Array, make: (view: DataView, table: number) => T | string): T | string {
  if (!isSoundArrowMessage(message)) return DAMAGED;
  try {
    const view = viewOf(message.subarray(PREFIX_BYTES, arrowBodyStart(message)));
    const headerAt = fieldAt(view, view.getUint32(0, true), 2);
    return headerAt === undefined ? DAMAGED : make(view, headerAt + view.getUint32(headerAt, true));
  } catch (error) {
    if (error instanceof RangeError) return DAMAGED;
    throw error;
  }
}

function batchAt(view: DataView, table: number, bodyBytes: number): ArrowBatchHead | string {
  const compressionAt = fieldAt(view, table, 3);
  if (compressionAt !== undefined) {
    const codecAt = fieldAt(view, compressionAt + view.getUint32(compressionAt, true), 0);
    const codec = CODECS[codecAt === undefined ? 0 : view.getUint8(codecAt)] ?? 'a codec that is not known';
    return `it is compressed (${codec}), and only plain ones are read: write it without compression`;
  }
  const nodes = pairsAt(view, fieldAt(view, table, 1)).map(([numRows, numNulls]) => ({ numRows, numNulls }));
  const buffers = pairsAt(view, fieldAt(view, table, 2)).map(([offset, length]) => ({ offset, length }));
  const outside = buffers.findIndex(({ offset, length }) => offset + length > bodyBytes);
  if (outside >= 0) {
    const { offset, length } = buffers[outside] ?? { offset: 0, length: 0 };
    return `buffer ${outside} of ${length} bytes at ${offset} leads out of its ${bodyBytes} bytes`;
  }
  const viewsAt = fieldAt(view, table, 4);
  const views = viewsAt === undefined ? [] : listAt(view, viewsAt, 8).map(at => integerAt(view, at));
  return { numRows: integerAt(view, fieldAt(view, table, 0)), nodes, buffers, views };
}

function pairsAt(view: DataView, at: number | undefined): (readonly [number, number])[] {
  if (at === undefined) return [];
  return listAt(view, at, 16).map(item => [integerAt(view, item), integerAt(view, item + 8)]);
}

/** Where the items of a list stand. */
function listAt(view: DataView, at: number, itemBytes: number): number[] {
  const list = at + view.getUint32(at, true);
  return Array.from({ length: view.getUint32(list, true) }, (_, i) => list + 4 + i * itemBytes);
}

/** An i64 that is neither negative nor larger than a number holds exactly; throws a RangeError for others. */
function integerAt(view: DataView, at: number | undefined): number {
  const value = at === undefined ? 0 : Number(view.getBigInt64(at, true));
  if (value < 0 || !Number.isSafeInteger(value)) throw new RangeError('a length is negative or too large');
  return value;
}
