import { EngineError } from '../core/errors.js';
import { assertNever } from '../core/assert-never.js';
import type { Column } from '../core/schema.js';
import type { ColumnChunk, ColumnVector } from './chunk.js';
import { VALUE_BYTES } from './column-layout.js';
import { writeInt64 } from './decode-columns.js';
import { described, numberFits } from './decode-value.js';
import { rowReader } from './row-objects.js';
import type { Address, SlotMemory } from './slot-memory.js';
import { writeText } from './write-text.js';

/**
 * Row objects as columns in scratch: the way back from `rowsOf`. Fields that the schema does not name are left out; a
 * missing field of a nullable column is null.
 *
 * @param where names the stream in errors
 * Throws `typeMismatch` naming `where`, row, column, what was expected and what was found.
 */
export function columnsFromRows(
  memory: SlotMemory,
  schema: readonly Column[],
  rows: readonly unknown[],
  where: string,
): ColumnChunk {
  const bad = rows.findIndex(row => typeof row !== 'object' || row === null);
  if (bad >= 0) {
    const names = schema.map(column => column.name).join(', ');
    throw new EngineError(
      'typeMismatch',
      `${where}: row ${bad} wants an object with ${names}, got ${described(rows[bad])}`,
    );
  }
  const values = schema.map((): unknown[] => []);
  rowReader(schema.map(column => column.name))(rows, values);
  const texts: TextEnd[] = [];
  const columns = schema.map((column, i) => columnOf(memory, column, values[i], where, texts));
  return {
    kind: 'columns',
    numRows: rows.length,
    memory,
    schema,
    columns,
    ascii: texts.every(text => text.ascii),
    textStart: 0,
    textEnd: 0,
    scalar: false,
  };
}

/** One value a row as a column in scratch. Throws as `columnsFromRows` does. */
export const columnFromValues = (
  memory: SlotMemory,
  column: Column,
  values: readonly unknown[],
  where: string,
): ColumnVector => columnOf(memory, column, values, where, []);

interface TextEnd {
  readonly ascii: boolean;
}

function columnOf(
  memory: SlotMemory,
  column: Column,
  values: readonly unknown[],
  where: string,
  texts: TextEnd[],
): ColumnVector {
  const target = memory.scratch(values.length * VALUE_BYTES[column.kind]);
  const validity = column.nullable ? writeValidity(memory, values) : 0;
  if (column.kind === 'utf8') {
    const lengths = memory.scratch(values.length * 4);
    texts.push({ ascii: writeStrings(memory, column, values, target, lengths, where) });
    return { values: target, lengths, validity };
  }
  writeNumbers(memory, column, values, target, where);
  return { values: target, lengths: 0, validity };
}

const isNull = (value: unknown): boolean => value === null || value === undefined;

/** The bitmap, or 0 when no value is null. */
function writeValidity(memory: SlotMemory, values: readonly unknown[]): Address {
  if (!values.some(isNull)) return 0;
  const address = memory.scratch((values.length + 7) >> 3);
  const u8 = memory.u8;
  u8.fill(0, address, address + ((values.length + 7) >> 3));
  for (let row = 0; row < values.length; row++) {
    if (!isNull(values[row])) u8[address + (row >> 3)] |= 1 << (row & 7);
  }
  return address;
}

function refuse(column: Column, values: readonly unknown[], row: number, where: string): never {
  const nullable = column.nullable ? ' or null' : '';
  const found = values[row] === undefined ? 'nothing: the field is missing' : described(values[row]);
  throw new EngineError(
    'typeMismatch',
    `${where}: row ${row}: column ${column.name} wants ${column.kind}${nullable}, got ${found}`,
  );
}

function writeNumbers(
  memory: SlotMemory,
  column: Column,
  values: readonly unknown[],
  target: Address,
  where: string,
): void {
  const { kind, nullable } = column;
  const { u8, i32, u32, f64 } = memory;
  for (let row = 0; row < values.length; row++) {
    let value = values[row];
    if (isNull(value) && nullable) value = kind === 'bool' ? false : 0;
    if (kind === 'bool') {
      if (typeof value !== 'boolean') refuse(column, values, row, where);
      u8[target + row] = value ? 1 : 0;
      continue;
    }
    if (typeof value !== 'number' || !numberFits(kind, value)) refuse(column, values, row, where);
    switch (kind) {
      case 'int32':
        i32[(target >>> 2) + row] = value;
        break;
      case 'float64':
        f64[(target >>> 3) + row] = value;
        break;
      case 'int64':
      case 'timestamp':
        writeInt64(u32, target + row * 8, value);
        break;
      case 'utf8':
        refuse(column, values, row, where);
        break;
      default:
        assertNever(kind);
    }
  }
}

function writeStrings(
  memory: SlotMemory,
  column: Column,
  values: readonly unknown[],
  target: Address,
  lengths: Address,
  where: string,
): boolean {
  const strings: string[] = [];
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (typeof value === 'string') strings.push(value);
    else if (isNull(value) && column.nullable) strings.push('');
    else refuse(column, values, row, where);
  }
  return writeText(memory, strings, target, lengths);
}
