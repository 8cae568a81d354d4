/**
 * States that know when they were last updated, as values of a state table: a little-endian f64 with the batch time,
 * epoch milliseconds, then the state's encoded value (`core/value-codec.ts`). So the time is part of every delta and
 * snapshot.
 */
import { decodeValue, encodeValue } from '../core/value-codec.js';

/** The time of a state that no batch has seen: an initial one. It is older than every other. */
export const BEFORE_ALL = Number.NEGATIVE_INFINITY;

/** Where the encoded state begins. */
export const TIME_BYTES = 8;

/** Throws `typeMismatch` for a state that is not plain data. */
export function encodeTimed(time: number, state: unknown): Uint8Array {
  const encoded = encodeValue(state);
  const value = new Uint8Array(TIME_BYTES + encoded.length);
  new DataView(value.buffer).setFloat64(0, time, true);
  value.set(encoded, TIME_BYTES);
  return value;
}

/** When the state was last updated. */
export const timeOf = (value: Uint8Array): number =>
  new DataView(value.buffer, value.byteOffset, value.length).getFloat64(0, true);

export const decodeTimed = (value: Uint8Array): unknown => decodeValue(value, TIME_BYTES);
