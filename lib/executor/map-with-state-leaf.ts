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
import type { StateFunction } from '../api/state-spec.js';
import type { MapWithStateOperation } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import type { DeltaBlock } from '../state/delta.js';
import { deltaOfKeys, type KeyChanges } from '../state/key-delta.js';
import type { StateTable } from '../state/state-table.js';
import { BEFORE_ALL, decodeTimed } from '../state/timed-value.js';
import { IdleIndex, type IdleEntry } from './idle-index.js';
import { forEachPairBatch } from './pair-batch.js';
import { RecordState } from './record-state.js';
import { RowEmitter } from './row-emitter.js';
import type { Emit } from './row-operators.js';
import type { TaskContext } from './task-context.js';
import { TouchedKeys } from './touched-keys.js';

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

/** Keys that are due and are looked up together. */
const DUE_AT_ONCE = 1024;

/** Takes the batch in and emits what it is mapped to. @returns the change of state, undefined when there is none */
export function mapWithStateLeaf(task: MapWithStateTask): DeltaBlock | undefined {
  const { ctx, table, operation, label, emit, emitSnapshot } = task;
  const { memory } = ctx;
  const { time } = ctx.request;
  const index = operation.timeoutMs === null ? undefined : IdleIndex.of(table);
  const touched = new TouchedKeys(table);
  const mapped = new RowEmitter(ctx, label, emit);
  ctx.label = label;
  const state = new RecordState();
  mapRecords(task, state, touched, mapped);
  if (index !== undefined) timeOut(task, index, state, touched, mapped);
  mapped.flush();
  const changes = touched.changes(time);
  const mark = memory.scratchMark();
  const keys = touched.keys();
  if (index !== undefined) {
    for (const number of changes.rows) {
      if (touched.exists(number) && !touched.isStored(number)) index.add(time, memory.u32[keys.hashes / 4 + number]);
    }
  }
  const delta = changes.rows.length === 0 ? undefined : deltaOfKeys(memory, keys, touched.size, changes);
  memory.releaseScratch(mark);
  if (emitSnapshot !== undefined) emitStates(task, touched, changes, new RowEmitter(ctx, label, emitSnapshot));
  touched.dispose();
  return delta;
}

function mapRecords(task: MapWithStateTask, state: RecordState, touched: TouchedKeys, mapped: RowEmitter): void {
  const { ctx, operation, blocks, f } = task;
  const { time } = ctx.request;
  const isRefreshed = operation.timeoutMs !== null;
  forEachPairBatch(ctx, blocks, batch => {
    const { keys, values, numPairs } = batch;
    const numbers = batch.withKeys(slices => touched.touch(slices, numPairs));
    for (let i = 0; i < numPairs; i++) {
      const number = numbers[i];
      const key = keys[i];
      const exists = touched.exists(number);
      state.open(key, exists, exists ? touched.stateOf(number) : undefined);
      const row = f(key, values[i], state, time);
      const done = state.close();
      if (row !== undefined) mapped.push(row);
      if (done === 'updated') touched.update(number, state.value);
      else if (done === 'removed') touched.remove(number);
      if (isRefreshed) touched.refresh(number);
    }
  });
}

/** Calls the function for the keys that had no record for too long. */
function timeOut(
  task: MapWithStateTask,
  index: IdleIndex,
  state: RecordState,
  touched: TouchedKeys,
  mapped: RowEmitter,
): void {
  const { ctx, operation, f } = task;
  const { time } = ctx.request;
  const due = index.before(time - (operation.timeoutMs ?? 0));
  for (let start = 0; start < due.length; start += DUE_AT_ONCE) {
    const entries = due.slice(start, start + DUE_AT_ONCE);
    const known = touched.size;
    const numbers = touchDue(task, entries, touched);
    for (const [i, { key: bytes, time: updated }] of entries.entries()) {
      const number = numbers[i];
      if (number < known) continue;
      // An initial state is as old as the first batch that sees it.
      if (updated === BEFORE_ALL) {
        touched.refresh(number);
        continue;
      }
      const key = decodeValue(bytes);
      state.openTimingOut(key, touched.stateOf(number));
      const row = f(key, undefined, state, time);
      state.close();
      if (row !== undefined) mapped.push(row);
      touched.remove(number);
    }
  }
}

/** The numbers of keys whose bytes lie in the table. */
function touchDue({ ctx }: MapWithStateTask, entries: readonly IdleEntry[], touched: TouchedKeys): Uint32Array {
  const { memory } = ctx;
  const n = entries.length;
  const mark = memory.scratchMark();
  const keys = { values: memory.scratch(n * 4), lengths: memory.scratch(n * 4), hashes: memory.scratch(n * 4) };
  const { u32 } = memory;
  entries.forEach(({ key, hash }, i) => {
    u32[keys.values / 4 + i] = key.byteOffset;
    u32[keys.lengths / 4 + i] = key.length;
    u32[keys.hashes / 4 + i] = hash;
  });
  const numbers = touched.touch(keys, n);
  memory.releaseScratch(mark);
  return numbers;
}

/** `[key, state]` of every key that has a state after the batch: those of the table that it left alone, then the touched ones. */
function emitStates(
  { ctx, table }: MapWithStateTask,
  touched: TouchedKeys,
  changes: KeyChanges,
  rows: RowEmitter,
): void {
  const { memory } = ctx;
  const stored = touched.storedValues();
  for (const { key, value } of table.entries()) {
    // Copies of what is away are of keys that were not touched.
    if (value.buffer !== memory.u8.buffer || !stored.has(value.byteOffset))
      rows.push([decodeValue(key), decodeTimed(value)]);
  }
  const mark = memory.scratchMark();
  const { values, lengths } = touched.keys();
  const starts = memory.u32.slice(values / 4, values / 4 + touched.size);
  const sizes = memory.u32.slice(lengths / 4, lengths / 4 + touched.size);
  memory.releaseScratch(mark);
  let change = 0;
  for (let number = 0; number < touched.size; number++) {
    const isChanged = changes.rows[change] === number;
    const value = isChanged
      ? changes.data.subarray(changes.offsets[change], changes.offsets[change + 1])
      : touched.storedValue(number);
    if (isChanged) change++;
    if (!touched.exists(number) || value === undefined) continue;
    const key = decodeValue(memory.bytes(starts[number], sizes[number]));
    rows.push([key, decodeTimed(value)]);
  }
  rows.flush();
}
