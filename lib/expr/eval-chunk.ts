/**
 * Expressions over the rows of a chunk: a column of values, or the rows for which a condition is true. Functions of text
 * that kernels compute are columns before the rest is one loop over the rows.
 */
import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import { formatSchema, type ColumnKind } from '../core/schema.js';
import type { ColumnChunk, ColumnVector } from '../columnar/chunk.js';
import { VALUE_BYTES } from '../columnar/column-layout.js';
import { stringsOf } from '../columnar/row-strings.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { writeText } from '../columnar/write-text.js';
import { withTextColumns } from './eval-text.js';
import type { BoundExpr, CallUdf } from './expr-data.js';
import { columnByKernel } from './eval-kernel.js';
import { generate, hasSlice } from './generate-loop.js';
import { hoistText } from './hoist-text.js';
import { LoopText, type Local, type LoopColumn } from './loop-text.js';

interface InputColumn extends ColumnVector {
  readonly strings: readonly (string | null)[] | undefined;
}

type Run = (
  numRows: number,
  u8: Uint8Array,
  u32: Uint32Array,
  i32: Int32Array,
  f64: Float64Array,
  columns: readonly InputColumn[],
  texts: readonly { readonly address: Address; readonly byteLength: number }[],
  udf: CallUdf,
  out: Address,
  outLengths: Address,
  outValidity: Address,
  strings: string[],
) => number;

interface Loop {
  readonly run: Run;
  readonly columns: readonly LoopColumn[];
  readonly texts: readonly Uint8Array[];
}

/** Loops are made once for an expression of the plan, and kept as long as it is. */
const columnLoops = new WeakMap<BoundExpr, Loop>();
const selectionLoops = new WeakMap<BoundExpr, Loop>();

/**
 * The expression's values, in scratch; text may point to where the chunk's columns have theirs.
 *
 * @param udf calls the functions of the job, by number
 * Throws what these throw, and `typeMismatch` where a whole number leaves the range.
 */
export function evalColumn(chunk: ColumnChunk, expr: BoundExpr, udf: CallUdf): ColumnVector {
  const hoisted = hoistText(expr);
  return evalLoop(withTextColumns(chunk, hoisted), hoisted.expr, udf);
}

function evalLoop(chunk: ColumnChunk, expr: BoundExpr, udf: CallUdf): ColumnVector {
  if (expr.op === 'column') return vectorOf(chunk, expr.name);
  const made = columnByKernel(chunk, expr, arg => evalColumn(chunk, arg, udf));
  if (made !== undefined) return made;
  const { memory, numRows } = chunk;
  const loop = loopOf(columnLoops, expr, storeValue);
  const values = memory.scratch(numRows * VALUE_BYTES[expr.kind]);
  const lengths = expr.kind === 'utf8' ? memory.scratch(numRows * 4) : 0;
  const validity = expr.nullable ? memory.scratch((numRows + 7) >> 3) : 0;
  if (validity !== 0) memory.u8.fill(0, validity, validity + ((numRows + 7) >> 3));
  const strings: string[] = [];
  const present = runLoop(loop, chunk, udf, { values, lengths, validity }, strings);
  if (expr.kind === 'utf8' && !hasSlice(expr)) writeText(memory, strings, values, lengths);
  return { values, lengths, validity: present === numRows ? 0 : validity };
}

/**
 * The rows for which the condition is true.
 *
 * @returns u32[count] row numbers in scratch, ascending
 */
export function selectRows(
  chunk: ColumnChunk,
  condition: BoundExpr,
  udf: CallUdf,
): { readonly indexes: Address; readonly count: number } {
  const hoisted = hoistText(condition);
  const loop = loopOf(selectionLoops, hoisted.expr, storeSelected);
  const wider = withTextColumns(chunk, hoisted);
  const indexes = chunk.memory.scratch(chunk.numRows * 4);
  const count = runLoop(loop, wider, udf, { values: indexes, lengths: 0, validity: 0 }, []);
  return { indexes, count };
}

