import { EngineError } from './errors.js';
import { didYouMean } from './nearest.js';
import type { Column } from './schema.js';

/** Where a value lies in a JSON object: names of fields, and numbers of items in arrays. */
export type JsonPath = readonly [string, ...string[]];

/** By column: names with dots between them (`user.address.city`, `items.0.id`), or a list where a name has a dot itself. */
export type JsonPathOptions<R> = { readonly [N in keyof R]?: string | readonly string[] };

/** The path of each column that is not a field of the record itself under its own name. */
export type JsonPaths = { readonly [column: string]: JsonPath };

/** An item of an array, by its number. */
export const isItemNumber = (name: string): boolean => /^(?:0|[1-9]\d{0,8})$/.test(name);

/** The paths of a column's value: its own name where none is given. */
export const pathOf = (column: Column, paths: JsonPaths | undefined): JsonPath =>
  paths !== undefined && Object.hasOwn(paths, column.name) ? paths[column.name] : [column.name];

/**
 * Throws `optionInvalid` for a path of no declared column, without names, or which leads to the same place as another
 * or through it: a column's value has no fields.
 */
export function jsonPaths(
  columns: readonly Column[],
  given: { readonly [column: string]: string | readonly string[] | undefined },
): JsonPaths {
  const paths: [string, JsonPath][] = [];
  for (const [name, path] of Object.entries(given)) {
    if (path === undefined) continue;
    const names = columns.map(column => column.name);
    if (!names.includes(name)) {
      throw new EngineError(
        'optionInvalid',
        `ndjson paths want columns of the schema (${names.join(', ')}), got ${name}${didYouMean(name, names)}`,
      );
    }
    const [first, ...rest] = typeof path === 'string' ? path.split('.') : path;
    if (first === undefined || [first, ...rest].some(part => typeof part !== 'string' || part === '')) {
      throw new EngineError(
        'optionInvalid',
        `ndjson path of ${name} wants names with dots between them, such as user.id, got ${JSON.stringify(path)}`,
      );
    }
    paths.push([name, [first, ...rest]]);
  }
  const made: JsonPaths = Object.fromEntries(paths);
  refuseOverlaps(columns.map(column => ({ name: column.name, path: pathOf(column, made) })));
  return made;
}

function refuseOverlaps(all: readonly { readonly name: string; readonly path: JsonPath }[]): void {
  for (const a of all) {
    const b = all.find(other => other !== a && a.path.every((part, i) => other.path[i] === part));
    if (b === undefined) continue;
    throw new EngineError(
      'optionInvalid',
      `ndjson columns want places of their own, and ${b.name} is read from ${b.path.join('.')}, which lies at or in that of ` +
        `${a.name} (${a.path.join('.')}): leave one of them out, or copy it with withColumn`,
    );
  }
}
