/** A record that could not be read, as it goes to the dead-letter output. */
export interface BadRecord {
  /** Id of the source. */
  readonly source: string;
  /** Path, topic or address the bytes came from. */
  readonly file: string;
  /** Byte offset of the record's first byte in `file`. */
  readonly byteOffset: number;
  /** 1-based line number in `file`, or 0 where it is not known. */
  readonly line: number;
  /** What was wanted and what came, with the column's name. */
  readonly reason: string;
  /** The record without its line end, cut to the first 64 KiB. */
  readonly bytes: Uint8Array;
}
