/**
 * Values as bytes: what a job's functions emit, when it leaves their thread's heap (shuffle and cache blocks, state,
 * offset ranges of queue sources). Each value is one tag byte and what the tag says; there is no alignment.
 *
 *   tag          then                                          value
 *   00 01 02 03                                                undefined, null, false, true
 *   04                                                         NaN
 *   05           8 bytes, little-endian                        any other number, -0 among them
 *   06           varint of the zigzag form                     integer of 32 bits, if not 0 .. 127
 *   80 .. ff                                                   integer 0 .. 127
 *   07           varint n, n bytes                             string, all ASCII
 *   40 .. 7f     n = tag - 40 bytes                            string, all ASCII, shorter than 64
 *   08           varint n, n bytes                             string, UTF-8
 *   09           varint n, n bytes                             string with a lone surrogate, UTF-16 little-endian
 *   0a           sign byte (1 = negative), varint n, n bytes   bigint, magnitude little-endian
 *   0b           8 bytes, little-endian                        Date: epoch milliseconds, or NaN
 *   0c, 0d       varint n, n bytes                             Uint8Array, Buffer
 *   0e           varint n, n values                            array; a hole is undefined
 *   0f           varint n, n times (string, value)             plain object, own enumerable names in their order
 *   10           varint n, n times (value, value)              Map, in its order
 *   11           varint n, n values                            Set, in its order
 *
 * A value has exactly one such form, except that objects, Maps and Sets keep their order: `value-key.ts` removes that
 * and so makes bytes that are equal exactly when the contents are. An object without prototype comes back with the
 * usual one. A name such as `__proto__` or `constructor` becomes an own property, never a prototype. Everything else
 * (functions, symbols, instances of other classes, nesting beyond 200 levels) is refused with a `typeMismatch` that
 * names its path. Names that are symbols, and properties that an array has beside its elements, are left out.
 */
import { EngineError } from './errors.js';
import { ValueReader } from './value-decode.js';
import { ValueWriter } from './value-encode.js';

let spare: ValueWriter | undefined;

/** The bytes of one value, in an array of the caller's own. Throws `typeMismatch` naming what cannot be written. */
export function encodeValue(value: unknown): Uint8Array {
  // Taken out while in use: a getter of the value may come back here.
  const writer = spare ?? new ValueWriter();
  spare = undefined;
  writer.reset();
  writer.write(value);
  const bytes = writer.bytes().slice();
  spare = writer;
  return bytes;
}

/**
 * The one value that fills `bytes[start .. end)`, which may lie in shared memory; nothing of the result does.
 * Throws `internal` when the bytes are no value or when some are left over.
 */
export function decodeValue(bytes: Uint8Array, start = 0, end = bytes.length): unknown {
  const reader = new ValueReader(bytes, start, end);
  const value = reader.read();
  if (reader.offset !== end) {
    throw new EngineError(
      'internal',
      `one value wanted in ${end - start} bytes, it ended after ${reader.offset - start}`,
    );
  }
  return value;
}
