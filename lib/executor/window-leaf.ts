/**
 * The leaf of a window. Every batch leaves its rows as pieces of state, and pieces that the window has passed are
 * removed with the same change; where a slide ends, what the window holds is emitted:
 *
 *   pieces   t-3   t-2   t-1   t              window of 3 batches at t: (t - windowMs, t]
 *             x   [-------------]             t-3 leaves, t enters
 *
 * With totals, a batch costs its own keys and those of the pieces that leave, whatever is in between; only the emitting
 * goes over all keys.
 */
import { EngineError } from '../core/errors.js';
import { hashBytes, keyGroupOf } from '../core/hash.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';
import { keyBytes, keyOf, keyOfEncoded, type KeyIdentity } from '../core/value-key.js';
import type { Combiner, GraphView, WindowTotals } from '../api/closures.js';
import { readRowBlock } from '../blocks/row-block.js';
import type { NodeId } from '../plan/node.js';
import { DeltaBuilder, type DeltaBlock } from '../state/delta.js';
import type { StateTable } from '../state/state-table.js';
import { emitRows } from './leaves.js';
import { MergedPairs } from './merge-pairs.js';
import { readBlock } from './read-block.js';
import { windowColumns } from './window-columns.js';
import { finishDelta, piecesOf, type WindowTask } from './window-task.js';
import { isPieceKey, WindowPieces } from './window-pieces.js';

type Pair = readonly [unknown, unknown];

/** Takes the batch in and gives the window where a slide ends. @returns the change of state, undefined when there is none */
export function windowLeaf(task: WindowTask, id: NodeId, graph: GraphView): DeltaBlock | undefined {
  if (task.operation.content === 'rows') return windowRows(task);
  if (task.operation.content === 'columns') return windowColumns(task, graph.node(id).columns ?? []);
  const combiner = graph.combiners.get(id);
  if (combiner === undefined) throw new EngineError('internal', `no combiner for ${task.label}`);
  if (task.operation.content === 'pairs') return windowPairs(task, combiner);
  const functions = graph.windowTotals.get(id);
  if (functions === undefined) throw new EngineError('internal', `no inverse function for ${task.label}`);
  return windowTotals(task, combiner, functions);
}

/** window: the rows of all its batches, in order of the batches. */
function windowRows(task: WindowTask): DeltaBlock | undefined {
  const { ctx, table, operation, blocks, emit } = task;
  const { time } = ctx.request;
  const pieces = new WindowPieces(table);
  const delta = new DeltaBuilder(ctx.memory, 'variable');
  const rows = blocks.flatMap(block => readBlock(ctx, block, readRowBlock) as unknown[]);
  const { numPieces, first } = piecesOf(table, time, rows.length);
  const pieceRows = Math.ceil(rows.length / numPieces);
  for (let p = 0; p < numPieces; p++) {
    pieces.put(delta, time, first + p, rows.slice(p * pieceRows, (p + 1) * pieceRows));
  }
  pieces.removeUntil(delta, time - operation.windowMs);
  if (emit !== undefined) {
    for (const piece of pieces.between(time - operation.windowMs, time)) emitRows(piece, emit);
    emitRows(rows, emit);
  }
  return finishDelta(ctx, delta);
}

/** A window of pairs: one pair for each key, its values of all batches combined in their order. */
function windowPairs(task: WindowTask, combiner: Combiner): DeltaBlock | undefined {
  const { ctx, table, operation, blocks, label, emit } = task;
  const { time } = ctx.request;
  const mergeCombiners = combiner.mergeCombiners as (a: unknown, b: unknown) => unknown;
  const pieces = new WindowPieces(table);
  const delta = new DeltaBuilder(ctx.memory, 'variable');
  const entering = MergedPairs.of(ctx, blocks, combiner, label).slice(0, Infinity);
  putPairs(pieces, delta, table, time, entering);
  pieces.removeUntil(delta, time - operation.windowMs);
  if (emit !== undefined) {
    ctx.label = label;
    const merged = new Map<KeyIdentity, [unknown, unknown]>();
    const add = ([key, value]: Pair): void => {
      const identity = keyOf(key);
      const entry = merged.get(identity);
      if (entry === undefined) merged.set(identity, [key, value]);
      else entry[1] = mergeCombiners(entry[1], value);
    };
    for (const piece of pieces.between(time - operation.windowMs, time)) (piece as Pair[]).forEach(add);
    for (const pair of entering) add(pair);
    emitRows([...merged.values()], emit);
  }
  return finishDelta(ctx, delta);
}

