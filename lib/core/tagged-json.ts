/**
 * Values of a job as JSON text, so that different values give different text. What JSON has not is an object with one
 * name that begins with `$`:
 *
 *   {"$number":"NaN"}  NaN, Infinity, -Infinity, -0     {"$bigint":"12"}       {"$date":"2024-01-01T00:00:00.000Z"}, or null
 *   {"$bytes":"base64"}                                 {"$undefined":true}    {"$map":[[key,value], ...]}
 *   {"$set":[value, ...]}                               {"$object":[[name,value], ...]}  an object that has such a name itself
 */
import type { Json } from './json.js';

/** @param value what `decodeValue` gives; anything else than plain data is taken as an object with its own names */
export function taggedJson(value: unknown): Json {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : `${value}` };
    case 'bigint':
      return { $bigint: String(value) };
    case 'undefined':
      return { $undefined: true };
    case 'string':
    case 'boolean':
      return value;
    default:
      return typeof value === 'object' && value !== null ? taggedObject(value) : null;
  }
}

function taggedObject(value: object): Json {
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() };
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  }
  if (Array.isArray(value)) return Array.from(value, taggedJson);
  if (value instanceof Map) return { $map: Array.from(value, ([key, item]) => [taggedJson(key), taggedJson(item)]) };
  if (value instanceof Set) return { $set: Array.from(value, taggedJson) };
  const entries = Object.entries(value).map(([name, item]): [string, Json] => [name, taggedJson(item)]);
  return entries.some(([name]) => name.startsWith('$')) ? { $object: entries } : Object.fromEntries(entries);
}
