/**
 * The order of keys, which sorting goes by: total over everything that can be a key, the same in every thread and run,
 * and 0 exactly where two keys are the same key (`value-key.ts`). Keys of different kinds are in order of this list:
 *
 *   undefined, null
 *   false, true
 *   numbers and bigints by value, a number before the bigint of the same value; -0 is 0; NaN after all of them
 *   strings by UTF-16 unit, as `<` does
 *   Dates by time, an invalid one after all others
 *   bytes by value, the shorter first where one begins the other
 *   arrays by their first elements that differ, the shorter first where one begins the other
 *   objects by their first names, sorted, that differ, then by the first values under them that do, the smaller first
 *   Maps, then Sets, by their canonical bytes: always in the same order, though in none that means anything
 */
import { keyBytes } from './value-key.js';
import { refusalOf } from './value-refusal.js';

const UNDEFINED = 0;
const NULL = 1;
const BOOLEAN = 2;
const NUMERIC = 3;
const STRING = 4;
const DATE = 5;
const BYTES = 6;
const ARRAY = 7;
const OBJECT = 8;
const MAP = 9;
const SET = 10;

/** Below 0: a first; above: b first; 0: the same key. Throws `typeMismatch` for what cannot be a key. */
export function compareKeys(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareNative(a, b);
  const rank = rankOf(a);
  const difference = rank - rankOf(b);
  if (difference !== 0) return difference;
  switch (rank) {
    case UNDEFINED:
    case NULL:
      return 0;
    case BOOLEAN:
      return Number(a) - Number(b);
    case NUMERIC:
      return compareNumeric(a as number | bigint, b as number | bigint);
    case DATE:
      return compareNumbers((a as Date).getTime(), (b as Date).getTime());
    case BYTES:
      return Buffer.compare(a as Uint8Array, b as Uint8Array);
    case ARRAY:
      return compareArrays(a as readonly unknown[], b as readonly unknown[]);
    case OBJECT:
      return compareObjects(a as Fields, b as Fields);
    default:
      return Buffer.compare(keyBytes(a), keyBytes(b));
  }
}

type Fields = { readonly [name: string]: unknown };

function rankOf(key: unknown): number {
  switch (typeof key) {
    case 'undefined':
      return UNDEFINED;
    case 'boolean':
      return BOOLEAN;
    case 'number':
    case 'bigint':
      return NUMERIC;
    case 'string':
      return STRING;
    case 'object':
      return key === null ? NULL : rankOfObject(key);
    default:
      throw refusalOf(key, 'key');
  }
}

function rankOfObject(key: object): number {
  const prototype: unknown = Object.getPrototypeOf(key);
  switch (prototype) {
    case Array.prototype:
      return ARRAY;
    case Object.prototype:
    case null:
      return OBJECT;
    case Date.prototype:
      return DATE;
    case Uint8Array.prototype:
    case Buffer.prototype:
      return BYTES;
    case Map.prototype:
      return MAP;
    case Set.prototype:
      return SET;
    default:
      throw refusalOf(key, 'key');
  }
}

/** For values that `<` and `>` order totally. */
const compareNative = <T extends string | number | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** NaN is the same as NaN and after everything else. */
function compareNumbers(a: number, b: number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

function compareNumeric(a: number | bigint, b: number | bigint): number {
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b);
  const aIsNaN = Number.isNaN(a);
  const bIsNaN = Number.isNaN(b);
  if (aIsNaN || bIsNaN) return Number(aIsNaN) - Number(bIsNaN);
  // JavaScript compares a number with a bigint by their exact values.
  return compareNative(a, b) || Number(typeof a === 'bigint') - Number(typeof b === 'bigint');
}

function compareArrays(a: readonly unknown[], b: readonly unknown[]): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const order = compareKeys(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareObjects(a: Fields, b: Fields): number {
  const names = Object.keys(a).toSorted();
  const order = compareArrays(names, Object.keys(b).toSorted());
  if (order !== 0) return order;
  for (const name of names) {
    const difference = compareKeys(a[name], b[name]);
    if (difference !== 0) return difference;
  }
  return 0;
}
