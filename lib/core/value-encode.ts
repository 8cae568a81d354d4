/**
 * Writes values into one growing buffer (format: `value-codec.ts`). Made for millions of small values a second: no
 * allocation a value, short strings by a loop over their characters (a call into Node costs more than 60 of them).
 *
 * Paths are not tracked while writing. When a value is refused, a second walk finds it and names it.
 */
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
import { NULL, OBJECT, SET, SHORT_STRING, SHORT_STRING_LIMIT, SMALL_INT, SMALL_INT_LIMIT } from './value-tags.js';
import { TRUE, UNDEFINED, UTF16, UTF8 } from './value-tags.js';
import { EngineError } from './errors.js';
import { refusalOf } from './value-refusal.js';

const FIRST_BYTES = 512;
/** A larger buffer is not kept by `reset`: one huge value must not hold memory for ever. */
const KEEP_BYTES = 4 * 1024 * 1024;
/** A block's offsets are 32 bits; half of that leaves room for what is added around the values. */
const MAX_BYTES = 2 ** 31;
/** The longest a varint gets: lengths are below 2^32. */
const MAX_VARINT_BYTES = 5;

/** Thrown inside, replaced by an error with the path before it leaves. */
const REFUSED = Symbol('refused');

interface WellFormed {
  isWellFormed(): boolean;
}

