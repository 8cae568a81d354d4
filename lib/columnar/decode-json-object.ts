import type { NdjsonFormat } from '../core/format.js';
import { isItemNumber, pathOf, type JsonPath } from '../core/json-paths.js';
import { described, Misfit, valueOfJson, type CellValue } from './decode-value.js';

/** The values of the declared columns of what JSON.parse gave for one record, or why it has none. */
export function valuesOfObject(format: NdjsonFormat, parsed: unknown): CellValue[] | Misfit {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return new Misfit(`a JSON object wanted, got ${described(parsed)}`);
  }
  const values: CellValue[] = [];
  for (const column of format.columns) {
    const value = valueOfJson(column, valueAt(parsed, pathOf(column, format.paths)));
    if (value instanceof Misfit) return value;
    values.push(value);
  }
  return values;
}

/** Undefined where there is nothing: a field that is missing, or something on the way that has no fields. */
function valueAt(parsed: object, path: JsonPath): unknown {
  let value: unknown = parsed;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) && !isItemNumber(name)) return undefined;
    // Own fields only: an object inherits names such as `constructor`.
    value = Object.hasOwn(value, name) ? (value as { readonly [name: string]: unknown })[name] : undefined;
  }
  return value;
}
