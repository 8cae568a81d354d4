/**
 * Reads values out of bytes (format: `value-codec.ts`), which may lie in another slot's shared memory. What it returns
 * is of the caller's own heap. Damaged bytes end in an `internal` error with the offset, never in a wrong prototype, an
 * endless loop or an allocation larger than the bytes could fill.
 *
 * Short strings are cut from one latin1 string made of the next 16 KiB: half the cost of asking Node for each. Strings
 * of 13 characters and more are made on their own, because V8 would keep the 16 KiB alive with them.
 */
import { cachedName, spellAscii } from './ascii-text.js';
import { EngineError } from './errors.js';
import {
  ARRAY,
  ASCII,
  BIGINT,
  BUFFER,
  BYTES,
  DATE,
  FALSE,
  FLOAT64,
  INT,
  MAP,
  MAX_NESTING,
  NOT_A_NUMBER,
} from './value-tags.js';
import { NULL, OBJECT, SET, SHORT_STRING, SMALL_INT, TRUE, UNDEFINED, UTF16, UTF8 } from './value-tags.js';

const WINDOW_BYTES = 16 * 1024;
/** A reader over fewer bytes than this makes each string on its own. */
const MIN_WINDOWED_BYTES = 256;
/** V8 copies substrings shorter than 13 characters; longer ones point into their parent. */
const MAX_CUT_CHARS = 12;

/** An array of more items grows as they come. */
const MAX_ROOM_AT_ONCE = 4096;

/** A longer property name is not looked up among those seen lately. */
const MAX_CACHED_NAME = 32;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

export class ValueReader {
  #bytes: Uint8Array;
  /** The same bytes, made where Node is asked for a string. */
  #text: Buffer | undefined;
  #at: number;
  #end: number;
  #window = '';
  #windowStart = 0;
  #windowed: boolean;

  /** Reads values from `bytes[start .. end)`, which must not change until all are read or `offset` is set again. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#windowed = end - start >= MIN_WINDOWED_BYTES;
  }

  /** Index in `bytes` of the next value. */
  get offset(): number {
    return this.#at;
  }

  /** Reads on elsewhere. A reader that is moved about makes no windows: most of each would not be used. */
  set offset(offset: number) {
    this.#at = offset;
    this.#windowed = false;
  }

  /** True when no byte is left. */
  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** The next value. Throws `internal` when the bytes end inside it or are no value. */
  read(): unknown {
    return this.#read(0);
  }

  /** A number that `ValueWriter.writeUint32` wrote. */
  readUint32(): number {
    this.#need(4);
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at = at + 4;
    return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
  }

  /** A length or count that `ValueWriter.writeVarint` wrote. */
  readVarint(): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      this.#need(1);
      const byte = bytes[this.#at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw this.#damaged('a count of at most five bytes');
  }

