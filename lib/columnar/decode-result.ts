import type { ColumnChunk } from './chunk.js';
import type { Address } from './slot-memory.js';

/** A record that could not be read. */
export interface BadSlice {
  /** Of the record's first byte, from the address that was decoded. */
  readonly offset: number;
  /** Without the line end. */
  readonly byteLength: number;
  /** What was wanted and what came, with the column's name. */
  readonly reason: string;
}

export interface Decoded {
  /** The good records, in order. Its arrays are scratch: valid until the caller releases it. */
  readonly chunk: ColumnChunk;
  /** Bytes of complete records, line ends included: decode again from here with more bytes behind. */
  readonly consumed: number;
  /** Good records that the filter left out. */
  readonly dropped: number;
  /** In order of offset. */
  readonly bad: readonly BadSlice[];
}

/** Turns regions of a slot's memory into columns. Keeps nothing from call to call. */
export interface Decoder {
  /**
   * Decodes the complete records of a region that begins at a record's first byte. Text is not copied: slices point
   * into the region, which must stay as it is while the chunk is used.
   *
   * @param final the input ends with this region: its last record may lack its line end, and all bytes are consumed
   */
  decode(address: Address, byteLength: number, final: boolean): Decoded;
}
