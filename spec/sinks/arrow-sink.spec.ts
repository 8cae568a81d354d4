import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { tableFromIPC } from 'apache-arrow';
import { loadArrow } from '../../lib/columnar/arrow.js';
import { rowChunk } from '../../lib/columnar/chunk.js';
import { columnsFromRows } from '../../lib/columnar/columns-from-rows.js';
import type { ArrowSinkSpec } from '../../lib/core/file-sink-spec.js';
import type { Json } from '../../lib/core/json.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8, type Schema } from '../../lib/core/schema.js';
import { batchTime } from '../../lib/core/time.js';
import { makeSinkDriver, makeSinkWriter } from '../../lib/sinks/sink-spec.js';
import type { SinkDriver, StagedOutput } from '../../lib/sinks/sink.js';
import { sinkContract, stage } from '../contracts/sink.js';
import { newMemory } from '../contracts/source.js';
import { tempFolder } from '../helpers/temp-folder.js';

const fs = new NodeFileSystem();
const memory = newMemory();
const noRoll = { rollBytes: 1e9, rollMs: 1e9 };
const users = schema({ id: int64(), name: utf8() });

const specOf = (path: string, { columns }: Schema = users): ArrowSinkSpec => ({ format: 'arrow', path, columns });

const filesAt = (path: string): string[] => {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .toSorted()
    .map(name => join(path, name));
};

/** Rows of one file as the library reads them, int64 as number. */
const rowsIn = (file: string): { [name: string]: unknown }[] =>
  tableFromIPC(readFileSync(file))
    .toArray()
    .map((row: { toJSON(): { [name: string]: unknown } }) =>
      Object.fromEntries(
        Object.entries(row.toJSON()).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
      ),
    );

const rowsAt = (path: string): unknown[] =>
  filesAt(path).flatMap(file => (statSync(file).size > 0 ? rowsIn(file) : []));

before(loadArrow);

describe('ArrowSink, contract', () => {
  const folder = tempFolder();
  let numPlaces = 0;
  for (const name of ['parts', 'one.arrows']) {
    sinkContract(`ArrowSink of ${name}`, () => {
      const spec = specOf(join(folder.path, `p${numPlaces++}`, name));
      return {
        makeDriver: () => makeSinkDriver(spec, fs, { rollBytes: 2000, rollMs: 3000 }),
        makeWriter: own => makeSinkWriter(spec, own),
        readRows: async () => rowsAt(spec.path),
        row: n => ({ id: n, name: `näme ${n}` }),
      };
    });
  }
});

