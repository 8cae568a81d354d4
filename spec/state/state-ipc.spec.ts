import { tableFromIPC } from 'apache-arrow';
import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { EngineError } from '../../lib/core/errors.js';
import { keyGroupRange } from '../../lib/core/hash.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { applyDelta } from '../../lib/state/delta.js';
import { decodeNumbers, encodeNumbers } from '../../lib/state/number-columns.js';
import { applyIpc, deltaToIpc, loadArrow, type ValueColumns } from '../../lib/state/state-ipc.js';
import type { StateTable } from '../../lib/state/state-table.js';
import { column, newMemory } from '../columnar/key-fixture.js';
import { pick, randomOf } from '../helpers/random-values.js';
import {
  apply,
  applyToMap,
  deltaOf,
  newTable,
  randomChanges,
  randomPool,
  rowsOfTable,
  sortedRows,
  textOf,
  TWO_NUMBERS,
  writeSnapshot,
  type Change,
} from './state-fixture.js';

const valueBytesOf = (columns: ValueColumns): number | 'variable' =>
  columns === 'variable' ? columns : columns.length * 8;

function ipcOf(table: StateTable, changes: readonly Change[], columns: ValueColumns): Uint8Array {
  const { address, byteLength } = deltaToIpc(table.memory, deltaOf(table, changes).address, columns);
  return Uint8Array.from(table.memory.bytes(address, byteLength));
}

const numbers = (n: number, total: number): string => textOf(encodeNumbers(TWO_NUMBERS, { n, total }, 'spec'));

