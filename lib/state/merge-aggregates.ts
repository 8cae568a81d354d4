import { EngineError } from '../core/errors.js';
import type { Column } from '../core/schema.js';
import { AGGREGATE_CODE, NO_VALUE } from '../columnar/aggregate.js';
import type { ColumnChunk } from '../columnar/chunk.js';
import { aggregateChunk, type NamedAggregate } from '../columnar/group-chunk.js';
import type { GroupTable } from '../columnar/group-table.js';
import type { KeySlices } from '../columnar/keys.js';
import { kernels } from '../columnar/kernels.js';
import type { Address } from '../columnar/slot-memory.js';
import { allocDelta, deltaBlock, type DeltaBlock } from './delta-layout.js';
import type { StateTable } from './state-table.js';

/** Rows that are looked up and merged together: their entries fit the cache. */
const BLOCK_ROWS = 512;

/**
 * The new totals of a batch's groups: old state combined with the group, for each group whose totals that changes, in
 * order of the groups. The table is only read, but for rows that it fetches.
 *
 * @returns the change as a delta, and the same rows (key columns, aggregates) as a chunk that lies in that delta and in
 *   scratch: it needs the delta, not the groups. Throws `memoryLimit`, `stateSpill`.
 */
export function mergeAggregates(
  table: StateTable,
  groups: GroupTable,
  keys: readonly Column[],
  aggregates: readonly NamedAggregate[],
): { delta: DeltaBlock; chunk: ColumnChunk } {
  const { memory } = table;
  const k = kernels(memory);
  const valueBytes = aggregates.length * 8;
  if (table.valueBytes !== valueBytes) {
    throw new EngineError(
      'internal',
      `${aggregates.length} aggregates want values of ${valueBytes} bytes, the state has ${table.valueBytes}`,
    );
  }
  const slices = groups.keys();
  const { numGroups } = groups;
  table.fetch(slices, numGroups);
  const common = { numRemoved: 0, valueBytes, dataBytes: 0, lookedUp: table.changes };
  // Computed where it will lie: as a rule all groups change.
  let parts = allocDelta(memory, { ...common, numRows: numGroups, keyBytes: slices.byteLength });
  aggregates.forEach((_, a) => k.groupColumn(groups.header, a, parts.values + a * numGroups * 8));
  const n = mergeRows(table, slices, parts.entries, numGroups, aggregates, parts.values);
  if (n < numGroups) {
    const all = parts;
    parts = allocDelta(memory, { ...common, numRows: n, keyBytes: k.slicesBytes(slices.lengths, n, 0) });
    const { u8 } = memory;
    u8.copyWithin(parts.entries, all.entries, all.entries + n * 4);
    aggregates.forEach((_, a) => {
      const column = all.values + a * numGroups * 8;
      u8.copyWithin(parts.values + a * n * 8, column, column + n * 8);
    });
    memory.free(all.address);
  }
  k.slicesGather(slices.values, slices.lengths, n, 0, parts.keyOffsets, parts.keys);
  memory.u8.copyWithin(parts.hashes, slices.hashes, slices.hashes + n * 4);
  const values = aggregates.map((_, a) => parts.values + a * n * 8);
  // The chunk's keys are the delta's bytes, because short ones of the groups go with their table.
  k.slicesFromLengths(slices.lengths, n, parts.keys, slices.values);
  return { delta: deltaBlock(parts), chunk: aggregateChunk(memory, slices, n, keys, aggregates, values) };
}

/**
 * Adds the state to the groups' totals, and moves the rows whose totals differ from the state's then to the front of all
 * columns. Looked up and added block by block, while the entries are in the cache.
 * @param refs takes where the entries of those rows lie, `totals` has and keeps their columns
 * @returns how many they are
 */
function mergeRows(
  { memory, address }: StateTable,
  slices: KeySlices,
  refs: Address,
  numGroups: number,
  aggregates: readonly NamedAggregate[],
  totals: Address,
): number {
  const k = kernels(memory);
  const firsts = memory.scratch(aggregates.length * 8);
  const kinds = memory.scratch(aggregates.length * 4);
  aggregates.forEach(({ kind }, a) => {
    memory.i64[firsts / 8 + a] = NO_VALUE[kind];
    memory.u32[kinds / 4 + a] = AGGREGATE_CODE[kind];
  });
  const rows = memory.scratch((numGroups + 1) * 4);
  const { length } = aggregates;
  let n = 0;
  for (let from = 0; from < numGroups; from += BLOCK_ROWS) {
    const to = Math.min(from + BLOCK_ROWS, numGroups);
    const at = from * 4;
    k.stateLookup(address, slices.values + at, slices.lengths + at, slices.hashes + at, to - from, refs + at);
    n = k.stateMerge(address, refs, from, to, numGroups, length, kinds, firsts, totals, rows, n) >>> 0;
  }
  if (n === numGroups) return n;
  for (const array of [slices.values, slices.lengths, slices.hashes, refs]) k.compact32(array, rows, n);
  for (let a = 0; a < length; a++) k.compact64(totals + a * numGroups * 8, rows, n);
  return n;
}
