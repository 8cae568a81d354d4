/**
 * Operations on a stream's columns as plan nodes: what is computed is data of the plan. Each throws `jobInvalid` where
 * the stream's columns are not declared, and for names and types that do not fit.
 */
import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { bindCondition, bindExpr, columnNamed, type UdfFunction } from '../expr/bind-expr.js';
import type { BoundExpr, CallUdf, NamedExpr } from '../expr/expr-data.js';
import { dataOf, Expr, type AnyExpr } from '../expr/expr.js';
import { SplitText } from '../expr/functions.js';
import { formatExpr } from '../expr/format-expr.js';
import type { NodeId } from '../plan/node.js';
import type { UserFunction } from './closures.js';
import type { StreamGraph } from './stream-graph.js';

/** A row's columns to be, in their order: an expression for each name. */
export type Selection = Readonly<Record<string, AnyExpr>>;

export function where(graph: StreamGraph, parent: NodeId, condition: AnyExpr): NodeId {
  const columns = declaredColumns(graph, parent, 'where');
  const udfs: UdfFunction[] = [];
  const bound = bindCondition(dataOf(condition, 'where'), { columns, user: 'where', udfs });
  const id = graph.addNode({ kind: 'where', condition: bound }, [{ kind: 'narrow', parent }], columns);
  return withUdfs(graph, id, udfs);
}

export function select(graph: StreamGraph, parent: NodeId, selection: Selection): NodeId {
  const columns = declaredColumns(graph, parent, 'select');
  const udfs: UdfFunction[] = [];
  const made = Object.entries(selection).map(([name, expr]) => bindColumn(name, expr, columns, udfs, 'select'));
  if (made.length === 0)
    throw new EngineError(
      'jobInvalid',
      'select wants one column at least, by name or as { name: expression }, got none',
    );
  return addProjection(graph, parent, made, udfs);
}

export function selectNames(graph: StreamGraph, parent: NodeId, names: readonly string[]): NodeId {
  const columns = declaredColumns(graph, parent, 'select');
  if (new Set(names).size !== names.length)
    throw new EngineError('jobInvalid', `select wants each column once, got ${names.join(', ')}`);
  if (names.length === 0)
    throw new EngineError(
      'jobInvalid',
      'select wants one column at least, by name or as { name: expression }, got none',
    );
  const kept = names.map(name => same(columnNamed(name, columns, 'select')));
  return addProjection(graph, parent, kept, []);
}

export function withColumn(graph: StreamGraph, parent: NodeId, name: string, expr: AnyExpr): NodeId {
  const columns = declaredColumns(graph, parent, 'withColumn');
  const udfs: UdfFunction[] = [];
  const made = bindColumn(name, expr, columns, udfs, 'withColumn');
  const isThere = columns.some(column => column.name === name);
  const all = columns.map(column => (column.name === name ? made : same(column)));
  return addProjection(graph, parent, isThere ? all : [...all, made], udfs);
}

export function drop(graph: StreamGraph, parent: NodeId, names: readonly string[]): NodeId {
  const columns = declaredColumns(graph, parent, 'drop');
  for (const name of names) columnNamed(name, columns, 'drop');
  const kept = columns.filter(column => !names.includes(column.name));
  if (kept.length === 0)
    throw new EngineError('jobInvalid', `drop wants to leave one column at least, got all: ${names.join(', ')}`);
  return addProjection(graph, parent, kept.map(same), []);
}

export function rename(graph: StreamGraph, parent: NodeId, names: Readonly<Record<string, string>>): NodeId {
  const columns = declaredColumns(graph, parent, 'rename');
  for (const name of Object.keys(names)) columnNamed(name, columns, 'rename');
  const renamed = columns.map(column => ({
    name: Object.hasOwn(names, column.name) ? String(names[column.name]) : column.name,
    expr: same(column).expr,
  }));
  const twice = renamed.find(({ name }, i) => renamed.findIndex(other => other.name === name) !== i);
  if (twice !== undefined)
    throw new EngineError('jobInvalid', `rename wants names that differ, there would be two columns '${twice.name}'`);
  return addProjection(graph, parent, renamed, []);
}

/** Each row once for each piece of a text; a null has none. */
export function explode(graph: StreamGraph, parent: NodeId, name: string, pieces: SplitText): NodeId {
  const columns = declaredColumns(graph, parent, 'explode');
  const user = `column '${name}' of explode`;
  if (!(pieces instanceof SplitText))
    throw new EngineError('jobInvalid', `${user} wants split(text, separator), got ${typeof pieces}`);
  const udfs: UdfFunction[] = [];
  const text = bindExpr(pieces.text, { columns, user, udfs });
  if (text.kind !== 'utf8')
    throw new EngineError('jobInvalid', `${user}: split wants a text, got ${formatExpr(text)}, which is ${text.kind}`);
  const made: Column = Object.freeze({ name, kind: 'utf8', nullable: false });
  const isThere = columns.some(column => column.name === name);
  const all = isThere ? columns.map(column => (column.name === name ? made : column)) : [...columns, made];
  const operation = { kind: 'explode', name, text, separator: pieces.separator } as const;
  return withUdfs(graph, graph.addNode(operation, [{ kind: 'narrow', parent }], all), udfs);
}

