/**
 * What it means that two keys are the same, in every thread and run: their canonical bytes are equal. Canonical bytes
 * are an encoded value (`value-codec.ts`) with nothing left to choose, so they decode to the key again. They decide the
 * partition of a pair and where its state is found.
 *
 *   same key                                       different keys
 *   1 and 1.0, 0 and -0, NaN and NaN               1, '1', 1n and true; null and undefined
 *   strings of the same UTF-16 units               'a' and 'A'; composed and decomposed accents
 *   { a, b } and { b, a }, whatever the prototype  {} and { a: undefined }
 *   arrays with the same elements in order         [1, 2] and [2, 1]; [1] and 1
 *   Dates of the same time; two invalid Dates      a Date and its time as a number
 *   Uint8Array and Buffer of the same bytes        bytes and the array of their numbers
 *   Maps, Sets with the same entries in any order  a Map and the object with its entries
 *
 * A key read back has this form: names of objects and entries of Maps and Sets in their canonical order, 0 for -0,
 * a Uint8Array for a Buffer.
 */
import { EngineError } from './errors.js';
import { ARRAY, BYTES, MAP, MAX_NESTING, OBJECT, SET } from './value-tags.js';
import { refusalOf } from './value-refusal.js';
import { ValueWriter } from './value-encode.js';

/** What a JavaScript Map tells apart in the same way as the rules above tell keys. */
export type KeyIdentity = string | number | bigint | boolean | null | undefined;

/** Begins the identity of every key that is not a primitive, and of strings that begin with it themselves. */
const MARK = '\0';

let spare: ValueWriter | undefined;

/** The canonical bytes of a key, in an array of the caller's own. Throws `typeMismatch` naming what cannot be a key. */
export function keyBytes(key: unknown): Uint8Array {
  return withKey(key, writer => writer.bytes().slice());
}

/**
 * The key as a primitive, to group by in a Map within one task: two keys have the same identity exactly when they have
 * the same canonical bytes. Free for strings and numbers.
 */
export function keyOf(key: unknown): KeyIdentity {
  switch (typeof key) {
    case 'string':
      return key.charCodeAt(0) === 0 ? `${MARK}${MARK}${key}` : key;
    case 'number':
    case 'boolean':
    case 'bigint':
    case 'undefined':
      return key;
    default:
      if (key === null) return null;
      return withKey(key, writer => identityOf(writer.bytes(), 0, writer.length));
  }
}

/** `keyOf` of a key that was decoded from its canonical bytes `bytes[start .. end)`, without encoding it again. */
export function keyOfEncoded(key: unknown, bytes: Uint8Array, start: number, end: number): KeyIdentity {
  return typeof key === 'object' && key !== null ? identityOf(bytes, start, end) : keyOf(key);
}

/** Appends a key's canonical bytes. When it is refused (`typeMismatch`), nothing of it stays. */
export function writeKey(writer: ValueWriter, key: unknown): void {
  const start = writer.length;
  try {
    writeCanonical(writer, key, 0);
  } catch (error) {
    writer.truncate(start);
    throw error instanceof EngineError && error.code === 'typeMismatch' ? refusalOf(key, 'key') : error;
  }
}

function writeCanonical(writer: ValueWriter, value: unknown, depth: number): void {
  if (typeof value === 'number') return writer.write(value === 0 ? 0 : value);
  if (typeof value !== 'object' || value === null) return writer.write(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Date.prototype || prototype === Uint8Array.prototype) return writer.write(value);
  if (depth >= MAX_NESTING) throw refusalOf(value, 'key');
  if (prototype === Object.prototype || prototype === null) {
    const names = Object.keys(value).toSorted();
    writer.writeHead(OBJECT, names.length);
    for (const name of names) {
      writer.write(name);
      writeCanonical(writer, (value as { readonly [name: string]: unknown })[name], depth + 1);
    }
    return;
  }
  switch (prototype) {
    case Array.prototype: {
      const items = value as readonly unknown[];
      writer.writeHead(ARRAY, items.length);
      for (let i = 0; i < items.length; i++) writeCanonical(writer, items[i], depth + 1);
      return;
    }
    case Buffer.prototype:
      writer.writeHead(BYTES, (value as Uint8Array).length);
      return writer.append(value as Uint8Array);
    case Map.prototype:
      return writeSorted(writer, MAP, [...(value as Map<unknown, unknown>)], depth);
    case Set.prototype:
      return writeSorted(
        writer,
        SET,
        Array.from(value as Set<unknown>, item => [item]),
        depth,
      );
    default:
      throw refusalOf(value, 'key');
  }
}

/** Entries by their bytes: each is written on its own behind the head, and all of them again in order. */
function writeSorted(writer: ValueWriter, tag: number, entries: readonly (readonly unknown[])[], depth: number): void {
  writer.writeHead(tag, entries.length);
  const start = writer.length;
  const encoded = entries.map(entry => {
    for (const part of entry) writeCanonical(writer, part, depth + 1);
    const bytes = writer.bytes().slice(start);
    writer.truncate(start);
    return bytes;
  });
  for (const bytes of encoded.toSorted(Buffer.compare)) writer.append(bytes);
}

function withKey<T>(key: unknown, use: (writer: ValueWriter) => T): T {
  // Taken out while in use: a getter of the key may come back here.
  const writer = spare ?? new ValueWriter();
  spare = undefined;
  writer.reset();
  writeKey(writer, key);
  const result = use(writer);
  spare = writer;
  return result;
}

function identityOf(bytes: Uint8Array, start: number, end: number): string {
  return MARK + Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
