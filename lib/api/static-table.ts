/**
 * A table that streams are joined to: small enough that each worker has all of it. A version of it is loaded once a
 * worker; which version a batch reads is in the offset log, so that a batch that runs again reads what it read the first
 * time, whatever became of the file.
 */
import { EngineError } from '../core/errors.js';
import type { Format } from '../core/format.js';
import type { Schema } from '../core/schema.js';
import { columnsOfTable, type TableContent } from '../core/table-content.js';
import { parseDuration, type Duration } from '../core/time.js';
import type { NamesOf } from '../expr/names.js';
import type { Renamed } from './column-rows.js';

export interface StaticTableOptions {
  /** What the offset log and messages call it; default `table`, `table-2` and so on. */
  readonly id?: string;
}

export interface FileTableOptions extends StaticTableOptions {
  /**
   * How often, in batch time, the file is looked at for a new version, or `never`: at a start only. It is read when its size,
   * time or inode number is another. Default 1 s. Replace the file as a whole, by a rename.
   */
  readonly refresh?: Duration | 'never';
}

/** A column of a table as joins have it, and its name in the table's content. */
export interface TableColumn {
  readonly name: string;
  readonly from: string;
}

export class StaticTable<R> {
  readonly id: string;
  /** @internal */
  readonly content: TableContent;
  /** @internal */
  readonly columns: readonly TableColumn[];
  declare readonly __row?: R;

  /** @internal */
  constructor(id: string, content: TableContent, columns: readonly TableColumn[] = plainColumns(content)) {
    this.id = id;
    this.content = content;
    this.columns = columns;
  }

  /** The same table with columns under other names, `rename({ old: 'new' })`; it is loaded once. */
  rename<const M extends { readonly [N in NamesOf<R>]?: string }>(names: M): StaticTable<Renamed<R, M>> {
    const given: Readonly<Record<string, string>> = names as Record<string, string>;
    const known = this.columns.map(({ name }) => name);
    const unknown = Object.keys(given).find(name => !known.includes(name));
    if (unknown !== undefined) {
      const message = `rename of table '${this.id}' wants columns out of ${known.join(', ')}; got '${unknown}'`;
      throw new EngineError('jobInvalid', message);
    }
    const columns = this.columns.map(({ name, from }) => ({
      name: Object.hasOwn(given, name) ? String(given[name]) : name,
      from,
    }));
    const twice = columns.find(({ name }, i) => columns.findIndex(other => other.name === name) !== i);
    if (twice !== undefined) {
      const message = `rename of table '${this.id}' wants names that differ, there would be two columns '${twice.name}'`;
      throw new EngineError('jobInvalid', message);
    }
    return new StaticTable(this.id, this.content, columns);
  }
}

const plainColumns = (content: TableContent): readonly TableColumn[] =>
  columnsOfTable(content).map(({ name }) => ({ name, from: name }));

/** What `staticTable` is given, checked. `refreshMs` null: never. */
export interface TableSource {
  readonly content: TableContent;
  readonly rows: readonly unknown[] | undefined;
  readonly refreshMs: number | null;
}

const DEFAULT_REFRESH_MS = 1000;

/** Throws `optionInvalid` for what is neither a file and its format nor rows and their schema. */
export function tableSource(
  from: string | readonly unknown[],
  described: Format | Schema,
  options: FileTableOptions,
): TableSource {
  if (typeof from !== 'string') {
    if (!Array.isArray(from) || 'kind' in described)
      throw new EngineError(
        'optionInvalid',
        `staticTable wants (path, csv(schema) or ndjson(schema)) or (rows, schema), got ${typeof from}`,
      );
    return { content: { kind: 'rows', columns: described.columns }, rows: from, refreshMs: null };
  }
  if (from === '') throw new EngineError('optionInvalid', 'staticTable wants the path of a file, got an empty string');
  if (!('kind' in described) || described.kind === 'text') {
    const got = 'kind' in described ? 'text()' : 'a schema';
    throw new EngineError('optionInvalid', `staticTable of a file wants csv(schema) or ndjson(schema), got ${got}`);
  }
  const { refresh = DEFAULT_REFRESH_MS } = options;
  const refreshMs = refresh === 'never' ? null : parseDuration(refresh, 'refresh of staticTable');
  return { content: { kind: 'file', path: from, format: described }, rows: undefined, refreshMs };
}
