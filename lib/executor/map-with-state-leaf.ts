/**
 * The leaf of mapWithState. The function is called for each record in turn, blocks in order of where they come from, and
 * sees what the calls before it did to its key; then for each key whose timeout is over. The table stays as it was before
 * the batch: what becomes of the keys that were touched is kept here, and left as the change of state.
 *
 *   record    no state      update   state of t      remove   none
 *             state of u    update   state of t      remove   none      nothing   state of u, with a timeout state of t
 *   timeout   state of u < t - timeout: a call without a value, then none
 *
 * A batch costs its records and the keys that are due; only the snapshot, where it is wanted, goes over all keys.
 */
import { decodeValue } from '../core/value-codec.js';
import { keyOfEncoded, type KeyIdentity } from '../core/value-key.js';
import type { StateFunction } from '../api/state-spec.js';
import { PairReader } from '../blocks/row-block.js';
import { rowChunk } from '../columnar/chunk.js';
import type { MapWithStateOperation } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import { DeltaBuilder, type DeltaBlock } from '../state/delta.js';
import type { StateTable } from '../state/state-table.js';
import { BEFORE_ALL, decodeTimed, encodeTimed, stateBytesOf, withTime } from '../state/timed-value.js';
import { IdleIndex } from './idle-index.js';
import { emitRows } from './leaves.js';
import { readBlock } from './read-block.js';
import { RecordState } from './record-state.js';
import type { Emit } from './row-operators.js';
import type { TaskContext } from './task-context.js';

/** One task of mapWithState. */
export interface MapWithStateTask {
  readonly ctx: TaskContext;
  readonly table: StateTable;
  readonly operation: MapWithStateOperation;
  readonly blocks: readonly BlockRef[];
  readonly label: string;
  readonly f: StateFunction<unknown, unknown, unknown, unknown>;
  readonly emit: Emit;
  /** Where the pairs of all states go; undefined when nobody wants them. */
  readonly emitSnapshot: Emit | undefined;
}

/** A key that the batch has touched, and what has become of it. */
interface Touched {
  readonly key: unknown;
  readonly bytes: Uint8Array;
  readonly hash: number;
  /** What the table has: a view. */
  readonly stored: Uint8Array | undefined;
  exists: boolean;
  state: unknown;
  /** `state` is not what the table has, but what `update` was given. */
  isUpdated: boolean;
  /** It counts as updated now, whether its function did so or not. */
  isRefreshed: boolean;
  /** What the table will have; undefined for nothing. Known when the batch's calls are done. */
  next: Uint8Array | undefined;
}

type TouchedKeys = Map<KeyIdentity, Touched>;

const SNAPSHOT_CHUNK_ROWS = 4096;

/** Takes the batch in and emits what it is mapped to. @returns the change of state, undefined when there is none */
export function mapWithStateLeaf(task: MapWithStateTask): DeltaBlock | undefined {
  const { ctx, table, operation, emit, emitSnapshot } = task;
  const { time } = ctx.request;
  const index = operation.timeoutMs === null ? undefined : IdleIndex.of(table);
  const mapped: unknown[] = [];
  const touched: TouchedKeys = new Map();
  ctx.label = task.label;
  const state = new RecordState();
  mapRecords(task, state, touched, mapped);
  if (index !== undefined) timeOut(task, index, state, touched, mapped);
  const delta = new DeltaBuilder(ctx.memory, table.valueBytes);
  for (const entry of touched.values()) {
    entry.next = nextValue(entry, time);
    if (entry.next === entry.stored) continue;
    if (entry.next === undefined) delta.remove(entry.bytes, entry.hash);
    else delta.put(entry.bytes, entry.hash, entry.next);
    if (entry.next !== undefined && entry.stored === undefined) index?.add(time, entry.hash);
  }
  const built = delta.finish();
  emitRows(mapped, emit);
  if (emitSnapshot !== undefined) emitStates(table, touched, emitSnapshot);
  if (built.numChanged + built.numRemoved > 0) return built;
  ctx.memory.free(built.address);
  return undefined;
}

