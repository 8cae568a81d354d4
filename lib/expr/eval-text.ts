/** Functions of text over whole columns, by the kernels; what each means is in `text-functions.ts`. */
import { ANY_TEXT, type WildcardStep } from '../core/wildcards.js';
import { EngineError } from '../core/errors.js';
import type { ColumnChunk, ColumnVector } from '../columnar/chunk.js';
import { kernels } from '../columnar/kernels.js';
import { stringsOf } from '../columnar/row-strings.js';
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import { takeColumn } from '../columnar/take-rows.js';
import { writeText } from '../columnar/write-text.js';
import type { BoundCall, BoundExpr } from './expr-data.js';
import type { Hoisted } from './hoist-text.js';
import { likeSteps } from './text.js';

/** Which of the three outcomes of a comparison the function wants. */
const ORDERS = { lt: [1, 0, 0], le: [1, 1, 0], gt: [0, 0, 1], ge: [0, 1, 1] } as const;

/** The chunk with the columns that an expression's functions of text are, before its own: these are found first by name. */
export function withTextColumns(chunk: ColumnChunk, { columns }: Hoisted): ColumnChunk {
  let wider = chunk;
  for (const { name, call } of columns) {
    const vector = evalText(wider, call);
    const { kind, nullable } = call;
    wider = { ...wider, schema: [{ name, kind, nullable }, ...wider.schema], columns: [vector, ...wider.columns] };
  }
  return wider;
}

/** One side of a function: a column's slices, or one slice for all rows. */
interface Side extends ColumnVector {
  readonly step: 0 | 4;
}

/** The values of a call that was hoisted, in scratch. */
function evalText(chunk: ColumnChunk, call: BoundCall): ColumnVector {
  const { memory, numRows: n } = chunk;
  const k = kernels(memory);
  const [a, b] = call.args.map(arg => sideOf(chunk, arg));
  if (a === undefined) throw new EngineError('internal', `${call.fn} of no text`);
  const { fn } = call;
  if (fn === 'lower' || fn === 'upper') return otherCase(memory, a, n, fn);
  if (fn === 'length') {
    const values = memory.scratch(n * 8);
    k.textLengths(a.values, a.lengths, a.validity, n, values);
    return { values, lengths: 0, validity: a.validity };
  }
  const validity = bothPresent(memory, a.validity, b?.validity ?? 0, n);
  const values = memory.scratch(n);
  const mark = memory.scratchMark();
  if (fn === 'like') like(memory, a, likeSteps(textOf(call.args[1])), n, values);
  else if (b !== undefined) testBoth(memory, fn, a, b, validity, n, values);
  memory.releaseScratch(mark);
  return { values, lengths: 0, validity };
}

function testBoth(
  memory: SlotMemory,
  fn: BoundCall['fn'],
  a: Side,
  b: Side,
  validity: Address,
  n: number,
  out: Address,
): void {
  const k = kernels(memory);
  const sides = [a.values, a.lengths, a.step, b.values, b.lengths, b.step] as const;
  switch (fn) {
    case 'contains':
      return contains(memory, a, b, validity, n, out);
    case 'startsWith':
    case 'endsWith':
      return k.textStarts(...sides, Number(fn === 'endsWith'), validity, n, out);
    case 'eq':
    case 'ne':
      return k.textEquals(...sides, Number(fn === 'ne'), validity, n, out);
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge': {
      const [less, equal, greater] = ORDERS[fn];
      return k.textOrder(...sides, less, equal, greater, validity, n, out);
    }
    default:
      throw new EngineError('internal', `${fn} is not a function that kernels compute`);
  }
}

function contains(memory: SlotMemory, a: Side, b: Side, validity: Address, n: number, out: Address): void {
  const k = kernels(memory);
  const length = b.step === 0 ? memory.u32[b.lengths >>> 2] : 0;
  const asOne = length > 0 && a.step !== 0 && validity === 0 && k.textIsDense(a.values, a.lengths, n) !== 0;
  if (asOne) k.textContainsDense(a.values, a.lengths, n, memory.u32[b.values >>> 2], length, out);
  else k.textContains(a.values, a.lengths, a.step, b.values, b.lengths, b.step, validity, n, out);
}