describe('ArrowSink', () => {
  const root = tempFolder();
  let folder = '';
  let numFolders = 0;
  beforeEach(() => {
    folder = join(root.path, `f${numFolders++}`);
  });

  const staged = (spec: ArrowSinkSpec, ...rows: unknown[]): StagedOutput =>
    stage(makeSinkWriter(spec, memory), memory, rows);

  async function opened(spec: ArrowSinkSpec, handle?: Json, roll = noRoll): Promise<SinkDriver> {
    const driver = makeSinkDriver(spec, fs, roll);
    await driver.open(handle);
    return driver;
  }

  it('writes every kind of column, null where it may be, for other Arrow readers', async () => {
    const all = schema({
      text: nullable(utf8()),
      small: int32(),
      large: nullable(int64()),
      real: float64(),
      flag: bool(),
      at: timestamp(),
    });
    const rows = [
      { text: 'ä', small: -1, large: 2 ** 52, real: 0.5, flag: true, at: 1_700_000_000_000 },
      { text: null, small: 7, large: null, real: -3, flag: false, at: 0 },
    ];
    const spec = specOf(join(folder, 'all.arrows'), all);
    const driver = await opened(spec);
    await driver.commit(batchTime(1), [staged(spec, ...rows)]);
    expect(rowsIn(spec.path)).to.deep.equal(rows);
    const { schema: written } = tableFromIPC(readFileSync(spec.path));
    expect(written.fields.map(field => `${field.name} ${String(field.type)} ${field.nullable}`)).to.deep.equal([
      'text Utf8 true',
      'small Int32 false',
      'large Int64 true',
      'real Float64 false',
      'flag Bool false',
      'at Timestamp<MILLISECOND> false',
    ]);
  });

  it('writes columns as they are where they are the declared ones, and the same bytes as from their rows', async () => {
    const spec = specOf(join(folder, 'x'));
    const rows = [
      { id: 1, name: 'a' },
      { id: 2, name: 'bc' },
    ];
    const writer = makeSinkWriter(spec, memory);
    writer.write(columnsFromRows(memory, users.columns, rows, 'spec'));
    const { blocks, numRows } = writer.finish();
    memory.resetScratch();
    const bytes = blocks.map(({ address, byteLength }) => memory.bytes(address, byteLength));
    expect(numRows).to.equal(2);
    expect(Buffer.concat(bytes).equals(Buffer.concat(staged(spec, ...rows).bytes))).to.equal(true);
  });

  it('takes many chunks of one task, and cuts large ones', async () => {
    const spec = specOf(join(folder, 'many.arrows'));
    const rows = Array.from({ length: 70_000 }, (_, id) => ({ id, name: `n${id}` }));
    const writer = makeSinkWriter(spec, memory);
    for (const [start, end] of [
      [0, 3],
      [3, 69_999],
      [69_999, 70_000],
    ] as const) {
      writer.write(rowChunk(rows.slice(start, end)));
    }
    const { numRows, blocks } = writer.finish();
    const bytes = blocks.map(({ address, byteLength }) => memory.bytes(address, byteLength));
    const driver = await opened(spec);
    await driver.commit(batchTime(1), [{ numRows, bytes }]);
    expect(tableFromIPC(readFileSync(spec.path)).batches.map(batch => batch.numRows)).to.deep.equal([
      3, 65_536, 4460, 1,
    ]);
    expect(JSON.stringify(rowsIn(spec.path))).to.equal(JSON.stringify(rows));
  });

  it('leaves out what rows have beyond the schema, and refuses what does not fit it', () => {
    const spec = specOf(join(folder, 'x'));
    expect(staged(spec, { id: 1, name: 'a', more: new Map() }).numRows).to.equal(1);
    for (const row of [{ id: 'one', name: 'a' }, { id: 1 }, 'text']) {
      expect(() => staged(spec, row))
        .to.throw(/arrow output .* row 0/)
        .with.property('code', 'typeMismatch');
    }
  });

  it('has files that are whole after each commit, each with the schema, rolled by size', async () => {
    const spec = specOf(join(folder, 'parts'));
    const driver = await opened(spec, undefined, { rollBytes: 1200, rollMs: 1e9 });
    const written: unknown[] = [];
    for (let t = 1; t <= 12; t++) {
      const rows = [0, 1].map(i => ({ id: 10 * t + i, name: 'x'.repeat(t) }));
      await driver.commit(batchTime(t), [staged(spec, rows[0]), staged(spec), staged(spec, rows[1])]);
      written.push(...rows);
      expect(rowsAt(spec.path)).to.deep.equal(written);
    }
    const names = readdirSync(spec.path);
    expect(names.length).to.be.within(3, 8);
    expect(names[0]).to.equal('part-000000.arrows');
  });

  it('begins a new part file when the schema of the job changed, and refuses that for one file', async () => {
    const wider = schema({ id: int64(), name: utf8(), n: int64() });
    for (const [name, expected] of [
      ['parts', 'no error'],
      ['one.arrows', 'typeMismatch'],
    ] as const) {
      const spec = specOf(join(folder, name));
      const driver = await opened(spec);
      const handle = await driver.commit(batchTime(1), [staged(spec, { id: 1, name: 'a' })]);
      await driver.close();
      const changed = specOf(spec.path, wider);
      const next = await opened(changed, handle);
      const code: unknown = await next.commit(batchTime(2), [staged(changed, { id: 2, name: 'b', n: 3 })]).then(
        () => 'no error',
        (error: unknown) => (error as { code?: unknown }).code,
      );
      await next.close();
      expect(code).to.equal(expected);
    }
    expect(rowsAt(join(folder, 'parts'))).to.deep.equal([
      { id: 1, name: 'a' },
      { id: 2, name: 'b', n: 3 },
    ]);
  });

  it('cuts off what was not committed, in the middle of a message too', async () => {
    const spec = specOf(join(folder, 'one.arrows'));
    const driver = await opened(spec);
    const handle = await driver.commit(batchTime(1), [staged(spec, { id: 1, name: 'a' })]);
    const { size } = statSync(spec.path);
    await driver.commit(batchTime(2), [staged(spec, { id: 2, name: 'b' })]);
    await driver.close();
    truncateSync(spec.path, size + 20);
    await (await opened(spec, handle)).close();
    expect(statSync(spec.path).size).to.equal(size);
    expect(rowsIn(spec.path)).to.deep.equal([{ id: 1, name: 'a' }]);
  });
});
