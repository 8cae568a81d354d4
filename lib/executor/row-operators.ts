/**
 * Operators that call closures on rows, one chunk at a time. Each is made for one task attempt: chunks are pushed in,
 * what comes out is pushed on to `emit`; `finish` is called once, after the last chunk, in order of the plan. In the
 * job's own plan most of them are not used: what goes row by row runs as one loop there (`chain-operator.ts`).
 */
import { EngineError } from '../core/errors.js';
import { isThenable } from '../core/user-call.js';
import { rowChunk, type Chunk } from '../columnar/chunk.js';
import { rowsOf } from '../columnar/rows.js';
import type { PlanNode } from '../plan/node.js';
import type { TaskContext } from './task-context.js';

export interface Operator {
  push(chunk: Chunk): void;
  finish(): void;
}

export type Emit = (chunk: Chunk) => void;

type Pair = readonly [unknown, unknown];

const nothing = (): void => undefined;

/**
 * The operator of a narrow node.
 *
 * @param f the node's closure, undefined for operations without one
 * @param place which of the node's partitions the rows are
 */
export function rowOperator(
  ctx: TaskContext,
  node: PlanNode,
  f: ((...args: unknown[]) => unknown) | undefined,
  emit: Emit,
  place: readonly number[],
): Operator {
  const call = f ?? ((): never => missingClosure(node));
  const kind = node.operation.kind;
  switch (kind) {
    case 'union':
      return { push: emit, finish: nothing };
    case 'toRows':
      return perChunk(ctx, node, emit, rows => rows);
    case 'map':
      return perChunk(ctx, node, emit, rows => {
        const out = new Array<unknown>(rows.length);
        for (let i = 0; i < rows.length; i++) out[i] = call(rows[i]);
        return out;
      });
    case 'filter':
      return perChunk(ctx, node, emit, rows => rows.filter(row => isKept(call(row), node)));
    case 'flatMap':
      return perChunk(ctx, node, emit, rows => {
        const out: unknown[] = [];
        for (const row of rows) for (const made of call(row) as Iterable<unknown>) out.push(made);
        return out;
      });
    case 'mapValues':
      return perChunk(ctx, node, emit, rows => rows.map(row => [pairOf(row, node)[0], call((row as Pair)[1])]));
    case 'flatMapValues':
      return perChunk(ctx, node, emit, rows => {
        const out: unknown[] = [];
        for (const row of rows) {
          const [key, value] = pairOf(row, node);
          for (const made of call(value) as Iterable<unknown>) out.push([key, made]);
        }
        return out;
      });
    case 'mapPartitions':
      return wholePartition(ctx, node, emit, rows => call(rows[Symbol.iterator]()) as Iterable<unknown>);
    case 'mapPartitionsWithPlace':
      return wholePartition(ctx, node, emit, rows => call(place, rows[Symbol.iterator]()) as Iterable<unknown>);
    case 'glom':
      return wholePartition(ctx, node, emit, rows => [rows]);
    default:
      throw new EngineError('internal', `node ${node.id} (${kind}) is not a narrow operation`);
  }
}

/** The row as a pair; anything else is refused (`refusePair`). */
export function pairOf(row: unknown, node: PlanNode): Pair {
  return Array.isArray(row) && row.length === 2 ? (row as unknown as Pair) : refusePair(row, node, 'wants');
}

/**
 * A `typeMismatch` that names the node.
 *
 * @param role whether the node wants the pair, or gave it to an operation by key
 */
export function refusePair(row: unknown, node: PlanNode, role: 'wants' | 'gave'): never {
  const got = describe(row);
  throw new EngineError(
    'typeMismatch',
    role === 'wants'
      ? `${node.label} wants rows that are pairs [key, value], got ${got}`
      : `an operation by key wants rows that are pairs [key, value], got ${got} of ${node.label}`,
  );
}

function perChunk(
  ctx: TaskContext,
  node: PlanNode,
  emit: Emit,
  f: (rows: readonly unknown[]) => readonly unknown[],
): Operator {
  return {
    push(chunk) {
      const rows = rowsOf(chunk);
      ctx.label = node.label;
      const out = f(rows);
      if (out.length > 0) emit(rowChunk(out));
    },
    finish: nothing,
  };
}

/** Rows are kept until the partition is complete: the closure may look at all of them. */
function wholePartition(
  ctx: TaskContext,
  node: PlanNode,
  emit: Emit,
  f: (rows: unknown[]) => Iterable<unknown>,
): Operator {
  const kept: unknown[] = [];
  return {
    push(chunk) {
      for (const row of rowsOf(chunk)) kept.push(row);
    },
    finish() {
      ctx.label = node.label;
      const out = [...f(kept)];
      if (out.length > 0) emit(rowChunk(out));
    },
  };
}

/** Whether a condition keeps its row. A promise is true whatever it promises: an async condition would keep every row. */
export function isKept(answer: unknown, node: PlanNode): boolean {
  if (typeof answer === 'object' && isThenable(answer))
    throw new EngineError(
      'jobInvalid',
      `the condition of ${node.label} must be true or false at once, it gave a promise`,
    );
  return Boolean(answer);
}

function missingClosure(node: PlanNode): never {
  throw new EngineError('internal', `no closure for ${node.label}`);
}

function describe(value: unknown): string {
  const text = value === undefined ? 'undefined' : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
