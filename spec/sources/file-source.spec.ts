import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { csv, ndjson, text, type Format } from '../../lib/core/format.js';
import type { Json } from '../../lib/core/json.js';
import { int64, nullable, schema, utf8 } from '../../lib/core/schema.js';
import { batchTime } from '../../lib/core/time.js';
import { FileSourceDriver } from '../../lib/sources/file-source-driver.js';
import { FileSourceReader } from '../../lib/sources/file-source-reader.js';
import type { FileRange } from '../../lib/sources/file-range.js';
import { tempFolder } from '../helpers/temp-folder.js';
import { newMemory, planAll, planLimit, readRange, readRanges, sourceContract } from '../contracts/source.js';

const clicks = csv(schema({ user: utf8(), n: int64() }));
const notes = csv(schema({ id: int64(), note: nullable(utf8()) }), { delimiter: ';' });
const memory = newMemory();

function makeDriver(path: string, format: Format, warnings: string[] = [], settleMs = 2000): FileSourceDriver {
  return new FileSourceDriver({ path, format, settleMs, onWarning: message => void warnings.push(message) });
}

const makeReader = (path: string, format: Format, regionBytes?: number): FileSourceReader =>
  new FileSourceReader({ source: 'files', path, format, ...(regionBytes === undefined ? {} : { regionBytes }) });

async function started(path: string, format: Format, warnings: string[] = []): Promise<FileSourceDriver> {
  const driver = makeDriver(path, format, warnings);
  await driver.start(undefined);
  return driver;
}

/** Rows of one plan at `time`, without draining. */
async function rowsAt(driver: FileSourceDriver, reader: FileSourceReader, time: number): Promise<unknown[]> {
  const { ranges } = await driver.plan(planLimit({ time, drain: false }));
  return readRanges(reader, ranges, memory);
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error as { code?: unknown }).code,
  );
}

