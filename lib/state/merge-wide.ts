/**
 * Totals of groups whose aggregates keep more than a number: a state of variable length for each key,
 *
 *   8 bytes for each of the other aggregates | the partials of the wide ones, an array as `core/value-codec.ts` writes it
 *
 * A key that a batch touches is read, merged and written whole: what `countDistinct` and `collectList` keep makes each
 * such key dearer as its values grow.
 */
import { sameBytes } from '../core/bytes.js';
import type { Column } from '../core/schema.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';
import { NO_VALUE } from '../columnar/aggregate.js';
import type { ColumnChunk } from '../columnar/chunk.js';
import { aggregateChunk, type NamedAggregate } from '../columnar/group-chunk.js';
import { GroupTable } from '../columnar/group-table.js';
import type { KeySlices } from '../columnar/keys.js';
import { kernels } from '../columnar/kernels.js';
import type { Address } from '../columnar/slot-memory.js';
import { WideTable } from '../columnar/wide/wide-table.js';
import { DeltaBuilder, type DeltaBlock } from './delta.js';
import type { StateTable } from './state-table.js';

export interface WideTotals {
  readonly delta: DeltaBlock;
  /** Key columns and 8-byte aggregates of the groups that changed; good as long as the groups' table. */
  readonly chunk: ColumnChunk;
  readonly totals: WideTable;
  /** Their numbers in `totals`. */
  readonly groups: readonly number[];
}

/**
 * As `mergeAggregates`: the old state comes first, then the batch's groups. Throws `memoryLimit`, `stateSpill`.
 */
export function mergeWideAggregates(
  state: StateTable,
  groups: GroupTable,
  wide: WideTable,
  keys: readonly Column[],
  aggregates: readonly NamedAggregate[],
): WideTotals {
  const { memory } = state;
  const { numGroups } = groups;
  const slices = groups.keys();
  const totals = new WideTable(wide.aggregates);
  state.fetch(slices, numGroups);
  const before = readState(state, slices, numGroups, aggregates, totals);
  const columns = addBatch(groups, slices, before.columns);
  const builder = new DeltaBuilder(memory);
  const nothing = valueBytes(
    aggregates.map(({ kind }) => NO_VALUE[kind]),
    wide.aggregates.map(() => undefined),
  );
  const { u32, i64 } = memory;
  const changed: number[] = [];
  for (let row = 0; row < numGroups; row++) {
    totals.merge(row + 1, wide.partials(row + 1));
    const after = valueBytes(
      columns.map(column => i64[column / 8 + row]),
      totals.partials(row + 1),
    );
    if (sameBytes(after, before.values[row] ?? nothing)) continue;
    changed.push(row);
    builder.put(keyAt(state, slices, row), u32[slices.hashes / 4 + row], after);
  }
  const chunk = changedChunk(state, slices, keys, aggregates, columns, changed);
  return { delta: builder.finish(), chunk, totals, groups: changed.map(row => row + 1) };
}

const keyAt = ({ memory }: StateTable, { values, lengths }: KeySlices, row: number): Uint8Array =>
  memory.bytes(memory.u32[values / 4 + row], memory.u32[lengths / 4 + row]);

/** The accumulators of each key before the batch, by column in scratch, and its value, copied; wide ones go to `totals`. */
function readState(
  state: StateTable,
  slices: KeySlices,
  numGroups: number,
  aggregates: readonly NamedAggregate[],
  totals: WideTable,
): { readonly columns: readonly Address[]; readonly values: readonly (Uint8Array | undefined)[] } {
  const { memory } = state;
  const columns = aggregates.map(() => memory.scratch(numGroups * 8));
  const values: (Uint8Array | undefined)[] = [];
  for (let row = 0; row < numGroups; row++) {
    const value = state.get(keyAt(state, slices, row), memory.u32[slices.hashes / 4 + row])?.slice();
    values.push(value);
    const numbers = value && new BigInt64Array(value.buffer, 0, aggregates.length);
    aggregates.forEach(({ kind }, a) => {
      memory.i64[columns[a] / 8 + row] = numbers?.[a] ?? NO_VALUE[kind];
    });
    if (value !== undefined) totals.merge(row + 1, decodeValue(value, aggregates.length * 8) as readonly unknown[]);
  }
  return { columns, values };
}

/** Old accumulators and those of the batch, combined by the kernels: a table of the same keys takes in both. */
function addBatch(groups: GroupTable, slices: KeySlices, before: readonly Address[]): Address[] {
  const { memory, aggregates, numGroups } = groups;
  if (aggregates.length === 0) return [];
  const table = new GroupTable(memory, aggregates);
  table.update(
    slices,
    numGroups,
    before.map(values => ({ values })),
  );
  table.update(
    slices,
    numGroups,
    aggregates.map((_, a) => ({ values: groups.accumulators(a) })),
  );
  const columns = aggregates.map((_, a) => table.accumulators(a));
  table.dispose();
  return columns;
}

function valueBytes(numbers: readonly bigint[], partials: readonly unknown[]): Uint8Array {
  const encoded = encodeValue(partials);
  const bytes = new Uint8Array(numbers.length * 8 + encoded.length);
  new BigInt64Array(bytes.buffer, 0, numbers.length).set(numbers);
  bytes.set(encoded, numbers.length * 8);
  return bytes;
}

function changedChunk(
  { memory }: StateTable,
  slices: KeySlices,
  keys: readonly Column[],
  aggregates: readonly NamedAggregate[],
  columns: readonly Address[],
  changed: readonly number[],
): ColumnChunk {
  const k = kernels(memory);
  const n = changed.length;
  const rows = memory.scratch(n * 4);
  memory.u32.set(changed, rows / 4);
  for (const array of [slices.values, slices.lengths, slices.hashes]) k.compact32(array, rows, n);
  for (const column of columns) k.compact64(column, rows, n);
  return aggregateChunk(memory, slices, n, keys, aggregates, columns);
}
