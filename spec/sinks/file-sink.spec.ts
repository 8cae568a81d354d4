import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import type { Json } from '../../lib/core/json.js';
import { NodeFileSystem } from '../../lib/core/node-file-system.js';
import type { SlotMemory } from '../../lib/columnar/slot-memory.js';
import { batchTime } from '../../lib/core/time.js';
import { makeSinkDriver, makeSinkWriter, type FileSinkSpec } from '../../lib/sinks/sink-spec.js';
import type { SinkDriver, StagedOutput } from '../../lib/sinks/sink.js';
import { sinkContract, stage } from '../contracts/sink.js';
import { newMemory } from '../contracts/source.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { tempFolder } from '../helpers/temp-folder.js';

const fs = new NodeFileSystem();
const memory = newMemory();
const noRoll = { rollBytes: 1e9, rollMs: 1e9 };

const specOf = (path: string, more: Partial<FileSinkSpec> = {}): FileSinkSpec => ({
  format: 'csv',
  path,
  header: null,
  delimiter: ',',
  escapeFormulas: false,
  ...more,
});

/** What a reader of the path sees: a file's text, or that of a folder's files one after another. */
function textAt(path: string): string {
  if (!existsSync(path)) return '';
  if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8');
  return readdirSync(path)
    .toSorted()
    .map(name => readFileSync(join(path, name), 'utf8'))
    .join('');
}

const linesAt = (path: string): string[] => textAt(path).split('\n').slice(0, -1);

describe('FileSink, contract', () => {
  const folder = tempFolder();
  let numPlaces = 0;
  const place = (name: string): string => join(folder.path, `p${numPlaces++}`, name);
  const fixture =
    (name: string, more: Partial<FileSinkSpec>, row: (n: number) => unknown, parse: (lines: string[]) => unknown[]) =>
    () => {
      const spec = specOf(place(name), more);
      return {
        makeDriver: () => makeSinkDriver(spec, fs, { rollBytes: 100, rollMs: 3000 }),
        makeWriter: (own: SlotMemory) => makeSinkWriter(spec, own),
        readRows: async () => parse(linesAt(spec.path)),
        row,
      };
    };
  const withoutHeaders = (lines: string[]): unknown[] =>
    lines
      .filter(line => line !== 'id,name')
      .map(line => ({ id: Number(line.split(',')[0]), name: line.split(',')[1] }));
  const object = (n: number): unknown => ({ id: n, name: `näme ${n}` });
  const asJson = (lines: string[]): unknown[] => lines.map(line => JSON.parse(line) as unknown);
  sinkContract('FileSink of one CSV file', fixture('out.csv', {}, object, withoutHeaders));
  sinkContract('FileSink of CSV part files', fixture('parts', {}, object, withoutHeaders));
  sinkContract('FileSink of NDJSON part files', fixture('parts', { format: 'ndjson' }, object, asJson));
  sinkContract(
    'FileSink of one text file',
    fixture(
      'out.txt',
      { format: 'text' },
      n => `line ${n}`,
      lines => lines,
    ),
  );
});

