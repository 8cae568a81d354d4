import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import type { FileSystem } from '../../lib/core/file-system.js';
import type { Column } from '../../lib/core/schema.js';
import { hashBytes, keyGroupOf } from '../../lib/core/hash.js';
import { applyDelta, DeltaBuilder, type DeltaBlock } from '../../lib/state/delta.js';
import { SnapshotWriter, type WrittenSnapshot } from '../../lib/state/snapshot.js';
import type { ValueColumns } from '../../lib/state/state-ipc.js';
import { StateTable, type StateTableOptions } from '../../lib/state/state-table.js';
import { intBelow, pick, type Random } from '../helpers/random-values.js';
import { column, randomKey } from '../columnar/key-fixture.js';

export type Change = readonly [key: string, value: string | undefined];

/** Keys and values as latin1 texts: easy to compare, and no byte is lost. */
export const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
export const hashOf = (text: string): number => hashBytes(bytesOf(text), 0, text.length);

export const TWO_NUMBERS: readonly Column[] = [column('n', 'int64'), column('total', 'float64')];

export const newTable = (memory: SlotMemory, options: Partial<StateTableOptions> = {}): StateTable =>
  StateTable.create(memory, { numKeyGroups: 8, from: 0, to: 8, valueBytes: 'variable', ...options });

export function deltaOf(table: StateTable, changes: readonly Change[]): DeltaBlock {
  const builder = new DeltaBuilder(table.memory, table.valueBytes);
  for (const [key, value] of changes) {
    if (value === undefined) builder.remove(bytesOf(key), hashOf(key));
    else builder.put(bytesOf(key), hashOf(key), bytesOf(value));
  }
  return builder.finish();
}

export function apply(table: StateTable, changes: readonly Change[]): void {
  const delta = deltaOf(table, changes);
  applyDelta(table, delta.address);
  table.memory.free(delta.address);
}

/** The same change on a Map, for key groups `from <= g < to`. */
export function applyToMap(oracle: Map<string, string>, changes: readonly Change[], table: StateTable): void {
  for (const [key, value] of changes) {
    const group = keyGroupOf(hashOf(key), table.numKeyGroups);
    if (group < table.from || group >= table.to) continue;
    if (value === undefined) oracle.delete(key);
    else oracle.set(key, value);
  }
}

/** All pieces of a snapshot, one after another. */
export async function writeSnapshot(
  table: StateTable,
  path: string,
  columns: ValueColumns,
  fs: FileSystem,
): Promise<WrittenSnapshot> {
  const snapshot = await SnapshotWriter.create(table, path, columns, fs);
  try {
    let written: WrittenSnapshot | undefined;
    while (written === undefined) written = await snapshot.writePiece();
    return written;
  } finally {
    await snapshot.close();
  }
}

export function rowsOfTable(table: StateTable): [string, string][] {
  return [...table.entries()].map(({ key, value }) => [textOf(key), textOf(value)]);
}

export const sortedRows = (rows: Iterable<readonly [string, string]>): (readonly [string, string])[] =>
  [...rows].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

export function randomChanges(
  random: Random,
  pool: readonly string[],
  valueBytes: number | 'variable',
  count: number,
): Change[] {
  return Array.from({ length: count }, (): Change => {
    const key = pool[Math.floor(random() ** 2 * pool.length)] ?? '';
    if (random() < 0.3) return [key, undefined];
    const length = valueBytes === 'variable' ? pick(random, [0, 1, 7, 8, 9, 40, intBelow(random, 400)]) : valueBytes;
    return [key, String.fromCharCode(33 + intBelow(random, 90)).repeat(length)];
  });
}

export const randomPool = (random: Random, size: number): string[] =>
  Array.from({ length: size }, (_, i) => `${i % 3 === 0 ? '' : i}${textOf(randomKey(random))}`);