  #read(depth: number): unknown {
    this.#need(1);
    const tag = this.#bytes[this.#at++];
    if (tag >= SMALL_INT) return tag - SMALL_INT;
    if (tag >= SHORT_STRING) return this.#ascii(tag - SHORT_STRING);
    switch (tag) {
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case NOT_A_NUMBER:
        return Number.NaN;
      case FLOAT64:
        return this.#float64();
      case INT: {
        const zigzag = this.readVarint();
        return (zigzag >>> 1) ^ -(zigzag & 1);
      }
      case ASCII:
        return this.#ascii(this.#length());
      case UTF8:
        return this.#string('utf8', this.#length());
      case UTF16:
        return this.#string('utf16le', this.#length());
      case BIGINT:
        return this.#bigint();
      case DATE:
        return new Date(this.#float64());
      case BYTES:
        return new Uint8Array(this.#take(this.#length()));
      case BUFFER:
        return Buffer.from(this.#take(this.#length()));
      default:
        return this.#container(tag, depth);
    }
  }

  #container(tag: number, depth: number): unknown {
    if (depth >= MAX_NESTING) throw this.#damaged(`nesting of at most ${MAX_NESTING} levels`);
    switch (tag) {
      case ARRAY: {
        const count = this.#length();
        // Pairs are what shuffles carry; an array that grows by push takes room for 17 items at once.
        if (count === 2) return [this.#read(depth + 1), this.#read(depth + 1)];
        const items: unknown[] = [];
        // No more room than for bytes that are there would be: arrays in arrays could all say that they fill them.
        items.length = Math.min(count, MAX_ROOM_AT_ONCE);
        for (let i = 0; i < count; i++) items[i] = this.#read(depth + 1);
        return items;
      }
      case OBJECT: {
        const count = this.#length();
        const object: { [name: string]: unknown } = {};
        for (let i = 0; i < count; i++) {
          const name = this.#name();
          const value = this.#read(depth + 1);
          if (name === '__proto__')
            Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
          else object[name] = value;
        }
        return object;
      }
      case MAP: {
        const count = this.#length();
        const map = new Map<unknown, unknown>();
        for (let i = 0; i < count; i++) {
          const key = this.#read(depth + 1);
          map.set(key, this.#read(depth + 1));
        }
        return map;
      }
      case SET: {
        const count = this.#length();
        const set = new Set<unknown>();
        for (let i = 0; i < count; i++) set.add(this.#read(depth + 1));
        return set;
      }
      default:
        this.#at--;
        throw this.#damaged('the tag of a value');
    }
  }

  #name(): string {
    this.#need(1);
    const tag = this.#bytes[this.#at];
    const numChars = tag - SHORT_STRING;
    if (numChars < 0 || numChars > MAX_CACHED_NAME) {
      const name = this.#read(MAX_NESTING);
      if (typeof name !== 'string') throw this.#damaged('the name of a property');
      return name;
    }
    this.#at++;
    this.#need(numChars);
    const at = this.#at;
    this.#at = at + numChars;
    return cachedName(this.#bytes, at, numChars);
  }

  #ascii(numChars: number): string {
    if (numChars > MAX_CUT_CHARS) return this.#string('latin1', numChars);
    this.#need(numChars);
    const at = this.#at;
    if (!this.#windowed) {
      this.#at = at + numChars;
      return spellAscii(this.#bytes, at, numChars);
    }
    let from = at - this.#windowStart;
    if (from < 0 || from + numChars > this.#window.length) {
      this.#window = this.#asText().toString('latin1', at, Math.min(this.#end, at + WINDOW_BYTES));
      this.#windowStart = at;
      from = 0;
    }
    this.#at = at + numChars;
    return this.#window.slice(from, from + numChars);
  }

  #string(encoding: BufferEncoding, numBytes: number): string {
    this.#need(numBytes);
    const at = this.#at;
    this.#at = at + numBytes;
    return this.#asText().toString(encoding, at, at + numBytes);
  }

  #asText(): Buffer {
    const bytes = this.#bytes;
    return (this.#text ??= Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  #float64(): number {
    this.#need(8);
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < 8; i++) floatBytes[i] = bytes[at + i];
    this.#at = at + 8;
    return float[0];
  }

  #bigint(): bigint {
    this.#need(1);
    const negative = this.#bytes[this.#at++] === 1;
    const digits = Buffer.from(this.#take(this.#length()).toReversed()).toString('hex');
    const magnitude = digits === '' ? 0n : BigInt(`0x${digits}`);
    return negative ? -magnitude : magnitude;
  }

  /** A length in bytes, or a count of things of one byte at the least: not more than the bytes that are left. */
  #length(): number {
    const length = this.readVarint();
    this.#need(length);
    return length;
  }

  #take(numBytes: number): Uint8Array {
    const at = this.#at;
    this.#at = at + numBytes;
    return this.#bytes.subarray(at, at + numBytes);
  }

  #need(numBytes: number): void {
    if (this.#at + numBytes > this.#end) throw this.#damaged(`${numBytes} bytes more`);
  }

  #damaged(wanted: string): EngineError {
    return new EngineError(
      'internal',
      `encoded value wants ${wanted} at offset ${this.#at} of ${this.#end}: the bytes are damaged or no value`,
    );
  }
}
