/** Expressions whose whole column a kernel makes of its arguments' columns: no string is made for a row. */
import type { ColumnChunk, ColumnVector } from '../columnar/chunk.js';
import { concatenated, integersAsText, type TextPart } from '../columnar/text-columns.js';
import { kernels } from '../columnar/kernels.js';
import type { BoundCall, BoundExpr } from './expr-data.js';

/** @returns the values, or undefined where no kernel makes them */
export function columnByKernel(
  chunk: ColumnChunk,
  expr: BoundExpr,
  evalArg: (arg: BoundExpr) => ColumnVector,
): ColumnVector | undefined {
  if (expr.op !== 'call') return undefined;
  switch (expr.fn) {
    case 'cast':
      return castToText(chunk, expr, evalArg);
    case 'concat':
      return concatTexts(chunk, expr, evalArg);
    default:
      return undefined;
  }
}

function castToText(
  { memory, numRows }: ColumnChunk,
  { kind, args: [from] }: BoundCall,
  evalArg: (arg: BoundExpr) => ColumnVector,
): ColumnVector | undefined {
  if (kind !== 'utf8' || from === undefined || (from.kind !== 'int32' && from.kind !== 'int64')) return undefined;
  return integersAsText(memory, evalArg(from), from.kind, numRows);
}

function concatTexts(
  { memory, numRows }: ColumnChunk,
  { args }: BoundCall,
  evalArg: (arg: BoundExpr) => ColumnVector,
): ColumnVector | undefined {
  // A null that is written down makes every row null, which is rare enough for the loop.
  if (args.some(arg => arg.op === 'literal' && arg.value === null)) return undefined;
  const parts = args.map((arg): TextPart =>
    arg.op === 'literal'
      ? { kind: 'constant', bytes: Buffer.from(String(arg.value)) }
      : { kind: 'column', vector: evalArg(arg) },
  );
  const bitmaps = parts.flatMap(part =>
    part.kind === 'column' && part.vector.validity !== 0 ? [part.vector.validity] : [],
  );
  const slices = concatenated(memory, parts, numRows);
  const [first, ...others] = bitmaps;
  if (first === undefined) return { ...slices, validity: 0 };
  const validity = others.length === 0 ? first : memory.scratch((numRows + 7) >> 3);
  if (validity !== first) {
    memory.u8.copyWithin(validity, first, first + ((numRows + 7) >> 3));
    for (const other of others) kernels(memory).maskAnd(validity, other, (numRows + 7) >> 3);
  }
  return { ...slices, validity };
}
