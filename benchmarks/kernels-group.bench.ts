/**
 * Grouping, shuffling and state on one core: rows a second of the group table by number of distinct keys, groups a second
 * of shuffle blocks, and the cost of state: merge, apply, Arrow form, snapshot.
 *
 *   npx tsx benchmarks/kernels-group.bench.ts [rows per case] [keys of the large state]
 *
 * One JSON line a case, medians of rounds; counts are checked before they are reported. Keys are drawn evenly, which is
 * the worst case for caches. The plain loop to compare with is a Map from strings to numbers.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { mergeGroupBlock, writeGroupBlocks } from '../lib/blocks/group-block.js';
import { loadArrow } from '../lib/columnar/arrow.js';
import type { ColumnChunk } from '../lib/columnar/chunk.js';
import { GroupTable } from '../lib/columnar/group-table.js';
import { keySlices } from '../lib/columnar/keys.js';
import { evalPredicate } from '../lib/columnar/predicate.js';
import { createSlotMemory, SlotMemory } from '../lib/columnar/slot-memory.js';
import { applyDelta } from '../lib/state/delta.js';
import { mergeAggregates } from '../lib/state/merge-aggregates.js';
import { SnapshotWriter } from '../lib/state/snapshot.js';
import { deltaToIpc } from '../lib/state/state-ipc.js';
import { StateTable } from '../lib/state/state-table.js';
import { NodeFileSystem } from '../lib/core/node-file-system.js';
import { workFolder } from './harness/folders.js';
import { check, report } from './harness/report.js';
import { percentile } from './harness/stats.js';

const CHUNK_ROWS = 16384;
const LIMIT_BYTES = 4 * 2 ** 30 - 65536;
const NAME = 'kernels-group';
const KEY = [{ name: 'user', kind: 'utf8', nullable: false }] as const;
const COUNT = { name: 'n', kind: 'sumInt64', outputKind: 'int64' } as const;
const SUM = { name: 'total', kind: 'sumInt64', outputKind: 'int64' } as const;
const VALUES = [COUNT, SUM].map(({ name, outputKind }) => ({ name, kind: outputKind, nullable: false }));

const numRows = Number(process.argv[2] ?? 4_000_000);
const numStateKeys = Number(process.argv[3] ?? 1_000_000);
const memory = new SlotMemory(0, createSlotMemory(LIMIT_BYTES), LIMIT_BYTES);

/** Chunks of one text column, its bytes lying one after another as in a decoded file. */
function makeChunks(numDistinct: number, keyOf: (i: number) => string, numOfRows = numRows): ColumnChunk[] {
  let seed = 1;
  const next = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  return Array.from({ length: Math.ceil(numOfRows / CHUNK_ROWS) }, () => {
    const keys = Array.from({ length: CHUNK_ROWS }, () => keyOf(Math.floor((next() / 2 ** 32) * numDistinct)));
    return textChunk(keys);
  });
}

function textChunk(keys: readonly string[]): ColumnChunk {
  const bytes = Buffer.from(keys.join(','));
  const text = memory.alloc(bytes.length);
  memory.u8.set(bytes, text);
  const values = memory.alloc(keys.length * 4);
  const lengths = memory.alloc(keys.length * 4);
  let at = text;
  keys.forEach((key, i) => {
    memory.u32[values / 4 + i] = at;
    memory.u32[lengths / 4 + i] = key.length;
    at += key.length + 1;
  });
  const columns = [{ values, lengths, validity: 0 }];
  const common = { ascii: true, textStart: text, textEnd: at, scalar: true };
  return { kind: 'columns', numRows: keys.length, memory, schema: KEY, columns, ...common };
}

function freeChunks(chunks: readonly ColumnChunk[]): void {
  for (const { textStart, columns } of chunks) {
    for (const address of [textStart, columns[0]?.values ?? 0, columns[0]?.lengths ?? 0]) memory.free(address);
  }
}

function group(chunks: readonly ColumnChunk[], numAggregates: number): GroupTable {
  const table = new GroupTable(
    memory,
    Array.from({ length: numAggregates }, () => COUNT),
  );
  for (const chunk of chunks) {
    const mark = memory.scratchMark();
    table.update(keySlices(chunk, [0]), chunk.numRows, []);
    memory.releaseScratch(mark);
  }
  return table;
}

function timed(rounds: number, run: () => void): { median: number; best: number } {
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return { median: percentile(times, 0.5), best: percentile(times, 0) };
}

const millions = (rows: number, ms: number): number => Number((rows / ms / 1000).toFixed(1));

for (const [name, numDistinct, keyOf] of [
  ['1 k keys of 5-8 bytes', 1000, (i: number) => `user${i}`],
  ['100 k keys of 5-10 bytes', 100_000, (i: number) => `user${i}`],
  ['1 M keys of 5-11 bytes', 1_000_000, (i: number) => `user${i}`],
  ['100 k keys of 36 bytes', 100_000, (i: number) => `${String(i).padStart(8, '0')}-ab12-4cd3-9ef0-1234567890ab`],
] as const) {
  const chunks = makeChunks(numDistinct, keyOf);
  const rows = chunks.length * CHUNK_ROWS;
  for (const numAggregates of [1, 3]) {
    const table = group(chunks, numAggregates);
    const counts = memory.i64.subarray(table.accumulators(0) / 8).subarray(0, table.numGroups);
    check(counts.reduce((a, b) => a + b, 0n) === BigInt(rows), `${name}: counts add up`);
    table.dispose();
    memory.resetScratch();
    const { median, best } = timed(5, () => group(chunks, numAggregates).dispose());
    report(NAME, { name, numAggregates, mRowsPerSec: millions(rows, median), best: millions(rows, best) });
  }
  if (numDistinct === 100_000) {
    const predicate = { op: 'eq', column: 'user', value: keyOf(7) } as const;
    const { median } = timed(5, () => {
      for (const chunk of chunks) evalPredicate(chunk, predicate);
      memory.resetScratch();
    });
    report(NAME, { name: `user = literal, ${name}`, mRowsPerSec: millions(rows, median) });
  }
  freeChunks(chunks);
}

