/**
 * Column types and schemas: declared once with the builders below, plain frozen data at run time, and the row's type
 * for TypeScript: `const events = schema({ user: utf8(), ts: int64() })` has rows `{ user: string; ts: number }`.
 *
 * | kind      | row value                                   | in memory        |
 * | utf8      | string                                      | bytes by slice   |
 * | int32     | number                                      | 4 bytes          |
 * | int64     | number, a safe integer (|n| < 2^53)         | 8 bytes          |
 * | float64   | number                                      | 8 bytes          |
 * | bool      | boolean                                     | 1 byte, 0 or 1   |
 * | timestamp | number, epoch milliseconds, UTC             | 8 bytes (int64)  |
 *
 * A nullable column's value may also be `null`.
 */
export type ColumnKind = 'utf8' | 'int32' | 'int64' | 'float64' | 'bool' | 'timestamp';

/** The type of one column. `T` is what a row holds; it exists for the compiler only. */
export interface ColumnType<T = unknown> {
  readonly kind: ColumnKind;
  readonly nullable: boolean;
  readonly __row?: T;
}

/** One named column of a schema, as data. */
export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly nullable: boolean;
}

/** Columns in order. `R` is the type of its rows; it exists for the compiler only. */
export interface Schema<R = unknown> {
  readonly columns: readonly Column[];
  readonly __row?: R;
}

/** The rows of a schema: `type Event = RowOf<typeof events>`. */
export type RowOf<S> = S extends Schema<infer R> ? R : never;

type RowOfTypes<C extends Record<string, ColumnType>> = {
  readonly [N in keyof C]: C[N] extends ColumnType<infer T> ? T : never;
};

const columnType = <T>(kind: ColumnKind): ColumnType<T> => Object.freeze({ kind, nullable: false });

export const utf8 = (): ColumnType<string> => columnType('utf8');
export const int32 = (): ColumnType<number> => columnType('int32');
export const int64 = (): ColumnType<number> => columnType('int64');
export const float64 = (): ColumnType<number> => columnType('float64');
export const bool = (): ColumnType<boolean> => columnType('bool');
export const timestamp = (): ColumnType<number> => columnType('timestamp');

/** The same column with `null` allowed: an empty CSV field, a missing or null JSON field. */
export const nullable = <T>(type: ColumnType<T>): ColumnType<T | null> =>
  Object.freeze({ kind: type.kind, nullable: true });

/** Declares a schema; the order of the names is the order of the columns. */
export function schema<C extends Record<string, ColumnType>>(types: C): Schema<RowOfTypes<C>> {
  const columns = Object.entries(types).map(([name, type]) =>
    Object.freeze({ name, kind: type.kind, nullable: type.nullable }),
  );
  return Object.freeze({ columns: Object.freeze(columns) });
}

/** `user utf8, ts int64?`: one way to print a schema everywhere. */
export function formatSchema(columns: readonly Column[]): string {
  return columns.map(column => `${column.name} ${column.kind}${column.nullable ? '?' : ''}`).join(', ');
}