/** Rows are checked against the columns: `typeMismatch` names the row and column of what does not fit. */
export const toColumns = (graph: StreamGraph, parent: NodeId, columns: readonly Column[]): NodeId =>
  graph.addNode({ kind: 'toColumns' }, [{ kind: 'narrow', parent }], columns);

/** The way back: what hangs on it gets rows that were made once. */
export const toRows = (graph: StreamGraph, parent: NodeId): NodeId =>
  graph.addNode({ kind: 'toRows' }, [{ kind: 'narrow', parent }], undefined);

/** Each different row once; rows are grouped by all their columns. */
export function distinct(graph: StreamGraph, parent: NodeId, numPartitions: number): NodeId {
  const columns = declaredColumns(graph, parent, 'distinct');
  const mode = { kind: 'groups', keys: columns.map((_, i) => i), aggregates: [] } as const;
  const shuffle = { id: graph.uniqueName('shuffle'), numPartitions, mode };
  return graph.addNode(
    { kind: 'aggregate', keys: columns, aggregates: [] },
    [{ kind: 'shuffle', parent, shuffle }],
    columns,
  );
}

/** The first row for each combination of values; partitions in their order. */
export function dropDuplicates(
  graph: StreamGraph,
  parent: NodeId,
  names: readonly string[],
  numPartitions: number,
): NodeId {
  const columns = declaredColumns(graph, parent, 'dropDuplicates');
  for (const name of names) columnNamed(name, columns, 'dropDuplicates');
  if (names.length === 0) throw new EngineError('jobInvalid', 'dropDuplicates wants one column at least, got none');
  const operation = { kind: 'firstOfKey', names } as const;
  const some = graph.addNode(operation, [{ kind: 'narrow', parent }], columns);
  const keys = names.map(name => columns.findIndex(column => column.name === name));
  const shuffle = { id: graph.uniqueName('shuffle'), numPartitions, mode: { kind: 'columns', keys } } as const;
  return graph.addNode(operation, [{ kind: 'shuffle', parent: some, shuffle }], columns);
}

/** The columns beside those that are there, for what follows. */
export function withColumns(
  graph: StreamGraph,
  parent: NodeId,
  added: readonly NamedExpr[],
  udfs: readonly UdfFunction[],
): NodeId {
  if (added.length === 0) return parent;
  return addProjection(graph, parent, [...declaredColumns(graph, parent, 'agg').map(same), ...added], udfs);
}

export function addProjection(
  graph: StreamGraph,
  parent: NodeId,
  columns: readonly NamedExpr[],
  udfs: readonly UdfFunction[],
): NodeId {
  const schema = columns.map(({ name, expr: { kind, nullable } }) => Object.freeze({ name, kind, nullable }));
  const operation = { kind: 'project', columns: Object.freeze(columns) } as const;
  return withUdfs(graph, graph.addNode(operation, [{ kind: 'narrow', parent }], schema), udfs);
}

/** Throws `jobInvalid` for a stream of rows whose columns nobody declared. */
export function declaredColumns(graph: StreamGraph, node: NodeId, user: string): readonly Column[] {
  const { columns, label } = graph.node(node);
  if (columns !== undefined) return columns;
  throw new EngineError(
    'jobInvalid',
    `${user} wants a stream whose columns are declared, as fileStream with a schema has; the rows of ${label} have none: ` +
      'declare them with toColumns(schema({ ... }))',
  );
}

function bindColumn(
  name: string,
  expr: AnyExpr,
  columns: readonly Column[],
  udfs: UdfFunction[],
  operation: string,
): NamedExpr {
  const user = `column '${name}' of ${operation}`;
  if (!(expr instanceof Expr)) {
    throw new EngineError(
      'jobInvalid',
      `${user} wants an expression such as col('user') or lit(1), got ${JSON.stringify(expr)}`,
    );
  }
  return Object.freeze({ name, expr: bindExpr(expr.data, { columns, user, udfs }) });
}

const columnExpr = ({ name, kind, nullable }: Column): BoundExpr =>
  Object.freeze({ op: 'column', name, kind, nullable });
const same = (column: Column): NamedExpr => Object.freeze({ name: column.name, expr: columnExpr(column) });

/** One function that calls those of the job by number. Each refers to its own and to the next, where their variables are looked for. */
function withUdfs(graph: StreamGraph, id: NodeId, udfs: readonly UdfFunction[]): NodeId {
  const none = (index: number): never => {
    throw new EngineError('internal', `no function ${index} for ${graph.node(id).label}`);
  };
  const dispatch = udfs.reduceRight<CallUdf>((next, f, own) => {
    const called = f as (...args: unknown[]) => unknown;
    return (index, args) => (index === own ? called(...args) : next(index, args));
  }, none);
  if (udfs.length > 0) graph.functions.set(id, dispatch as UserFunction);
  return id;
}
