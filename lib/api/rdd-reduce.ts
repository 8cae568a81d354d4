/** What actions do with rows in each partition, and again in the driver with what the partitions gave. All of it is pure. */
import { EngineError } from '../core/errors.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';
import { keyOf, type KeyIdentity } from '../core/value-key.js';

/** Gives a copy of a value whenever it is called: what is folded into may be changed by the function that folds. */
export function copiesOf<T>(value: T): () => T {
  const bytes = encodeValue(value);
  return () => decodeValue(bytes) as T;
}

export function foldRows<T, U>(rows: Iterable<T>, zero: U, f: (folded: U, row: T) => U): U {
  let folded = zero;
  for (const row of rows) folded = f(folded, row);
  return folded;
}

/** One pair for each key, in order of first appearance, its values combined. */
export function combinePairs<K, V>(pairs: Iterable<readonly [K, V]>, f: (a: V, b: V) => V): (readonly [K, V])[] {
  const combined = new Map<KeyIdentity, [K, V]>();
  for (const [key, value] of pairs) {
    const identity = keyOf(key);
    const entry = combined.get(identity);
    if (entry === undefined) combined.set(identity, [key, value]);
    else entry[1] = f(entry[1], value);
  }
  return [...combined.values()];
}

/** The first of the rows. Throws `emptyRdd` where there is none. */
export function requireFirst<T>(rows: readonly T[], label: string): T {
  if (rows.length > 0) return rows[0] as T;
  throw new EngineError('emptyRdd', `first() wants a row, ${label} has none in this batch: use take(1)`);
}