describe('FileSink', () => {
  const root = tempFolder();
  let folder = '';
  let numFolders = 0;
  beforeEach(() => {
    folder = join(root.path, `f${numFolders++}`);
  });

  const staged = (spec: FileSinkSpec, ...rows: unknown[]): StagedOutput =>
    stage(makeSinkWriter(spec, memory), memory, rows);

  async function opened(spec: FileSinkSpec, handle?: Json, roll = noRoll): Promise<SinkDriver> {
    const driver = makeSinkDriver(spec, fs, roll);
    await driver.open(handle);
    return driver;
  }

  async function codeOf(promise: Promise<unknown>): Promise<unknown> {
    return promise.then(
      () => 'no error',
      (error: unknown) => (error as { code?: unknown }).code,
    );
  }

  it('writes the header once a file, whichever task and process wrote first', async () => {
    const spec = specOf(join(folder, 'out.csv'));
    const driver = await opened(spec);
    await driver.commit(batchTime(1), [staged(spec), staged(spec, { a: 1, b: 'x' })]);
    const handle = await driver.commit(batchTime(2), [staged(spec, { a: 2, b: 'y' }), staged(spec, { a: 3, b: 'z' })]);
    await driver.close();
    const next = await opened(spec, handle);
    await next.commit(batchTime(3), [staged(spec, { a: 4, b: '' })]);
    await next.close();
    expect(textAt(spec.path)).to.equal('a,b\n1,x\n2,y\n3,z\n4,""\n');
  });

  it('writes no header for rows without names, nor where none is wanted', async () => {
    const text = specOf(join(folder, 'text.csv'));
    const bare = specOf(join(folder, 'bare.csv'), { header: false });
    for (const [spec, row] of [
      [text, 'a,b'],
      [bare, { a: 1, b: 2 }],
    ] as const) {
      const driver = await opened(spec);
      await driver.commit(batchTime(1), [staged(spec, row)]);
      await driver.close();
    }
    expect(textAt(text.path)).to.equal('"a,b"\n');
    expect(textAt(bare.path)).to.equal('1,2\n');
  });

  it('refuses a header for rows that have no names, and tasks that disagree on them', async () => {
    const spec = specOf(join(folder, 'out.csv'), { header: true });
    expect(() => staged(spec, 'a'))
      .to.throw()
      .with.property('code', 'typeMismatch');
    const driver = await opened(spec);
    const both = [staged(spec, { a: 1, b: 2 }), staged(spec, { b: 2, a: 1 })];
    expect(await codeOf(driver.commit(batchTime(1), both))).to.equal('typeMismatch');
    await driver.commit(batchTime(1), [staged(spec, { a: 1 })]);
    expect(await codeOf(driver.commit(batchTime(2), [staged(spec, { c: 1 })]))).to.equal('typeMismatch');
    await driver.close();
  });

  it('begins a new part file for new columns', async () => {
    const spec = specOf(join(folder, 'parts'));
    const driver = await opened(spec);
    await driver.commit(batchTime(1), [staged(spec, { a: 1 })]);
    await driver.commit(batchTime(2), [staged(spec, { b: 2 })]);
    await driver.close();
    expect(readdirSync(spec.path)).to.deep.equal(['part-000000.csv', 'part-000001.csv']);
    expect(textAt(spec.path)).to.equal('a\n1\nb\n2\n');
  });

  it('writes to no file but its own, whatever a log says', async () => {
    const spec = specOf(folder);
    const sink = await opened(spec);
    const handle = (await sink.commit(batchTime(1000), [staged(spec, { n: 1 })])) as object;
    await sink.close();
    for (const file of ['../../evil', -1, 1.5, null, '__proto__']) {
      expect(await codeOf(opened(spec, { ...handle, file })), String(file)).to.equal('checkpointCorrupt');
    }
    expect(linesAt(folder)).to.deep.equal(['n', '1']);
  });

  it('rolls part files by size and by age in batch time, not by batch', async () => {
    const spec = specOf(join(folder, 'parts'), { format: 'text' });
    const driver = await opened(spec, undefined, { rollBytes: 30, rollMs: 60_000 });
    for (let t = 0; t < 8; t++) await driver.commit(batchTime(t * 1000), [staged(spec, '123456789')]);
    for (const time of [70_000, 71_000]) await driver.commit(batchTime(time), [staged(spec, 'late')]);
    await driver.close();
    expect(readdirSync(spec.path).map(name => linesAt(join(spec.path, name)).length)).to.deep.equal([3, 3, 2, 2]);
  });

  it('leaves a handful of files after thousands of batches', async () => {
    const model = new ModelFileSystem();
    const spec = specOf('/parts', { format: 'text' });
    const driver = makeSinkDriver(spec, model, { rollBytes: 40_000, rollMs: 1e9 });
    await driver.open(undefined);
    const part = staged(spec, 'xxxxxxx');
    for (let t = 0; t < 10_000; t++) await driver.commit(batchTime(t), [part]);
    await driver.close();
    expect(model.paths()).to.deep.equal(['/parts/part-000000.txt', '/parts/part-000001.txt']);
  });

  it('touches nothing for an empty batch', async () => {
    const spec = specOf(join(folder, 'parts'));
    const driver = await opened(spec);
    await driver.commit(batchTime(1), []);
    await driver.commit(batchTime(2), [staged(spec)]);
    expect(readdirSync(spec.path)).to.deep.equal([]);
    await driver.close();
  });

  it('never empties an output of unknown origin', async () => {
    mkdirSync(join(folder, 'parts'), { recursive: true });
    writeFileSync(join(folder, 'out.csv'), 'precious\n');
    writeFileSync(join(folder, 'parts', 'part-000003.csv'), 'precious\n');
    for (const path of [join(folder, 'out.csv'), join(folder, 'parts')]) {
      expect(await codeOf(opened(specOf(path)))).to.equal('outputChanged');
      expect(textAt(path)).to.equal('precious\n');
    }
  });

  it('takes an empty file, and a folder with other things in it', async () => {
    mkdirSync(join(folder, 'parts'), { recursive: true });
    writeFileSync(join(folder, 'out.csv'), '');
    writeFileSync(join(folder, 'parts', 'README'), 'notes\n');
    for (const path of [join(folder, 'out.csv'), join(folder, 'parts')]) {
      const spec = specOf(path);
      const driver = await opened(spec);
      await driver.commit(batchTime(1), [staged(spec, 'row')]);
      await driver.close();
      expect(textAt(path)).to.contain('row\n');
    }
  });

  it('has no file beside the output once the second batch is committed', async () => {
    const spec = specOf(join(folder, 'out.csv'));
    const driver = await opened(spec);
    await driver.commit(batchTime(1), [staged(spec, 'a')]);
    await driver.commit(batchTime(2), [staged(spec, 'b')]);
    await driver.close();
    expect(readdirSync(folder)).to.deep.equal(['out.csv']);
    expect(await codeOf(opened(spec))).to.equal('outputChanged');
  });

  it('refuses an output that is gone or shorter than what was committed', async () => {
    const spec = specOf(join(folder, 'parts'));
    const driver = await opened(spec);
    await driver.commit(batchTime(1), [staged(spec, 'one')]);
    const handle = await driver.commit(batchTime(2), [staged(spec, 'two')]);
    await driver.close();
    const file = join(spec.path, 'part-000000.csv');
    truncateSync(file, 7);
    expect(await codeOf(opened(spec, handle))).to.equal('outputChanged');
    rmSync(file);
    expect(await codeOf(opened(spec, handle))).to.equal('outputChanged');
  });

  it('cuts part of a row and whole files that were never committed', async () => {
    const spec = specOf(join(folder, 'parts'));
    const driver = await opened(spec);
    const handle = await driver.commit(batchTime(1), [staged(spec, 'one')]);
    await driver.close();
    writeFileSync(join(spec.path, 'part-000000.csv'), 'one\ntw');
    writeFileSync(join(spec.path, 'part-000001.csv'), 'never');
    const next = await opened(spec, handle);
    expect(textAt(spec.path)).to.equal('one\n');
    await next.close();
  });

  it('says at once when it cannot write there', async () => {
    mkdirSync(join(folder, 'taken.csv'), { recursive: true });
    writeFileSync(join(folder, 'file'), '');
    for (const path of [join(folder, 'file', 'out.csv'), join(folder, 'file', 'parts'), join(folder, 'taken.csv')]) {
      expect(await codeOf(opened(specOf(path))), path).to.equal('outputUnwritable');
    }
  });

  it('takes back what a failed write left, and writes the batch again in its place', async () => {
    const spec = specOf(join(folder, 'out.txt'), { format: 'text' });
    let isFull = false;
    const full = Object.assign(new NodeFileSystem(), {
      open: async (path: string, flags: 'r' | 'r+' | 'w' | 'wx') => {
        const file = await fs.open(path, flags);
        return Object.assign(Object.create(file) as typeof file, {
          write: async (buffers: readonly Uint8Array[], position: number) => {
            if (!isFull) return file.write(buffers, position);
            await file.write([buffers[0].subarray(0, 2)], position);
            throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
          },
          truncate: (size: number) => file.truncate(size),
          sync: () => file.sync(),
          close: () => file.close(),
        });
      },
    });
    const driver = makeSinkDriver(spec, full, noRoll);
    await driver.open(undefined);
    await driver.commit(batchTime(1), [staged(spec, 'one')]);
    isFull = true;
    expect(await codeOf(driver.commit(batchTime(2), [staged(spec, 'two')]))).to.equal('sinkFailed');
    expect(textAt(spec.path)).to.equal('one\n');
    isFull = false;
    await driver.commit(batchTime(2), [staged(spec, 'two')]);
    await driver.close();
    expect(textAt(spec.path)).to.equal('one\ntwo\n');
  });

  it('begins anew where the job writes elsewhere now', async () => {
    const old = specOf(join(folder, 'old.csv'));
    const driver = await opened(old);
    const handle = await driver.commit(batchTime(1), [staged(old, 'one')]);
    await driver.close();
    const moved = specOf(join(folder, 'new.csv'));
    const next = await opened(moved, handle);
    await next.commit(batchTime(2), [staged(moved, 'two')]);
    await next.close();
    expect([textAt(old.path), textAt(moved.path)]).to.deep.equal(['one\n', 'two\n']);
  });

  it('goes on where it was when the same place is named in another way', async () => {
    const absolute = specOf(join(folder, 'same.csv'));
    const driver = await opened(absolute);
    const handle = await driver.commit(batchTime(1), [staged(absolute, 'one')]);
    await driver.close();
    const byRelativeName = specOf(relative(process.cwd(), absolute.path));
    const next = await opened(byRelativeName, handle);
    await next.commit(batchTime(2), [staged(byRelativeName, 'two')]);
    await next.close();
    expect(textAt(absolute.path)).to.equal('one\ntwo\n');
  });
});
