/** The values in a key's bytes (`keys.ts` has the format), one key at a time: for tools, which meet a key once. */
import { EngineError } from '../core/errors.js';
import { formatSchema, type Column, type ColumnKind } from '../core/schema.js';
import { isPlainKey } from './keys.js';

/** What a key column holds: text, a number (int64 and timestamp are safe integers), a boolean, or null. */
export type KeyValue = string | number | boolean | null;

/** One length byte of text means that four bytes of length follow. */
const LONG_TEXT = 255;

/** @returns one value a column. Throws `checkpointCorrupt` when the bytes are no key of these columns. */
export function keyValues(columns: readonly Column[], key: Uint8Array): KeyValue[] {
  if (isPlainKey(columns)) return [textOf(key)];
  const reader = new KeyReader(columns, key);
  const values = columns.map(({ kind, nullable }, i) =>
    nullable && reader.byte() === 0 ? null : reader.value(kind, i === columns.length - 1),
  );
  reader.end();
  return values;
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

class KeyReader {
  readonly #columns: readonly Column[];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(columns: readonly Column[], bytes: Uint8Array) {
    this.#columns = columns;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  value(kind: ColumnKind, isLast: boolean): KeyValue {
    switch (kind) {
      case 'utf8':
        return textOf(this.#text(isLast));
      case 'int32':
        return this.#view.getInt32(this.#take(4), true);
      case 'int64':
      case 'timestamp':
        return Number(this.#view.getBigInt64(this.#take(8), true));
      case 'float64':
        return this.#view.getFloat64(this.#take(8), true);
      case 'bool':
        return this.byte() !== 0;
    }
  }

  /** Nothing may be left over. */
  end(): void {
    if (this.#at !== this.#bytes.length) this.#refuse();
  }

  #text(isLast: boolean): Uint8Array {
    let length = this.#bytes.length - this.#at;
    if (!isLast) {
      length = this.byte();
      if (length === LONG_TEXT) length = this.#view.getUint32(this.#take(4), true);
    }
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) this.#refuse();
    this.#at = start + length;
    return start;
  }

  #refuse(): never {
    throw new EngineError(
      'checkpointCorrupt',
      `a key of (${formatSchema(this.#columns)}) is wanted, its ${this.#bytes.length} bytes are none`,
    );
  }
}