function runLoop(loop: Loop, chunk: ColumnChunk, udf: CallUdf, out: ColumnVector, strings: string[]): number {
  const { memory, numRows } = chunk;
  const texts = loop.texts.map(bytes => ({ address: placed(memory, bytes), byteLength: bytes.byteLength }));
  const columns = loop.columns.map(column => inputOf(chunk, column));
  // Views last: what takes scratch before may grow the memory.
  const { u8, u32, i32, f64 } = memory;
  return loop.run(numRows, u8, u32, i32, f64, columns, texts, udf, out.values, out.lengths, out.validity, strings);
}

function placed(memory: SlotMemory, bytes: Uint8Array): Address {
  const address = memory.scratch(bytes.byteLength);
  memory.u8.set(bytes, address);
  return address;
}

function inputOf(chunk: ColumnChunk, { name, strings }: LoopColumn): InputColumn {
  const vector = vectorOf(chunk, name);
  return { ...vector, strings: strings ? stringsOf(chunk, indexOf(chunk, name)) : undefined };
}

const indexOf = (chunk: ColumnChunk, name: string): number => chunk.schema.findIndex(column => column.name === name);

function vectorOf(chunk: ColumnChunk, name: string): ColumnVector {
  const vector = chunk.columns[indexOf(chunk, name)];
  if (vector !== undefined) return vector;
  throw new EngineError(
    'internal',
    `an expression reads column ${name}, which is not decoded in a chunk of (${formatSchema(chunk.schema)})`,
  );
}

function loopOf(
  made: WeakMap<BoundExpr, Loop>,
  expr: BoundExpr,
  store: (loop: LoopText, expr: BoundExpr, local: Local) => void,
): Loop {
  const known = made.get(expr);
  if (known !== undefined) return known;
  const text = new LoopText();
  store(text, expr, generate(text, expr));
  const factory = new Function('k', text.factory()) as (constants: readonly unknown[]) => Run;
  const loop = {
    run: factory(text.constants),
    columns: text.columns,
    texts: text.texts.map(constant => Buffer.from(constant)),
  };
  made.set(expr, loop);
  return loop;
}

function storeSelected(loop: LoopText, _: BoundExpr, { v, n }: Local): void {
  loop.line(`if (${v}${n === '' ? '' : ` && !${n}`}) u32[out4 + count++] = i;`);
}

/** Counts the rows that are not null. */
function storeValue(loop: LoopText, expr: BoundExpr, local: Local): void {
  const { n } = local;
  if (expr.kind === 'utf8' && !hasSlice(expr)) loop.line(`strings.push(${n === '' ? '' : `${n} ? '' : `}${local.x});`);
  else if (n === '') loop.line(storeLine(expr.kind, local));
  else loop.line(`if (${n}) { ${storeLine(expr.kind, NOTHING)} } else { ${storeLine(expr.kind, local)} }`);
  const present = `count++;${expr.nullable ? ' u8[outValidity + (i >>> 3)] |= 1 << (i & 7);' : ''}`;
  loop.line(n === '' ? present : `if (!${n}) { ${present} }`);
}

const NOTHING: Local = { n: '', v: '0', a: '0', l: '0', x: '' };

function storeLine(kind: ColumnKind, { v, a, l }: Local): string {
  switch (kind) {
    case 'int32':
      return `i32[out4 + i] = ${v};`;
    case 'int64':
    case 'timestamp':
      return `{ const high = Math.floor(${v} / 4294967296); u32[out4 + 2 * i] = ${v} - high * 4294967296; u32[out4 + 2 * i + 1] = high; }`;
    case 'float64':
      return `f64[out8 + i] = ${v};`;
    case 'bool':
      return `u8[out + i] = ${v};`;
    case 'utf8':
      return `u32[out4 + i] = ${a}; u32[outLengths4 + i] = ${l};`;
    default:
      return assertNever(kind);
  }
}