{
  const chunks = makeChunks(100_000, i => `user${i}`);
  const plain = timed(1, () => {
    const counts = new Map<string, number>();
    for (const { textStart, textEnd } of chunks) {
      const text = Buffer.from(memory.bytes(textStart, textEnd - textStart - 1)).toString('latin1');
      for (const key of text.split(',')) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  });
  report(NAME, {
    name: 'plain loop: split, Map of strings',
    mRowsPerSec: millions(chunks.length * CHUNK_ROWS, plain.median),
  });
  const table = group(chunks, 2);
  const blocks = timed(5, () => {
    for (const block of writeGroupBlocks(table, 8, 128)) if (block !== null) memory.free(block.address);
  });
  report(NAME, { name: 'write blocks, 8 partitions', mGroupsPerSec: millions(table.numGroups, blocks.median) });
  const merged = timed(5, () => {
    const into = new GroupTable(memory, table.aggregates);
    for (const block of writeGroupBlocks(table, 8, 128)) {
      if (block === null) continue;
      mergeGroupBlock(into, memory.bytes(block.address, block.byteLength));
      memory.free(block.address);
    }
    check(into.numGroups === table.numGroups, 'as many groups after the shuffle');
    into.dispose();
  });
  report(NAME, { name: 'write blocks and merge them', mGroupsPerSec: millions(table.numGroups, merged.median) });
  table.dispose();
  freeChunks(chunks);
}

await loadArrow();
memory.resetScratch();
{
  const state = StateTable.create(memory, { numKeyGroups: 128, from: 0, to: 128, valueBytes: 16 });
  const batchKeys = Math.min(numStateKeys, 250_000);
  const times = { merge: 0, apply: 0 };
  let slowestMs = 0;
  const batch = (first: number, count: number, inTime: boolean): void => {
    const chunks: ColumnChunk[] = [];
    for (let i = first; i < first + count; i += CHUNK_ROWS) {
      chunks.push(textChunk(Array.from({ length: Math.min(CHUNK_ROWS, first + count - i) }, (_, j) => `user${i + j}`)));
    }
    const groups = group(chunks, 2);
    freeChunks(chunks);
    const start = performance.now();
    const { delta } = mergeAggregates(state, groups, KEY, [COUNT, SUM]);
    const merged = performance.now();
    applyDelta(state, delta.address);
    const applied = performance.now();
    slowestMs = Math.max(slowestMs, applied - merged);
    if (inTime) {
      times.merge += merged - start;
      times.apply += applied - merged;
    }
    groups.dispose();
    memory.free(delta.address);
    memory.resetScratch();
  };
  for (let first = 0; first < numStateKeys; first += batchKeys) batch(first, batchKeys, true);
  report(NAME, {
    name: 'state: new keys',
    keys: state.numRows,
    mergeMKeysPerSec: millions(numStateKeys, times.merge),
    applyMKeysPerSec: millions(numStateKeys, times.apply),
    bytesPerKey: Math.round(state.byteLength / state.numRows),
    slotBytesPerKey: Math.round(memory.memory.buffer.byteLength / state.numRows),
    slowestApplyMs: Math.round(slowestMs),
  });
  times.merge = times.apply = 0;
  batch(0, batchKeys, true);
  check(state.numRows === numStateKeys, 'no key is new');
  report(NAME, {
    name: `state: ${batchKeys} of ${numStateKeys} keys change`,
    mergeMKeysPerSec: millions(batchKeys, times.merge),
    applyMKeysPerSec: millions(batchKeys, times.apply),
  });
  const path = join(workFolder(NAME), 'state.arrow');
  const start = performance.now();
  const writer = await SnapshotWriter.create(state, path, VALUES, new NodeFileSystem());
  let snapshot = await writer.writePiece();
  while (snapshot === undefined) snapshot = await writer.writePiece();
  await writer.close();
  const snapshotMs = performance.now() - start;
  check(snapshot.numRows === numStateKeys, 'all rows in the snapshot');
  rmSync(path);
  report(NAME, {
    name: 'snapshot to disk',
    mKeysPerSec: millions(numStateKeys, snapshotMs),
    mBytes: Math.round(snapshot.byteLength / 1e6),
  });

  const groups = group([textChunk(Array.from({ length: 100 }, (_, i) => `user${i}`))], 2);
  const { delta } = mergeAggregates(state, groups, KEY, [COUNT, SUM]);
  const small = (run: () => void): number => Number((timed(2000, run).median * 1000).toFixed(0));
  report(NAME, {
    name: 'a batch of 100 keys, microseconds',
    merge: small(() => {
      const mark = memory.scratchMark();
      memory.free(mergeAggregates(state, groups, KEY, [COUNT, SUM]).delta.address);
      memory.releaseScratch(mark);
    }),
    toIpc: small(() => memory.free(deltaToIpc(memory, delta.address, VALUES).address)),
    apply: small(() => applyDelta(state, delta.address)),
  });
}