function random(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('FileSource, contract', () => {
  const folder = tempFolder();
  const expected: unknown[] = [];
  before(() => {
    const next = random(11);
    for (let f = 0; f < 4; f++) {
      const rows = Array.from({ length: 60 }, (_, i) => ({ user: `user${next(50)}`, n: f * 1000 + i }));
      expected.push(...rows);
      folder.file(`csv/f${f}.csv`, `user,n\n${rows.map(row => `${row.user},${row.n}\n`).join('')}`, 1_000_000 + f);
      folder.file(`ndjson/f${f}.json`, rows.map(row => `${JSON.stringify(row)}\n`).join(''), 1_000_000 + f);
      folder.file(`text/f${f}.txt`, rows.map(row => `${row.user} ${row.n}\r\n`).join(''), 1_000_000 + f);
    }
  });
  const fixture = (name: string, format: Format, rows: () => unknown[]) => () => {
    const path = join(folder.path, name);
    const reader = makeReader(path, format);
    return { makeDriver: () => makeDriver(path, format), reader, rows: rows(), isBounded: true, isReplayable: true };
  };
  const shape = schema({ user: utf8(), n: int64() });
  sourceContract(
    'FileSource of CSV',
    fixture('csv', clicks, () => expected),
  );
  sourceContract(
    'FileSource of NDJSON',
    fixture('ndjson', ndjson(shape), () => expected),
  );
  const lines = (): string[] => (expected as { user: string; n: number }[]).map(row => `${row.user} ${row.n}`);
  sourceContract('FileSource of text', fixture('text', text(), lines));
});

describe('FileSource, cutting files into ranges', () => {
  const folder = tempFolder();
  const content = 'id;note\r\n1;plain\r\n2;"two\nlines; and ""quotes"""\n\n3;\n4;""\n5;it"s "data"\n6;"\n\n"\n7;äöü\n';
  const rows = [
    { id: 1, note: 'plain' },
    { id: 2, note: 'two\nlines; and "quotes"' },
    { id: 3, note: null },
    { id: 4, note: '' },
    { id: 5, note: 'it"s "data"' },
    { id: 6, note: '\n\n' },
    { id: 7, note: 'äöü' },
  ];

  it('cuts between records at every bound, with line ends and delimiters in quotes', async () => {
    const path = folder.file('quoted.csv', content);
    const reader = makeReader(path, notes);
    for (let maxBytes = 1; maxBytes <= content.length + 8; maxBytes++) {
      const batches = await planAll(await started(path, notes), { maxBytes, drain: false });
      expect(await readRanges(reader, batches.flat(), memory), `maxBytes ${maxBytes}`).to.deep.equal(rows);
      const range = batches[0][0] as FileRange;
      if (maxBytes < 10) expect(range.pieces[0]).to.include({ start: 9, end: 18 });
    }
  });

  it('reads the same whatever the size of the regions it decodes at once', async () => {
    const long = Array.from({ length: 3000 }, (_, i) => `${i};"${'x\n'.repeat(i % 40)}"\n`);
    const path = folder.file('long.csv', `id;note\n${long.join('')}`);
    const [ranges] = await planAll(await started(path, notes), { parallelism: 1 });
    const whole = await readRanges(makeReader(path, notes), ranges, memory);
    expect(whole).to.have.length(3000);
    expect(whole[1999]).to.deep.equal({ id: 1999, note: 'x\n'.repeat(39) });
    expect(await readRanges(makeReader(path, notes, 4096), ranges, memory)).to.deep.equal(whole);
  });

  it('finds the same records as a reader of whole files, for random quoted files and cuts', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const next = random(seed);
      const pieces = ['"', '""', ';', '\n', '\r\n', 'a', 'bc', ' ', 'é'];
      const note = (): string => Array.from({ length: next(8) }, () => pieces[next(pieces.length)]).join('');
      const values = Array.from({ length: 20 + next(20) }, (_, id) => ({ id, note: note() }));
      const records = values.map(({ id, note }) => `${id};"${note.replaceAll('"', '""')}"\n`);
      const path = folder.file(`random-${seed}.csv`, `id;note\n${records.join('')}`);
      const limit = { maxBytes: 1 + next(200), parallelism: 1 + next(4), drain: false };
      const batches = await planAll(await started(path, notes), limit);
      const read = await readRanges(makeReader(path, notes), batches.flat(), memory);
      expect(read, `seed ${seed} ${JSON.stringify(limit)}`).to.deep.equal(values);
    }
  });

  it('spreads a large file and many small ones over the tasks', async () => {
    const line = `${'x'.repeat(63)}\n`;
    for (let f = 0; f < 50; f++) folder.file(`many/s${String(f).padStart(2, '0')}.txt`, line.repeat(100), 1000 + f);
    folder.file('many/z.txt', line.repeat(20_000), 2_000_000);
    const driver = await started(join(folder.path, 'many'), text());
    const { ranges, bytes } = await driver.plan(planLimit({ parallelism: 4 }));
    const sizes = (ranges as readonly FileRange[]).map(({ pieces }) =>
      pieces.reduce((sum, piece) => sum + piece.end - piece.start, 0),
    );
    expect(bytes).to.equal(25_000 * 64);
    expect(sizes).to.have.length(4);
    for (const size of sizes) expect(size).to.be.within(bytes / 4 - 70_000, bytes / 4 + 70_000);
    expect(await readRanges(makeReader(join(folder.path, 'many'), text()), ranges, memory)).to.have.length(25_000);
  });

  it('does not bother several tasks with a few kilobytes', async () => {
    const path = folder.file('few.txt', 'line\n'.repeat(5000));
    const { ranges } = await (await started(path, text())).plan(planLimit({ parallelism: 8 }));
    expect(ranges).to.have.length(1);
  });

  it('takes a record that is larger than a batch may be', async () => {
    const path = folder.file('huge.txt', `a\n${'b'.repeat(700_000)}\nc\n`);
    const batches = await planAll(await started(path, text()), { maxBytes: 1000 });
    const read = await readRanges(makeReader(path, text()), batches.flat(), memory);
    expect((read as string[]).map(line => line.length)).to.deep.equal([1, 700_000, 1]);
  });

  it('strips a byte order mark', async () => {
    const path = folder.file('bom.csv', '\ufeffuser,n\na,1\n');
    const plain = folder.file('bom.txt', '\ufeffone\ntwo\n');
    const [ranges] = await planAll(await started(path, clicks));
    expect(await readRanges(makeReader(path, clicks), ranges, memory)).to.deep.equal([{ user: 'a', n: 1 }]);
    const [lines] = await planAll(await started(plain, text()));
    expect(await readRanges(makeReader(plain, text()), lines, memory)).to.deep.equal(['one', 'two']);
  });

  it('reads files whose headers order the columns differently in ranges of their own', async () => {
    folder.file('headers/a.csv', 'user,n\na,1\n', 1000);
    folder.file('headers/b.csv', 'extra,n,user\nx,2,b\n', 2000);
    const path = join(folder.path, 'headers');
    const [ranges] = await planAll(await started(path, clicks));
    expect(ranges).to.have.length(2);
    const read = await readRanges(makeReader(path, clicks), ranges, memory);
    expect(read).to.deep.equal([
      { user: 'a', n: 1 },
      { user: 'b', n: 2 },
    ]);
  });
});

