/** Which Arrow types a declared column takes, and why a file's schema does not fit. */
import type { DataType, Schema } from 'apache-arrow';
import type { Column } from '../core/schema.js';
import { formatSchema } from '../core/schema.js';
import { isSoundArrowMessage } from '../core/arrow-verify.js';
import { arrow, type Arrow } from './arrow.js';

const TAKES: Record<Column['kind'], (lib: Arrow, type: DataType) => boolean> = {
  utf8: (lib, type) =>
    isText(lib, type) ||
    (lib.DataType.isDictionary(type) && isText(lib, (type as { dictionary: DataType }).dictionary)),
  int32: (lib, type) => lib.DataType.isInt(type) && type.bitWidth + (type.isSigned ? 0 : 1) <= 32,
  int64: (lib, type) => lib.DataType.isInt(type),
  float64: (lib, type) =>
    (lib.DataType.isFloat(type) && type.precision !== lib.Precision.HALF) ||
    (lib.DataType.isInt(type) && type.bitWidth <= 32),
  bool: (lib, type) => lib.DataType.isBool(type),
  timestamp: (lib, type) =>
    lib.DataType.isTimestamp(type) || lib.DataType.isDate(type) || (lib.DataType.isInt(type) && type.bitWidth === 64),
};

const isText = (lib: Arrow, type: DataType): boolean => lib.DataType.isUtf8(type) || lib.DataType.isLargeUtf8(type);

/** Why record batches of this schema do not hold the declared columns, or undefined when they do. Needs `loadArrow`. */
export function arrowSchemaProblem(schema: Schema, columns: readonly Column[]): string | undefined {
  const lib = arrow();
  for (const column of columns) {
    const fields = schema.fields.filter(({ name }) => name === column.name);
    const [field] = fields;
    const came = schema.fields.map(({ name, type }) => `${name} ${String(type)}`).join(', ');
    if (field === undefined) return `the schema wants ${formatSchema([column])}, got (${came})`;
    if (fields.length > 1) return `the schema wants column ${column.name} once, got it twice (${came})`;
    if (!TAKES[column.kind](lib, field.type)) {
      return `column ${column.name} wants ${column.kind}, got Arrow's ${String(field.type)}`;
    }
  }
  return undefined;
}

/** The schema in a stream's first message, or undefined where it is damaged. Needs `loadArrow`. */
export function arrowSchemaOf(message: Uint8Array): Schema | undefined {
  if (!isSoundArrowMessage(message)) return undefined;
  try {
    return new (arrow().MessageReader)(message).readSchema(false);
  } catch {
    // The library throws errors of many kinds at bytes that are no schema, and none at others.
    return undefined;
  }
}