/** The total of a key as a task has it: what the table holds, changed by what leaves and enters. */
interface Total {
  readonly key: unknown;
  readonly bytes: Uint8Array;
  readonly hash: number;
  /** Whether the table has it. */
  readonly stored: boolean;
  /** Batches of the window that have the key. */
  numBatches: number;
  value: unknown;
  /** False until there is a value. */
  known: boolean;
}

/**
 * A window of totals: `f` combines what enters with the key's total, the inverse takes back what leaves. A key that no
 * batch of the window has any more keeps its total, unless the filter refuses it; a pair that the filter refuses is not
 * emitted, but its total is kept for as long as the window has values of the key.
 */
function windowTotals(task: WindowTask, combiner: Combiner, functions: WindowTotals): DeltaBlock | undefined {
  const { ctx, table, operation, blocks, label, emit } = task;
  const { time } = ctx.request;
  const combine = combiner.mergeCombiners as (a: unknown, b: unknown) => unknown;
  const inverse = functions.inverse as (total: unknown, leaving: unknown) => unknown;
  const filter = functions.filter as ((pair: Pair) => boolean) | undefined;
  const pieces = new WindowPieces(table);
  const delta = new DeltaBuilder(ctx.memory, 'variable');
  const entering = MergedPairs.of(ctx, blocks, combiner, label).slice(0, Infinity);
  putPairs(pieces, delta, table, time, entering);
  const changed = new Map<KeyIdentity, Total>();
  const totalOf = (key: unknown): Total => {
    const identity = keyOf(key);
    let total = changed.get(identity);
    if (total === undefined) changed.set(identity, (total = readTotal(table, key)));
    return total;
  };
  ctx.label = label;
  pieces.removeUntil(delta, time - operation.windowMs, rows => {
    for (const [key, value] of rows as Pair[]) {
      const total = totalOf(key);
      total.value = inverse(total.value, value);
      total.numBatches--;
    }
  });
  for (const [key, value] of entering) {
    const total = totalOf(key);
    total.value = total.known ? combine(total.value, value) : value;
    total.known = true;
    total.numBatches++;
  }
  const passes = (key: unknown, value: unknown): boolean => filter === undefined || filter([key, value]);
  const rows: Pair[] = [];
  for (const { key, bytes, hash, numBatches, value, stored } of changed.values()) {
    const isShown = passes(key, value);
    if (isShown) rows.push([key, value]);
    if (isShown || numBatches > 0) delta.put(bytes, hash, encodeValue([numBatches, value]));
    else if (stored) delta.remove(bytes, hash);
  }
  if (emit !== undefined) {
    for (const entry of table.entries()) {
      if (isPieceKey(entry.key)) continue;
      const key = decodeValue(entry.key);
      if (changed.has(keyOfEncoded(key, entry.key, 0, entry.key.length))) continue;
      const [, value] = decodeValue(entry.value) as Pair;
      if (passes(key, value)) rows.push([key, value]);
    }
    emitRows(rows, emit);
  }
  return finishDelta(ctx, delta);
}

function readTotal(table: StateTable, key: unknown): Total {
  const bytes = keyBytes(key);
  const hash = hashBytes(bytes, 0, bytes.length);
  const found = table.get(bytes, hash);
  if (found === undefined) return { key, bytes, hash, stored: false, numBatches: 0, value: undefined, known: false };
  const [numBatches, value] = decodeValue(found) as [number, unknown];
  return { key, bytes, hash, stored: true, numBatches, value, known: true };
}

/** The batch's pairs as pieces, each pair in the key group of its key. */
function putPairs(
  pieces: WindowPieces,
  delta: DeltaBuilder,
  table: StateTable,
  time: number,
  pairs: Iterable<Pair>,
): void {
  const byGroup = new Map<number, Pair[]>();
  for (const pair of pairs) {
    const bytes = keyBytes(pair[0]);
    const group = keyGroupOf(hashBytes(bytes, 0, bytes.length), table.numKeyGroups);
    const piece = byGroup.get(group);
    if (piece === undefined) byGroup.set(group, [pair]);
    else piece.push(pair);
  }
  for (const [group, piece] of byGroup) pieces.put(delta, time, group, piece);
}