describe('FileSource, files that come and grow', () => {
  const root = tempFolder();
  let path = '';
  let numFolders = 0;
  const put = (name: string, content: string, mtimeMs?: number): string => {
    writeFileSync(join(path, name), content);
    if (mtimeMs !== undefined) utimesSync(join(path, name), mtimeMs / 1000, mtimeMs / 1000);
    return join(path, name);
  };
  beforeEach(() => {
    path = join(root.path, `f${numFolders++}`);
    mkdirSync(path);
  });

  it('reads files in the order of modification time, then of name', async () => {
    put('c.txt', 'first\n', 1000);
    put('b.txt', 'third\n', 2000);
    put('a.txt', 'second\n', 2000);
    put('0.txt', 'last\n', 3000);
    const rows = await rowsAt(await started(path, text()), makeReader(path, text()), 1);
    expect(rows).to.deep.equal(['first', 'second', 'third', 'last']);
  });

  it('reads on where a file grew, and each new file once', async () => {
    const driver = await started(path, text());
    const reader = makeReader(path, text());
    expect(await rowsAt(driver, reader, 1)).to.deep.equal([]);
    put('a.txt', 'one\n');
    expect(await rowsAt(driver, reader, 2)).to.deep.equal(['one']);
    appendFileSync(join(path, 'a.txt'), 'two\n');
    expect(await rowsAt(driver, reader, 3)).to.deep.equal(['two']);
    put('b.txt', 'three\n');
    expect(await rowsAt(driver, reader, 4)).to.deep.equal(['three']);
    expect(await rowsAt(driver, reader, 5)).to.deep.equal([]);
  });

  it('lets a line without its end wait until it has one', async () => {
    const driver = await started(path, text());
    const reader = makeReader(path, text());
    put('a.txt', 'one\ntw');
    expect(await rowsAt(driver, reader, 1)).to.deep.equal(['one']);
    appendFileSync(join(path, 'a.txt'), 'o\nth');
    expect(await rowsAt(driver, reader, 2)).to.deep.equal(['two']);
  });

  it('takes it as it is when the file has not changed for settleMs, or when it drains', async () => {
    const driver = await started(path, text());
    const reader = makeReader(path, text());
    put('a.txt', 'one');
    expect(await rowsAt(driver, reader, 1000)).to.deep.equal([]);
    expect(await rowsAt(driver, reader, 2999)).to.deep.equal([]);
    expect(await rowsAt(driver, reader, 3000)).to.deep.equal(['one']);
    put('b.txt', 'two');
    expect(await rowsAt(driver, reader, 3001)).to.deep.equal([]);
    const { ranges } = await driver.plan(planLimit({ time: 3002, drain: true }));
    expect(await readRanges(reader, ranges, memory)).to.deep.equal(['two']);
  });

  it('lets an open quote wait, and calls it a bad record when nothing follows', async () => {
    const driver = await started(path, notes);
    const reader = makeReader(path, notes);
    put('a.csv', 'id;note\n1;"open\n2;b\n');
    expect(await rowsAt(driver, reader, 1)).to.deep.equal([]);
    const { ranges } = await driver.plan(planLimit({ time: 2, drain: true }));
    const { rows, bad } = await readRange(reader, ranges[0], memory);
    expect(rows).to.deep.equal([]);
    expect(bad.map(record => record.byteOffset)).to.deep.equal([8]);
  });

  it('leaves names alone that say that somebody is still writing', async () => {
    for (const name of ['.a', '_b', 'c.tmp', 'd._COPYING_']) put(name, 'no\n');
    mkdirSync(join(path, 'sub'));
    put('e.txt', 'yes\n');
    const driver = await started(path, text());
    expect(await rowsAt(driver, makeReader(path, text()), 1)).to.deep.equal(['yes']);
    renameSync(join(path, 'c.tmp'), join(path, 'c.txt'));
    expect(await rowsAt(driver, makeReader(path, text()), 2)).to.deep.equal(['no']);
  });

  it('takes the files that a pattern matches', async () => {
    put('a1.csv', 'csv\n', 1000);
    put('a22.csv', 'csv2\n', 2000);
    put('a1.txt', 'text\n');
    const rows = async (pattern: string): Promise<unknown[]> =>
      rowsAt(await started(join(path, pattern), text()), makeReader(join(path, pattern), text()), 1);
    expect(await rows('*.csv')).to.deep.equal(['csv', 'csv2']);
    expect(await rows('a?.csv')).to.deep.equal(['csv']);
  });

  it('wants its folder or file to be there', async () => {
    expect(await codeOf(started(join(path, 'none'), text()))).to.equal('inputMissing');
    expect(await codeOf(started(join(path, 'none', '*.csv'), text()))).to.equal('inputMissing');
    const driver = await started(path, text());
    rmSync(path, { recursive: true });
    expect(await codeOf(driver.plan(planLimit()))).to.equal('inputMissing');
  });

  it('forgets a file that is gone before it was planned, with a warning, and one that was read without a word', async () => {
    const warnings: string[] = [];
    const driver = await started(path, text(), warnings);
    put('a.txt', 'one\n');
    await rowsAt(driver, makeReader(path, text()), 1);
    put('b.txt', 'waiting');
    await rowsAt(driver, makeReader(path, text()), 2);
    expect(driver.state()).to.have.property('files').of.length(1);
    for (const name of readdirSync(path)) rmSync(join(path, name));
    expect(await rowsAt(driver, makeReader(path, text()), 3)).to.deep.equal([]);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.contain('b.txt');
    expect(driver.state()).to.have.property('files').of.length(0);
  });

  it('refuses to read a planned range from a file that is gone, shorter or has other bytes', async () => {
    const driver = await started(path, text());
    const reader = makeReader(path, text());
    const file = put('a.txt', 'one\ntwo\n');
    const { ranges } = await driver.plan(planLimit());
    truncateSync(file, 5);
    expect(await codeOf(readRange(reader, ranges[0], memory))).to.equal('inputChanged');
    rmSync(file);
    expect(await codeOf(readRange(reader, ranges[0], memory))).to.equal('inputChanged');
    put('a.txt', 'one\nTwo\n', 5000);
    expect(await codeOf(readRange(reader, ranges[0], memory))).to.equal('inputChanged');
  });

  it('reads a file anew that replaces one read to its end; one partly read must not be replaced or cut', async () => {
    const driver = await started(path, text());
    const reader = makeReader(path, text());
    put('a.txt', 'one\ntwo\n');
    expect(await rowsAt(driver, reader, 1)).to.deep.equal(['one', 'two']);
    put('b.tmp', 'new\n');
    renameSync(join(path, 'b.tmp'), join(path, 'a.txt'));
    expect(await rowsAt(driver, reader, 2)).to.deep.equal(['new']);
    appendFileSync(join(path, 'a.txt'), 'more\nto come');
    expect(await rowsAt(driver, reader, 3)).to.deep.equal(['more']);
    const state = driver.state();
    truncateSync(join(path, 'a.txt'), 2);
    expect(await codeOf(driver.plan(planLimit({ time: 4 })))).to.equal('inputChanged');
    const restarted = makeDriver(path, text());
    await restarted.start(JSON.parse(JSON.stringify(state)) as Json);
    expect(await codeOf(restarted.plan(planLimit({ time: 5 })))).to.equal('inputChanged');
  });

  it('reads nothing twice after a restart, and sees what grew and came meanwhile', async () => {
    const reader = makeReader(path, text());
    put('a.txt', 'one\n', 1000);
    put('b.txt', 'two\nhalf', 2000);
    const driver = await started(path, text());
    await rowsAt(driver, reader, 1);
    const state = JSON.parse(JSON.stringify(driver.state())) as Json;
    appendFileSync(join(path, 'a.txt'), 'three\n');
    appendFileSync(join(path, 'b.txt'), ' done\n');
    put('c.txt', 'four\n');
    const restarted = makeDriver(path, text());
    await restarted.start(state);
    expect(await rowsAt(restarted, reader, 2)).to.have.members(['three', 'half done', 'four']);
  });

  it('says how many of how many bytes it is through', async () => {
    put('a.txt', 'x\n'.repeat(50));
    const driver = await started(path, text());
    const first = await driver.plan(planLimit({ maxBytes: 30, drain: false }));
    expect(first).to.deep.include({ bytes: 30, caughtUp: false, progress: { done: 30, total: 100, unit: 'bytes' } });
    const rest = await driver.plan(planLimit({ time: 2000, drain: false }));
    expect(rest).to.deep.include({ caughtUp: true, progress: { done: 100, total: 100, unit: 'bytes' } });
  });
});