function mapRecords(task: MapWithStateTask, state: RecordState, touched: TouchedKeys, mapped: unknown[]): void {
  const { ctx, table, operation, blocks, f } = task;
  const { time } = ctx.request;
  for (const block of blocks) {
    readBlock(ctx, block, bytes => {
      const pairs = new PairReader(bytes);
      while (pairs.next()) {
        const { key } = pairs;
        const identity = keyOfEncoded(key, bytes, pairs.keyStart, pairs.keyEnd);
        let entry = touched.get(identity);
        if (entry === undefined) {
          entry = readEntry(table, key, bytes.slice(pairs.keyStart, pairs.keyEnd), pairs.hash);
          touched.set(identity, entry);
        }
        state.open(key, entry.exists, entry.state);
        const row = f(key, pairs.value, state, time);
        const done = state.close();
        if (row !== undefined) mapped.push(row);
        if (done !== 'nothing') {
          entry.state = state.value;
          entry.exists = entry.isUpdated = done === 'updated';
        }
        entry.isRefreshed ||= operation.timeoutMs !== null;
      }
    });
  }
}

/** Calls the function for the keys that had no record for too long. */
function timeOut(
  task: MapWithStateTask,
  index: IdleIndex,
  state: RecordState,
  touched: TouchedKeys,
  mapped: unknown[],
): void {
  const { ctx, operation, f } = task;
  const { time } = ctx.request;
  for (const { key: bytes, value, hash, time: updated } of index.before(time - (operation.timeoutMs ?? 0))) {
    const key = decodeValue(bytes);
    const identity = keyOfEncoded(key, bytes, 0, bytes.length);
    if (touched.has(identity)) continue;
    const entry = entryOf(key, bytes, hash, value);
    touched.set(identity, entry);
    if (updated === BEFORE_ALL) {
      // An initial state is as old as the first batch that sees it.
      entry.isRefreshed = true;
      continue;
    }
    state.openTimingOut(key, entry.state);
    const row = f(key, undefined, state, time);
    state.close();
    if (row !== undefined) mapped.push(row);
    entry.exists = false;
  }
}

/** The key's value after the batch: the stored one itself when nothing about it changes. */
function nextValue({ exists, isUpdated, isRefreshed, state, stored }: Touched, time: number): Uint8Array | undefined {
  if (!exists) return undefined;
  if (isUpdated) return encodeTimed(time, state);
  return isRefreshed && stored !== undefined ? withTime(time, stateBytesOf(stored)) : stored;
}

function readEntry(table: StateTable, key: unknown, bytes: Uint8Array, hash: number): Touched {
  return entryOf(key, bytes, hash, table.get(bytes, hash));
}

const entryOf = (key: unknown, bytes: Uint8Array, hash: number, stored: Uint8Array | undefined): Touched => ({
  key,
  bytes,
  hash,
  stored,
  exists: stored !== undefined,
  state: stored === undefined ? undefined : decodeTimed(stored),
  isUpdated: false,
  isRefreshed: false,
  next: undefined,
});

/** `[key, state]` of every key that has a state after the batch: what the table has and the batch leaves, then the rest. */
function emitStates(table: StateTable, touched: TouchedKeys, emit: Emit): void {
  let rows: unknown[] = [];
  const add = (key: unknown, value: Uint8Array): void => {
    rows.push([key, decodeTimed(value)]);
    if (rows.length < SNAPSHOT_CHUNK_ROWS) return;
    emit(rowChunk(rows));
    rows = [];
  };
  for (const entry of table.entries()) {
    const key = decodeValue(entry.key);
    if (!touched.has(keyOfEncoded(key, entry.key, 0, entry.key.length))) add(key, entry.value);
  }
  for (const { key, next } of touched.values()) if (next !== undefined) add(key, next);
  if (rows.length > 0) emit(rowChunk(rows));
}