export class ValueWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;

  /** Bytes written since the last reset. */
  get length(): number {
    return this.#at;
  }

  /** What was written, as a view that the next write may change or leave behind. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#buffer.buffer, 0, this.#at);
  }

  /** The whole buffer, of which `length` bytes are written: `bytes()` without making a view. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  reset(): void {
    this.#at = 0;
    if (this.#buffer.length > KEEP_BYTES) this.#replace(FIRST_BYTES);
  }

  /** Forgets what was written after the first `length` bytes. */
  truncate(length: number): void {
    if (length < this.#at) this.#at = length;
  }

  /** Appends one value. When it is refused (`typeMismatch`), nothing of it stays. */
  write(value: unknown): void {
    const start = this.#at;
    try {
      this.#write(value, 0);
    } catch (error) {
      this.#at = start;
      throw error === REFUSED ? refusalOf(value) : error;
    }
  }

  /** Appends the head of a container; its `count` values (names and values, keys and values) must follow. */
  writeHead(tag: number, count: number): void {
    this.#reserve(1 + MAX_VARINT_BYTES);
    this.#buffer[this.#at++] = tag;
    this.#varint(count);
  }

  /** Appends four bytes, little-endian. */
  writeUint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** Appends eight bytes, little-endian, without a tag. */
  writeFloat64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** Appends a length or count below 2^32 in one to five bytes. */
  writeVarint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    this.#varint(value);
  }

  /** Appends `bytes[start .. end)` as they are. */
  append(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const numBytes = end - start;
    this.#reserve(numBytes);
    const buffer = this.#buffer;
    let at = this.#at;
    if (numBytes <= 64) for (let i = start; i < end; i++) buffer[at++] = bytes[i];
    else buffer.set(bytes.subarray(start, end), at);
    this.#at += numBytes;
  }

  #write(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        return this.#string(value);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return this.#byte(value ? TRUE : FALSE);
      case 'undefined':
        return this.#byte(UNDEFINED);
      case 'bigint':
        return this.#bigint(value);
      case 'object':
        return value === null ? this.#byte(NULL) : this.#object(value, depth);
      default:
        throw REFUSED;
    }
  }

  #byte(tag: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = tag;
  }

  #number(value: number): void {
    this.#reserve(9);
    const int = value | 0;
    // -0 | 0 is 0, and 0 === -0: only the reciprocal tells them apart.
    if (int === value && (int !== 0 || 1 / value > 0)) {
      if (int >= 0 && int < SMALL_INT_LIMIT) {
        this.#buffer[this.#at++] = SMALL_INT + int;
        return;
      }
      this.#buffer[this.#at++] = INT;
      this.#varint(((int << 1) ^ (int >> 31)) >>> 0);
    } else if (Number.isNaN(value)) {
      this.#buffer[this.#at++] = NOT_A_NUMBER;
    } else {
      this.#float64(FLOAT64, value);
    }
  }

  #float64(tag: number, value: number): void {
    this.#buffer[this.#at] = tag;
    this.#view.setFloat64(this.#at + 1, value, true);
    this.#at += 9;
  }

  #varint(value: number): void {
    const buffer = this.#buffer;
    let at = this.#at;
    while (value >= 0x80) {
      buffer[at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    buffer[at++] = value;
    this.#at = at;
  }

  #string(value: string): void {
    const numChars = value.length;
    if (numChars >= SHORT_STRING_LIMIT) return this.#longString(value);
    this.#reserve(1 + numChars);
    const buffer = this.#buffer;
    const start = this.#at;
    for (let i = 0; i < numChars; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) return this.#longString(value);
      buffer[start + 1 + i] = unit;
    }
    buffer[start] = SHORT_STRING + numChars;
    this.#at = start + 1 + numChars;
  }

  /** A string of any length and content that is not short ASCII. */
  #longString(value: string): void {
    const utf8Bytes = Buffer.byteLength(value, 'utf8');
    if (utf8Bytes === value.length) {
      this.#text(ASCII, value, utf8Bytes, 'latin1');
    } else if ((value as unknown as WellFormed).isWellFormed()) {
      this.#text(UTF8, value, utf8Bytes, 'utf8');
    } else {
      this.#text(UTF16, value, 2 * value.length, 'utf16le');
    }
  }

  #text(tag: number, value: string, numBytes: number, encoding: BufferEncoding): void {
    this.#reserve(1 + MAX_VARINT_BYTES + numBytes);
    this.#buffer[this.#at++] = tag;
    this.#varint(numBytes);
    this.#buffer.write(value, this.#at, numBytes, encoding);
    this.#at += numBytes;
  }

  #bigint(value: bigint): void {
    const digits = (value < 0n ? -value : value).toString(16);
    const numBytes = (digits.length + 1) >> 1;
    this.#reserve(2 + MAX_VARINT_BYTES + numBytes);
    this.#buffer[this.#at++] = BIGINT;
    this.#buffer[this.#at++] = value < 0n ? 1 : 0;
    this.#varint(numBytes);
    this.#buffer.write(digits.padStart(2 * numBytes, '0'), this.#at, 'hex');
    this.#buffer.subarray(this.#at, this.#at + numBytes).reverse();
    this.#at += numBytes;
  }

  #blob(tag: number, value: Uint8Array): void {
    this.writeHead(tag, value.length);
    this.append(value);
  }

  #object(value: object, depth: number): void {
    if (depth >= MAX_NESTING) throw REFUSED;
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.#record(value, depth);
    switch (prototype) {
      case Array.prototype:
        return this.#array(value as readonly unknown[], depth);
      case Date.prototype:
        this.#reserve(9);
        return this.#float64(DATE, (value as Date).getTime());
      case Uint8Array.prototype:
        return this.#blob(BYTES, value as Uint8Array);
      case Buffer.prototype:
        return this.#blob(BUFFER, value as Uint8Array);
      case Map.prototype:
        this.writeHead(MAP, (value as Map<unknown, unknown>).size);
        for (const [key, item] of value as Map<unknown, unknown>) {
          this.#write(key, depth + 1);
          this.#write(item, depth + 1);
        }
        return;
      case Set.prototype:
        this.writeHead(SET, (value as Set<unknown>).size);
        for (const item of value as Set<unknown>) this.#write(item, depth + 1);
        return;
      default:
        throw REFUSED;
    }
  }

  #array(value: readonly unknown[], depth: number): void {
    const numItems = value.length;
    this.writeHead(ARRAY, numItems);
    for (let i = 0; i < numItems; i++) this.#write(value[i], depth + 1);
  }

  #record(value: object, depth: number): void {
    const names = Object.keys(value);
    this.writeHead(OBJECT, names.length);
    for (const name of names) {
      this.#string(name);
      this.#write((value as { readonly [name: string]: unknown })[name], depth + 1);
    }
  }

  #reserve(numBytes: number): void {
    const wanted = this.#at + numBytes;
    if (wanted > this.#buffer.length) this.#grow(wanted);
  }

  #grow(wanted: number): void {
    if (wanted > MAX_BYTES) {
      throw new EngineError(
        'memoryLimit',
        `encoded values want ${wanted} bytes in one piece, ${MAX_BYTES} is the most: bound the batch (maxBatchBytes) or emit smaller values`,
      );
    }
    this.#replace(Math.min(MAX_BYTES, Math.max(wanted, 2 * this.#buffer.length)));
  }

  #replace(numBytes: number): void {
    const old = this.#buffer;
    this.#buffer = Buffer.allocUnsafeSlow(numBytes);
    this.#view = new DataView(this.#buffer.buffer);
    this.#buffer.set(old.subarray(0, this.#at));
  }
}
