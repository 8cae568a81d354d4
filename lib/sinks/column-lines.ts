/**
 * Columns as lines of text without a JavaScript value on the way: CSV, NDJSON, or one text a line, byte for byte what
 * rows of the same values become. What it does not know goes the way of rows: fractions, whose shortest digits are
 * JavaScript's, and delimiters that occur in numbers.
 */
import type { FileSinkSpec } from '../core/file-sink-spec.js';
import type { ColumnChunk, ColumnVector } from '../columnar/chunk.js';
import { KIND_CODE } from '../columnar/column-layout.js';
import { kernels } from '../columnar/kernels.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import type { StagedText } from './staged-text.js';

const STYLE = { csv: 0, ndjson: 1, text: 2 } as const;
const COLUMN_BYTES = 32;
/** The kernel writes no field nearer to the end of its space. */
const FIELD_BYTES = 34;
/** A text's bytes become so many at the most, by style. */
const GROWTH = [2, 6, 2] as const;
const IN_NUMBERS = /[\w+.-]/;

/** Whether all of a chunk can be written from its columns. */
export function canWriteColumns(spec: FileSinkSpec, { schema, columns, scalar }: ColumnChunk): boolean {
  if (columns.length === 0 || columns.includes(undefined)) return false;
  if (spec.format === 'text') return scalar && schema[0]?.kind === 'utf8';
  if (scalar || schema.some(({ kind }) => kind === 'float64')) return false;
  return spec.format === 'ndjson' || (!spec.escapeFormulas && !IN_NUMBERS.test(spec.delimiter));
}

/** @param names the output's columns as a record, for the first of its blocks */
export function writeColumns(spec: FileSinkSpec, chunk: ColumnChunk, staged: StagedText, names: string): void {
  const { memory, numRows, schema } = chunk;
  const k = kernels(memory);
  const mark = memory.scratchMark();
  const style = STYLE[spec.format];
  const vectors = chunk.columns as readonly ColumnVector[];
  const prefixes = schema.map(({ name }, i) => Buffer.from(prefixOf(spec, name, i)));
  const table = tableOf(memory, chunk, prefixes);
  const end = memory.scratch(4);
  const texts = vectors.reduce(
    (sum, { lengths, validity }, i) =>
      sum + (schema[i]?.kind === 'utf8' ? k.slicesBytes(lengths, numRows, validity) : 0),
    0,
  );
  const perRow = prefixes.reduce((sum, prefix) => sum + prefix.byteLength + FIELD_BYTES, 0);
  let row = 0;
  staged.fill(names, numRows, texts * GROWTH[style] + perRow * numRows, (from: Address, to: Address) => {
    row = k.writeLines(table, schema.length, style, spec.delimiter.charCodeAt(0), row, numRows, from, to, end);
    return { end: memory.u32[end >>> 2], isDone: row === numRows };
  });
  memory.releaseScratch(mark);
}

/** What stands before a field. */
function prefixOf({ format, delimiter }: FileSinkSpec, name: string, index: number): string {
  if (format === 'ndjson') return `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`;
  return index === 0 ? '' : delimiter;
}

function tableOf(memory: SlotMemory, { schema, columns }: ColumnChunk, prefixes: readonly Buffer[]): Address {
  const table = memory.scratch(schema.length * COLUMN_BYTES);
  const addresses = prefixes.map(prefix => {
    const address = memory.scratch(prefix.byteLength + 16);
    memory.u8.set(prefix, address);
    return address;
  });
  schema.forEach(({ kind }, i) => {
    const { values = 0, lengths = 0, validity = 0 } = columns[i] ?? {};
    const entry = [KIND_CODE[kind], values, lengths, validity, addresses[i] ?? 0, prefixes[i]?.byteLength ?? 0];
    memory.u32.set(entry, (table + i * COLUMN_BYTES) >>> 2);
  });
  return table;
}