describe('FileSource, bad records', () => {
  const folder = tempFolder();

  it('come with file, byte offset, line, reason and bytes, also from cut ranges and small files read together', async () => {
    folder.file('bad/a.csv', 'user,n\na,1\nb,x\nc,"3\n', 1000);
    folder.file('bad/b.csv', 'user,n\r\nd,4\r\nonly\r\n"e\n",5\r\nf,6,7\r\n', 2000);
    const path = join(folder.path, 'bad');
    const driver = await started(path, clicks);
    const reader = makeReader(path, clicks);
    const [ranges] = await planAll(driver, { parallelism: 1 });
    const { rows, bad } = await readRange(reader, ranges[0], memory);
    expect(rows).to.deep.equal([
      { user: 'a', n: 1 },
      { user: 'd', n: 4 },
      { user: 'e\n', n: 5 },
    ]);
    const places = bad.map(({ file, byteOffset, line, bytes }) => [
      file.slice(-5),
      byteOffset,
      line,
      Buffer.from(bytes).toString(),
    ]);
    expect(places).to.deep.equal([
      ['a.csv', 11, 3, 'b,x'],
      ['a.csv', 15, 4, 'c,"3'],
      ['b.csv', 13, 3, 'only'],
      ['b.csv', 27, 6, 'f,6,7'],
    ]);
    for (const { source, reason } of bad) {
      expect(source).to.equal('files');
      expect(reason).not.to.equal('');
    }
  });

  it('are whole files whose header lacks a column: one bad record, a warning, nothing else until they are replaced', async () => {
    folder.file('head/a.csv', 'user,count\na,1\n', 1000);
    folder.file('head/b.csv', 'user,n\nb,2\n', 2000);
    const path = join(folder.path, 'head');
    const warnings: string[] = [];
    const driver = await started(path, clicks, warnings);
    const reader = makeReader(path, clicks);
    const ranges = (await planAll(driver)).flat();
    const read = await Promise.all(ranges.map(range => readRange(reader, range, memory)));
    expect(read.flatMap(({ rows }) => rows)).to.deep.equal([{ user: 'b', n: 2 }]);
    const bad = read.flatMap(({ bad }) => bad);
    expect(bad).to.have.length(1);
    expect(bad[0]).to.include({ byteOffset: 0, line: 1 });
    expect(bad[0].reason).to.contain('n').and.contain('user, count');
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.contain('a.csv');

    appendFileSync(join(path, 'a.csv'), 'c,3\n');
    const state = JSON.parse(JSON.stringify(driver.state())) as Json;
    const restarted = makeDriver(path, clicks, warnings);
    await restarted.start(state);
    expect((await restarted.plan(planLimit({ time: 2000 }))).ranges).to.deep.equal([]);
    writeFileSync(join(path, '.a'), 'user,n\na,1\n');
    renameSync(join(path, '.a'), join(path, 'a.csv'));
    const { ranges: again } = await restarted.plan(planLimit({ time: 3000 }));
    expect(await readRanges(reader, again, memory)).to.deep.equal([{ user: 'a', n: 1 }]);
    expect(warnings).to.have.length(1);
  });

  it('stay refused when the plan is replayed', async () => {
    const path = folder.file('lone.csv', 'user\na\n');
    const driver = await started(path, clicks);
    const { ranges } = await driver.plan(planLimit());
    const restarted = await started(path, clicks);
    restarted.replay(JSON.parse(JSON.stringify(ranges)) as Json[]);
    expect((await restarted.plan(planLimit({ time: 2000 }))).ranges).to.deep.equal([]);
  });

  it('close the file when the consumer stops early', async () => {
    const path = folder.file('early.txt', 'x\n'.repeat(100_000));
    const [ranges] = await planAll(await started(path, text()), { parallelism: 1 });
    const numOpen = (): number => readdirSync('/proc/self/fd').length;
    const reader = makeReader(path, text(), 4096);
    const ignore = (): void => undefined;
    const ctx = { memory, time: batchTime(1), columns: undefined, onBadRecord: ignore, onBytes: ignore };
    const before = numOpen();
    for await (const chunk of reader.read(ranges[0], ctx)) if (chunk.numRows > 0) break;
    expect(numOpen()).to.equal(before);
    memory.resetScratch();
  });
});
