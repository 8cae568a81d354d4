/** One partition of mapWithState without an engine: a table of timed values, and single batches on it. */
import type { StateFunction } from '../../lib/api/state-spec.js';
import { PairPartitioner } from '../../lib/blocks/row-block.js';
import { rowsOf } from '../../lib/columnar/rows.js';
import { hashBytes } from '../../lib/core/hash.js';
import { decodeValue } from '../../lib/core/value-codec.js';
import { keyBytes } from '../../lib/core/value-key.js';
import { mapWithStateLeaf } from '../../lib/executor/map-with-state-leaf.js';
import { TaskContext } from '../../lib/executor/task-context.js';
import type { TaskRequest } from '../../lib/protocol/messages.js';
import { DeadLetterWriter } from '../../lib/sinks/dead-letter.js';
import { applyDelta, DeltaBuilder, type DeltaBlock } from '../../lib/state/delta.js';
import type { StateTable } from '../../lib/state/state-table.js';
import { decodeTimed, encodeTimed, timeOf } from '../../lib/state/timed-value.js';
import { newMemory } from '../columnar/key-fixture.js';
import { newTable } from '../state/state-fixture.js';

/** A key with its state and the time of its last update; undefined for none. */
export type TimedState = readonly [key: unknown, state: unknown, time: number];

export interface LeafBatch {
  readonly time: number;
  readonly records: readonly (readonly [unknown, unknown])[];
  readonly timeoutMs?: number;
  readonly f: (...args: never[]) => unknown;
}

export interface LeafOutput {
  readonly mapped: readonly unknown[];
  readonly snapshot: readonly unknown[];
  /** The change that the batch made; undefined for none. Not applied yet. */
  readonly delta: DeltaBlock | undefined;
}

export const hashOfKey = (key: unknown): number => {
  const bytes = keyBytes(key);
  return hashBytes(bytes, 0, bytes.length);
};

export const newTimedTable = (): StateTable => newTable(newMemory());

/** Sets the states of some keys, or removes those without one, as one accepted batch would. */
export function setStates(
  table: StateTable,
  states: Iterable<readonly [unknown, readonly [unknown, number] | undefined]>,
): void {
  const delta = new DeltaBuilder(table.memory);
  for (const [key, timed] of states) {
    const bytes = keyBytes(key);
    if (timed === undefined) delta.remove(bytes, hashOfKey(key));
    else delta.put(bytes, hashOfKey(key), encodeTimed(timed[1], timed[0]));
  }
  applyAndFree(table, delta.finish());
}

export function applyAndFree(table: StateTable, delta: DeltaBlock | undefined): void {
  if (delta === undefined) return;
  applyDelta(table, delta.address);
  table.memory.free(delta.address);
}

/** What a table holds, sorted by key. */
export const timedStates = (table: StateTable): TimedState[] =>
  [...table.entries()]
    .map(({ key, value }): TimedState => [decodeValue(key), decodeTimed(value), timeOf(value)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));

/** Runs the leaf's task for one batch; the table stays as it is. */
export function runLeaf(table: StateTable, { time, records, timeoutMs, f }: LeafBatch): LeafOutput {
  const { memory } = table;
  const request: TaskRequest = {
    ...{ kind: 'task', stage: 1, partition: 0, attempt: 1, time, previousTime: time - 1000 },
    ...{ plan: null, broadcasts: [], range: null, inputs: [] },
  };
  const ctx = new TaskContext(memory, request, new DeadLetterWriter(memory, time), block =>
    memory.bytes(block.address, block.byteLength),
  );
  const pairs = new PairPartitioner(memory, 1, table.numKeyGroups);
  for (const [key, value] of records) pairs.add(key, value);
  const blocks = pairs.finish().flatMap(block => (block === null ? [] : [{ slot: 0, ...block }]));
  const mapped: unknown[] = [];
  const snapshot: unknown[] = [];
  const delta = mapWithStateLeaf({
    ...{ ctx, table, blocks, label: 'mapWithState' },
    operation: { kind: 'mapWithState', operatorId: 'm', timeoutMs: timeoutMs ?? null, initial: null },
    f: f as StateFunction<unknown, unknown, unknown, unknown>,
    emit: chunk => mapped.push(...rowsOf(chunk)),
    emitSnapshot: chunk => snapshot.push(...rowsOf(chunk)),
  });
  for (const { address } of blocks) memory.free(address);
  return { mapped, snapshot, delta };
}