/** A pattern that is only text between two `%` is searched for, which finds it sooner. */
function like(memory: SlotMemory, a: Side, steps: readonly WildcardStep[], n: number, out: Address): void {
  const inner = steps.slice(1, -1);
  const isPart = steps.length > 2 && steps[0] === ANY_TEXT && steps.at(-1) === ANY_TEXT;
  if (isPart && inner.every(step => typeof step === 'string')) {
    contains(memory, a, placedText(memory, inner.join('')), a.validity, n, out);
    return;
  }
  const codes = steps.flatMap(step => (typeof step === 'string' ? [...Buffer.from(step)] : [256 + step]));
  const address = memory.scratch(codes.length * 4);
  memory.u32.set(codes, address >>> 2);
  kernels(memory).textLike(a.values, a.lengths, address, codes.length, a.validity, n, out);
}

/** ASCII is done by the kernel, rows with other characters one by one: their case is Unicode's, and may change lengths. */
function otherCase(memory: SlotMemory, a: Side, n: number, fn: 'lower' | 'upper'): ColumnVector {
  const k = kernels(memory);
  const values = memory.scratch(n * 4);
  const lengths = memory.scratch(n * 4);
  const out = memory.scratch(k.slicesBytes(a.lengths, n, a.validity) + 16);
  const rest = memory.scratch(n * 4);
  const first = (fn === 'lower' ? 'A' : 'a').charCodeAt(0);
  const numRest = k.textCase(a.values, a.lengths, a.validity, n, first, out, values, lengths, rest);
  if (numRest > 0) {
    const strings = textsOf(memory, takeColumn(memory, a, 4, rest, numRest), numRest).map(text =>
      fn === 'lower' ? text.toLowerCase() : text.toUpperCase(),
    );
    const madeValues = memory.scratch(numRest * 4);
    const madeLengths = memory.scratch(numRest * 4);
    writeText(memory, strings, madeValues, madeLengths);
    const { u32 } = memory;
    for (let i = 0; i < numRest; i++) {
      const row = u32[(rest >>> 2) + i];
      u32[(values >>> 2) + row] = u32[(madeValues >>> 2) + i];
      u32[(lengths >>> 2) + row] = u32[(madeLengths >>> 2) + i];
    }
  }
  return { values, lengths, validity: a.validity };
}

function textsOf(memory: SlotMemory, column: ColumnVector, numRows: number): string[] {
  const schema = [{ name: 'text', kind: 'utf8', nullable: false }] as const;
  const columns = [{ ...column, validity: 0 }];
  const region = { ascii: false, textStart: 0, textEnd: 0, scalar: false } as const;
  return stringsOf({ kind: 'columns', numRows, memory, schema, columns, ...region }, 0).map(String);
}

function sideOf(chunk: ColumnChunk, arg: BoundExpr): Side {
  if (arg.op === 'literal') return placedText(chunk.memory, textOf(arg));
  const name = arg.op === 'column' ? arg.name : '';
  const column = chunk.columns[chunk.schema.findIndex(own => own.name === name)];
  if (column !== undefined) return { ...column, step: 4 };
  throw new EngineError('internal', `a function of text reads column ${name}, which is not decoded`);
}

const textOf = (arg: BoundExpr | undefined): string => (arg?.op === 'literal' ? String(arg.value) : '');

/** A constant as one slice. */
function placedText(memory: SlotMemory, text: string): Side {
  const bytes = Buffer.from(text);
  const values = memory.scratch(4);
  const lengths = memory.scratch(4);
  const address = memory.scratch(bytes.byteLength);
  memory.u8.set(bytes, address);
  memory.u32[values >>> 2] = address;
  memory.u32[lengths >>> 2] = bytes.byteLength;
  return { values, lengths, validity: 0, step: 0 };
}

/** Where both are present; 0 where all are. */
function bothPresent(memory: SlotMemory, a: Address, b: Address, n: number): Address {
  if (a === 0 || b === 0 || a === b) return a === 0 ? b : a;
  const out = memory.scratch((n + 7) >> 3);
  kernels(memory).bitsAnd(a, b, n, out);
  return out;
}