describe('state as Arrow', () => {
  const fs = new NodeFileSystem();
  let folder: string;
  before(async () => {
    await loadArrow();
    folder = mkdtempSync(join(tmpdir(), 'sluice-state-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('brings a table back from its snapshot and the deltas since', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = randomOf(seed);
      const columns = pick(random, ['variable', TWO_NUMBERS] as const);
      const valueBytes = valueBytesOf(columns);
      const table = newTable(newMemory(), { valueBytes });
      const pool = randomPool(random, 120);
      apply(table, randomChanges(random, pool, valueBytes, pick(random, [0, 1, 300])));
      const path = join(folder, `snapshot-${seed}.arrow`);
      const { numRows } = await writeSnapshot(table, path, columns, fs);
      expect(numRows).to.equal(table.numRows);
      const deltas: Uint8Array[] = [];
      for (let step = 0; step < 4; step++) {
        const changes = randomChanges(random, pool, valueBytes, 60);
        deltas.push(ipcOf(table, changes, columns));
        apply(table, changes);
      }
      const restored = newTable(newMemory(), { valueBytes });
      for (const bytes of [readFileSync(path), ...deltas, ...deltas]) applyIpc(restored, bytes, columns);
      expect(sortedRows(rowsOfTable(restored)), `seed ${seed}`).to.deep.equal(sortedRows(rowsOfTable(table)));
    }
  });

  it('cuts state anew: snapshots of 2 partitions restored into 3, and into 1', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = randomOf(seed);
      const columns = pick(random, ['variable', TWO_NUMBERS] as const);
      const valueBytes = valueBytesOf(columns);
      const changes = randomChanges(random, randomPool(random, 300), valueBytes, 600);
      const oracle = new Map<string, string>();
      const files: Uint8Array[] = [];
      for (const partition of [0, 1]) {
        const table = newTable(newMemory(), { numKeyGroups: 16, valueBytes, ...keyGroupRange(partition, 2, 16) });
        apply(table, changes);
        applyToMap(oracle, changes, table);
        const path = join(folder, `cut-${partition}.arrow`);
        await writeSnapshot(table, path, columns, fs);
        files.push(readFileSync(path));
      }
      for (const numPartitions of [3, 1]) {
        const rows = Array.from({ length: numPartitions }, (_, partition) => {
          const range = keyGroupRange(partition, numPartitions, 16);
          const table = newTable(newMemory(), { numKeyGroups: 16, valueBytes, ...range });
          for (const bytes of files) applyIpc(table, bytes, columns);
          return rowsOfTable(table);
        });
        if (numPartitions > 1) expect(rows.filter(part => part.length > 0).length).to.equal(numPartitions);
        expect(sortedRows(rows.flat()), `seed ${seed}`).to.deep.equal(sortedRows(oracle));
      }
    }
  });

  it('writes files that any Arrow tool reads, with their length and crc32', async () => {
    const columns = [column('n', 'int64'), column('at', 'timestamp')];
    const table = newTable(newMemory(), { valueBytes: 16, numKeyGroups: 1, to: 1 });
    const rows = [
      ['a', 1, 1_700_000_000_000],
      ['key two', -5, 0],
    ] as const;
    apply(
      table,
      rows.map(([key, n, at]): Change => [key, textOf(encodeNumbers(columns, { n, at }, 'spec'))]),
    );
    const path = join(folder, 'read.arrow');
    const written = await writeSnapshot(table, path, columns, fs);
    const bytes = readFileSync(path);
    expect(written).to.deep.equal({ byteLength: bytes.length, crc32: crc32(bytes), numRows: 2 });
    const found = tableFromIPC(bytes);
    expect(found.schema.fields.map(field => String(field))).to.deep.equal([
      'key: Binary',
      'removed: Bool',
      'n: Int64',
      'at: Timestamp<MILLISECOND>',
    ]);
    expect(
      [0, 1].map(i => [
        textOf(found.getChildAt(0)?.get(i)),
        Number(found.getChildAt(2)?.get(i)),
        Number(found.getChildAt(3)?.get(i)),
      ]),
    ).to.deep.equal(rows);
    expect(found.getChildAt(1)?.toJSON()).to.deep.equal([false, false]);
  });

  it('writes a table of many rows in pieces of at most 16384', async () => {
    const table = newTable(newMemory(), { valueBytes: 8 });
    const numRows = 70_000;
    apply(
      table,
      Array.from({ length: numRows }, (_, i): Change => [`key${i}`, '12345678']),
    );
    const path = join(folder, 'many.arrow');
    await writeSnapshot(table, path, [column('n', 'int64')], fs);
    const batches = tableFromIPC(readFileSync(path)).batches.map(batch => batch.numRows);
    expect(batches).to.deep.equal([16384, 16384, 16384, 16384, numRows - 65536]);
  });

  it('shows a delta to Arrow as keys, removals and values', () => {
    const table = newTable(newMemory(), { valueBytes: 16 });
    const bytes = ipcOf(
      table,
      [
        ['a', numbers(1, 0.5)],
        ['b', undefined],
        ['', numbers(2, NaN)],
      ],
      TWO_NUMBERS,
    );
    const found = tableFromIPC(bytes);
    expect(found.batches).to.have.length(1);
    const rows = [0, 1, 2].map(i => [0, 1, 2, 3].map(c => found.getChildAt(c)?.get(i) as unknown));
    expect(rows.map(([key, ...rest]) => [textOf(key as Uint8Array), ...rest])).to.deep.equal([
      ['a', false, 1n, 0.5],
      ['b', true, 0n, 0],
      ['', false, 2n, NaN],
    ]);
  });

  it('lets a later row of a key win, within a delta and between deltas', () => {
    const table = newTable(newMemory());
    applyIpc(
      table,
      ipcOf(
        table,
        [
          ['a', '1'],
          ['a', '2'],
          ['b', '1'],
          ['b', undefined],
        ],
        'variable',
      ),
      'variable',
    );
    applyIpc(
      table,
      ipcOf(
        table,
        [
          ['b', undefined],
          ['b', '3'],
        ],
        'variable',
      ),
      'variable',
    );
    expect(sortedRows(rowsOfTable(table))).to.deep.equal([
      ['a', '2'],
      ['b', '3'],
    ]);
  });

  it('refuses other columns by name, kind and number, and changes nothing', () => {
    const table = newTable(newMemory(), { valueBytes: 16 });
    const bytes = ipcOf(table, [['a', numbers(1, 2)]], TWO_NUMBERS);
    const others: ValueColumns[] = [
      [column('n', 'int64'), column('sum', 'float64')],
      [column('n', 'int64'), column('total', 'int64')],
      [column('n', 'int64')],
      'variable',
    ];
    for (const columns of others) {
      expect(() => applyIpc(table, bytes, columns))
        .to.throw('the checkpoint has (key Binary, removed Bool, n Int64, total Float64)')
        .with.property('code', 'typeMismatch');
    }
    expect(table.numRows).to.equal(0);
  });

  it('calls bytes that are not Arrow a corrupt checkpoint', () => {
    const table = newTable(newMemory());
    const stream = ipcOf(table, [['a', 'b']], 'variable');
    for (const bytes of [new Uint8Array(0), Buffer.from('nonsense, nonsense, nonsense'), stream.subarray(0, 40)]) {
      expect(() => applyIpc(table, bytes, 'variable'), `${bytes.length} bytes`)
        .to.throw()
        .with.property('code', 'checkpointCorrupt');
    }
  });

  it('leaves no block and no scratch behind', async () => {
    const memory = newMemory();
    const table = newTable(memory);
    apply(
      table,
      Array.from({ length: 500 }, (_, i): Change => [`key${i}`, 'value']),
    );
    const delta = deltaOf(table, [['a', 'b']]);
    const run = async (): Promise<void> => {
      const ipc = deltaToIpc(memory, delta.address, 'variable');
      applyIpc(table, memory.bytes(ipc.address, ipc.byteLength), 'variable');
      applyDelta(table, delta.address);
      await writeSnapshot(table, join(folder, 'again.arrow'), 'variable', fs);
      memory.free(ipc.address);
    };
    await run();
    const { numBlocks, liveBytes } = memory;
    const mark = memory.scratchMark();
    await run();
    expect({ numBlocks: memory.numBlocks, liveBytes: memory.liveBytes }).to.deep.equal({ numBlocks, liveBytes });
    expect(memory.scratchMark()).to.deep.equal(mark);
  });

  it('says when a snapshot cannot be written', async () => {
    const path = join(folder, 'missing', 'x.arrow');
    let thrown: unknown;
    try {
      await writeSnapshot(newTable(newMemory()), path, 'variable', fs);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).to.be.instanceOf(EngineError).with.property('code', 'checkpointUnwritable');
    expect(thrown).to.have.property('message').that.contains(path);
  });

  it('keeps numbers as they were, and refuses what does not fit its column', () => {
    const columns = [
      column('i', 'int32'),
      column('l', 'int64'),
      column('f', 'float64'),
      column('__proto__', 'timestamp'),
    ];
    const state = Object.fromEntries([
      ['i', -(2 ** 31)],
      ['l', Number.MAX_SAFE_INTEGER],
      ['f', -0],
      ['__proto__', 5],
    ]);
    expect(Object.entries(decodeNumbers(columns, encodeNumbers(columns, state, 'spec')))).to.deep.equal(
      Object.entries(state),
    );
    const wrong: [unknown, string][] = [
      [null, 'null'],
      [5, 'a number'],
      [{ ...state, i: 2 ** 31 }, 'no int32'],
      [{ ...state, l: 0.5 }, 'no int64'],
      [{ ...state, f: '1' }, 'f: string'],
      [{ i: 1, l: 1, f: 1 }, '__proto__: undefined'],
      [{ ...state, more: 1 }, 'a field "more"'],
    ];
    for (const [value, found] of wrong) {
      expect(() => encodeNumbers(columns, value, 'updateStateByKey at x.ts:3'), found)
        .to.throw(found)
        .with.property('code', 'typeMismatch');
    }
  });
});
