/** The leaves that keep state: they read the table as it was before the batch and leave the change as a delta block. */
import { hashBytes } from '../core/hash.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';
import { keyBytes, keyOf } from '../core/value-key.js';
import type { Column } from '../core/schema.js';
import { sameBytes } from '../core/bytes.js';
import type { AggregateColumn, StateValue } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import { applyDelta, DeltaBuilder, type DeltaBlock } from '../state/delta.js';
import { mergeAggregates } from '../state/merge-aggregates.js';
import { decodeNumbers, encodeNumbers } from '../state/number-columns.js';
import type { StateTable } from '../state/state-table.js';
import { BEFORE_ALL, encodeTimed } from '../state/timed-value.js';
import { cogroupPairs, emitColumns, emitRows, mergeGroups } from './leaves.js';
import type { Emit } from './row-operators.js';
import type { OperatorState } from './state-tables.js';
import type { TaskContext } from './task-context.js';

/** runningAgg: new totals of the groups that changed. Undefined when nothing did. */
export function updateAggregates(
  ctx: TaskContext,
  table: StateTable,
  blocks: readonly BlockRef[],
  keys: readonly Column[],
  aggregates: readonly AggregateColumn[],
  emit: Emit,
): DeltaBlock | undefined {
  const groups = mergeGroups(ctx, blocks, aggregates);
  if (groups.numGroups === 0) {
    groups.dispose();
    return undefined;
  }
  const { delta, chunk } = mergeAggregates(table, groups, keys, aggregates);
  groups.dispose();
  emitColumns(chunk, emit);
  return delta.numChanged > 0 ? delta : undefined;
}

/** updateStateByKey: every key that has a state or new values is visited, every state that is left is emitted. */
export function updateStates(
  ctx: TaskContext,
  table: StateTable,
  blocks: readonly BlockRef[],
  value: StateValue,
  f: (values: unknown[], state: unknown, key: unknown, time: number) => unknown,
  label: string,
  emit: Emit,
): DeltaBlock | undefined {
  const encode = encoderOf(value, label);
  const decode = decoderOf(value);
  const { time } = ctx.request;
  const groups = cogroupPairs(ctx, [blocks]);
  const delta = new DeltaBuilder(ctx.memory, table.valueBytes);
  const rows: unknown[] = [];
  ctx.label = label;
  for (const entry of table.entries()) {
    const key = decodeValue(entry.key);
    const identity = keyOf(key);
    const values = groups.get(identity)?.[1][0] ?? [];
    groups.delete(identity);
    const next = f(values, decode(entry.value), key, time);
    if (next === undefined) {
      delta.remove(entry.key, hashBytes(entry.key, 0, entry.key.length));
      continue;
    }
    const bytes = encode(next);
    if (!sameBytes(bytes, entry.value)) delta.put(entry.key, hashBytes(entry.key, 0, entry.key.length), bytes);
    rows.push([key, next]);
  }
  for (const [key, [values]] of groups.values()) {
    const next = f(values ?? [], undefined, key, time);
    if (next === undefined) continue;
    const bytes = keyBytes(key);
    delta.put(bytes, hashBytes(bytes, 0, bytes.length), encode(next));
    rows.push([key, next]);
  }
  const built = delta.finish();
  emitRows(rows, emit);
  if (built.numChanged + built.numRemoved > 0) return built;
  ctx.memory.free(built.address);
  return undefined;
}

/** Puts an initial state into a table: the keys whose key groups the table owns. Doing it again changes nothing. */
export function seedStates(
  table: StateTable,
  initial: readonly (readonly [unknown, unknown])[],
  { kind, value }: OperatorState,
  operator: string,
): void {
  const encode = kind === 'mapWithState' ? encodeInitial : encoderOf(value, operator);
  const delta = new DeltaBuilder(table.memory, table.valueBytes);
  for (const [key, state] of initial) {
    const bytes = keyBytes(key);
    delta.put(bytes, hashBytes(bytes, 0, bytes.length), encode(state));
  }
  const { address } = delta.finish();
  applyDelta(table, address);
  table.memory.free(address);
}

const encodeInitial = (state: unknown): Uint8Array => encodeTimed(BEFORE_ALL, state);

export const encoderOf = (value: StateValue, label: string): ((state: unknown) => Uint8Array) =>
  value === 'variable' ? encodeValue : state => encodeNumbers(value, state, label);

export const decoderOf = (value: StateValue): ((bytes: Uint8Array) => unknown) =>
  value === 'variable' ? bytes => decodeValue(bytes) : bytes => decodeNumbers(value, bytes);
