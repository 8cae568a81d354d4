/** Joins of a stream's columns to a static table as plan nodes, and the rows that come out, for the compiler. */
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { columnsOfTable } from '../core/table-content.js';
import { columnNamed } from '../expr/bind-expr.js';
import type { NamesOf } from '../expr/names.js';
import type { JoinTableOperation, NodeId } from '../plan/node.js';
import { declaredColumns } from './column-operations.js';
import type { StaticTable } from './static-table.js';
import type { StreamGraph } from './stream-graph.js';

/** Which rows belong together: a column of both, several of both, or `{ column: 'column of the table' }`. */
export type JoinOn<T, R> =
  | (NamesOf<T> & NamesOf<R>)
  | readonly [NamesOf<T> & NamesOf<R>, ...(NamesOf<T> & NamesOf<R>)[]]
  // Of rows without columns it would be {}, which any text is.
  | ([NamesOf<T>] extends [never] ? never : { readonly [N in NamesOf<T>]?: NamesOf<R> });

/** The table's columns among those of a join. */
type TableKeys<On> = On extends string ? On : On extends readonly (infer N)[] ? N : On[keyof On];
type Added<R, On> = { readonly [K in keyof R as K extends TableKeys<On> ? never : K]: R[K] };
type Flat<T> = { readonly [K in keyof T]: T[K] };

/** Rows of an inner join: the stream's columns and those of the table that it was not joined by. */
export type Joined<T, R, On> = Flat<T & Added<R, On>>;
type Nulls<A> = { readonly [K in keyof A]: A[K] | null };
/** The same of a left join. */
export type LeftJoined<T, R, On> = Flat<T & Nulls<Added<R, On>>>;

export type JoinHow = JoinTableOperation['how'];

const HOWS: readonly JoinHow[] = ['inner', 'left', 'semi', 'anti'];

/** Throws `jobInvalid` for columns that are not there, are of two types, or would be there twice. */
export function joinTable<R>(
  graph: StreamGraph,
  parent: NodeId,
  table: StaticTable<R>,
  given: unknown,
  how: JoinHow = 'inner',
): NodeId {
  const columns = declaredColumns(graph, parent, 'join');
  if (!HOWS.includes(how)) {
    throw new EngineError('jobInvalid', `join wants how to be one of ${HOWS.join(', ')}, got ${JSON.stringify(how)}`);
  }
  if (!graph.tables.has(table.id)) {
    throw new EngineError(
      'jobInvalid',
      `join wants a table of the same job, '${table.id}' is another's: use the context that the build function was given`,
    );
  }
  const own = tableColumns(table);
  const on = pairsOf(given).map(([name, tableName]) => {
    const column = columnNamed(name, columns, 'join');
    const there = columnNamed(tableName, own, `join, of table '${table.id}'`);
    if (column.kind === there.kind) return { column: name, tableColumn: fromOf(table, tableName), tableName };
    throw new EngineError(
      'jobInvalid',
      `join wants columns of one type: '${name}' of the stream is ${column.kind}, '${tableName}' of table '${table.id}' is ${there.kind}. ` +
        'Declare them alike in their schemas, or make a column of the other type before',
    );
  });
  const isFilter = how === 'semi' || how === 'anti';
  const kept = isFilter ? [] : own.filter(({ name }) => !on.some(({ tableName }) => tableName === name));
  const clash = kept.find(({ name }) => columns.some(column => column.name === name));
  if (clash !== undefined) {
    throw new EngineError(
      'jobInvalid',
      `join wants names that differ, the stream and table '${table.id}' both have a column '${clash.name}': ` +
        `rename one of them before, as in table.rename({ ${clash.name}: 'table_${clash.name}' })`,
    );
  }
  const added = kept.map(({ name, kind, nullable }) =>
    Object.freeze({ name, kind, nullable: nullable || how === 'left' }),
  );
  const operation: JoinTableOperation = {
    kind: 'joinTable',
    table: table.id,
    content: table.content,
    how,
    on: on.map(({ column, tableColumn }) => ({ column, tableColumn })),
    added: kept.map(({ name }) => ({ name, from: fromOf(table, name) })),
  };
  return graph.addNode(operation, [{ kind: 'narrow', parent }], [...columns, ...added]);
}

/** The table's columns under the names that joins have. */
function tableColumns<R>(table: StaticTable<R>): readonly Column[] {
  const content = columnsOfTable(table.content);
  return table.columns.flatMap(({ name, from }) =>
    content.filter(column => column.name === from).map(column => ({ ...column, name })),
  );
}

const fromOf = <R>(table: StaticTable<R>, name: string): string =>
  table.columns.find(column => column.name === name)?.from ?? name;

function pairsOf(on: unknown): readonly (readonly [string, string])[] {
  const pairs: readonly (readonly [unknown, unknown])[] =
    typeof on === 'string'
      ? [[on, on]]
      : Array.isArray(on)
        ? on.map(name => [name, name])
        : typeof on === 'object' && on !== null
          ? Object.entries(on)
          : [];
  const texts = pairs.filter((pair): pair is readonly [string, string] => pair.every(name => typeof name === 'string'));
  if (texts.length > 0 && texts.length === pairs.length) return texts;
  throw new EngineError(
    'jobInvalid',
    `join with a table wants a column of both, a list of them, or { column: 'column of the table' }, got ${JSON.stringify(on)}`,
  );
}
