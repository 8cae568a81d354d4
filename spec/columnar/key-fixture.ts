import type { ColumnChunk } from '../../lib/columnar/chunk.js';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import { GroupTable } from '../../lib/columnar/group-table.js';
import type { AggregateKind } from '../../lib/columnar/aggregate.js';
import { keySlices, type KeySlices, type Slices } from '../../lib/columnar/keys.js';
import { kernels } from '../../lib/columnar/kernels.js';
import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import type { Column, ColumnKind } from '../../lib/core/schema.js';
import { intBelow, pick, type Random } from '../helpers/random-values.js';

export const LIMIT_BYTES = 512 * 1024 * 1024;

export const newMemory = (limitBytes = LIMIT_BYTES): SlotMemory =>
  new SlotMemory(0, createSlotMemory(limitBytes), limitBytes);

export const column = (name: string, kind: ColumnKind, nullable = false): Column => ({ name, kind, nullable });

export const TEXT_KEY = [column('k', 'utf8')];

/** Places keys in scratch, with their hashes. */
export function slicesOf(memory: SlotMemory, keys: readonly Uint8Array[]): KeySlices {
  const values = memory.scratch(keys.length * 4);
  const lengths = memory.scratch(keys.length * 4);
  const hashes = memory.scratch(keys.length * 4);
  keys.forEach((key, i) => {
    const at = memory.scratch(key.length);
    memory.u8.set(key, at);
    memory.u32[values / 4 + i] = at;
    memory.u32[lengths / 4 + i] = key.length;
  });
  kernels(memory).hashSlices(values, lengths, keys.length, hashes);
  return { values, lengths, hashes };
}

/** The bytes of n slices, as latin1 texts: easy to compare and to use as keys of a Map. */
export function textsOf(memory: SlotMemory, slices: Slices, n: number): string[] {
  return Array.from({ length: n }, (_, i) => {
    const at = memory.u32[slices.values / 4 + i];
    return Buffer.from(memory.bytes(at, memory.u32[slices.lengths / 4 + i])).toString('latin1');
  });
}

export function textChunk(memory: SlotMemory, keys: readonly string[]): ColumnChunk {
  return columnsFromRows(
    memory,
    TEXT_KEY,
    keys.map(k => ({ k })),
    'spec',
  );
}

export const SUM = { name: 'total', kind: 'sumInt64', outputKind: 'int64' } as const;
export const COUNT = { name: 'n', kind: 'sumInt64', outputKind: 'int64' } as const;

/** A table with one group a row: its key, and its accumulators taken from the row's numbers. */
export function groupsOf(
  memory: SlotMemory,
  aggregates: readonly { readonly kind: AggregateKind }[],
  rows: readonly (readonly [string, ...number[]])[],
): GroupTable {
  const table = new GroupTable(memory, aggregates);
  const keys = keySlices(
    textChunk(
      memory,
      rows.map(row => row[0]),
    ),
    [0],
  );
  const inputs = aggregates.map(({ kind }, a) => {
    const values = memory.scratch(rows.length * 8);
    rows.forEach((row, i) => {
      const value = Number(row[a + 1]);
      if (kind.endsWith('Float64')) memory.f64[values / 8 + i] = value;
      else memory.i64[values / 8 + i] = BigInt(value);
    });
    return { values };
  });
  table.update(keys, rows.length, inputs);
  return table;
}

const LENGTHS = [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 254, 255, 256, 300, 5000];

/** Keys of all awkward lengths, many alike in their beginning, zeros among their bytes. */
export function randomKey(random: Random): Uint8Array {
  const length = random() < 0.5 ? pick(random, LENGTHS) : intBelow(random, 24);
  const key = new Uint8Array(length).fill(97);
  for (let i = 0; i < 3 && length > 0; i++)
    key[length - 1 - intBelow(random, Math.min(length, 3))] = intBelow(random, 4);
  return key;
}
