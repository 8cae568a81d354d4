/** Which files of a folder are input: new ones only, those that a filter takes, those in folders that a pattern matches. */
import { appendFileSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import * as nodeFs from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { text } from '../../lib/core/format.js';
import type { Json } from '../../lib/core/json.js';
import { FileSourceDriver, type FileSourceOptions } from '../../lib/sources/file-source-driver.js';
import { FileSourceReader } from '../../lib/sources/file-source-reader.js';
import { newMemory, planLimit, readRanges } from '../contracts/source.js';
import { tempFolder } from '../helpers/temp-folder.js';

const memory = newMemory();
const logged = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const root = tempFolder();
let path = '';
let numFolders = 0;
let numPlans = 0;
let warnings: string[] = [];

const put = (name: string, content: string, mtimeMs?: number): void => {
  mkdirSync(join(path, name, '..'), { recursive: true });
  writeFileSync(join(path, name), content);
  if (mtimeMs !== undefined) utimesSync(join(path, name), mtimeMs / 1000, mtimeMs / 1000);
};

async function start(options: Partial<FileSourceOptions> = {}, state?: Json): Promise<FileSourceDriver> {
  const onWarning = (line: string): void => void warnings.push(line);
  const driver = new FileSourceDriver({ path, format: text(), settleMs: 2000, onWarning, ...options });
  await driver.start(state);
  return driver;
}

const plan = (driver: FileSourceDriver, drain = false): ReturnType<FileSourceDriver['plan']> =>
  driver.plan(planLimit({ time: ++numPlans, drain }));

async function rows(driver: FileSourceDriver, at = path): Promise<unknown[]> {
  const { ranges } = await plan(driver);
  return readRanges(new FileSourceReader({ source: 'files', path: at, format: text() }), logged(ranges), memory);
}

beforeEach(() => {
  path = join(root.path, `f${numFolders++}`);
  mkdirSync(path);
  warnings = [];
});

describe('FileSource, new files only', () => {
  const newFilesOnly = true;

  it('leaves alone what is there at the first plan, also when it grows, and reads what comes', async () => {
    put('old.txt', 'old\n');
    put('empty.txt', '');
    const driver = await start({ newFilesOnly });
    expect(await rows(driver)).to.deep.equal([]);
    put('new.txt', 'new\n');
    appendFileSync(join(path, 'old.txt'), 'more\n');
    appendFileSync(join(path, 'empty.txt'), 'more\n');
    expect(await rows(driver)).to.deep.equal(['new']);
    expect(await rows(driver)).to.deep.equal([]);
    expect(warnings).to.deep.equal([]);
  });

  it('reads what comes with an older modification time as well', async () => {
    const driver = await start({ newFilesOnly });
    expect((await plan(driver)).ranges).to.deep.equal([]);
    put('new.txt', 'new\n', 1000);
    expect(await rows(driver)).to.deep.equal(['new']);
  });

  it('reads a file that takes the place of an old one', async () => {
    put('a.txt', 'old\n');
    put('b.txt', 'old\n');
    const driver = await start({ newFilesOnly });
    await plan(driver);
    put('.next', 'other a\n');
    renameSync(join(path, '.next'), join(path, 'a.txt'));
    rmSync(join(path, 'b.txt'));
    expect(await rows(driver)).to.deep.equal(['other a']);
    put('b.txt', 'other b\n');
    expect(await rows(driver)).to.deep.equal(['other b']);
  });

  it('remembers over a restart what was old, from the log and from the state', async () => {
    put('old.txt', 'old\n');
    const driver = await start({ newFilesOnly });
    const { ranges } = await plan(driver);
    const state = logged(driver.state());
    put('while-down.txt', 'while down\n');
    const fromLog = await start({ newFilesOnly });
    fromLog.replay(logged(ranges));
    for (const restarted of [fromLog, await start({ newFilesOnly }, state)]) {
      expect(await rows(restarted)).to.deep.equal(['while down']);
    }
  });

  it('notes what there is when it drains, and ends', async () => {
    put('old.txt', 'old\n');
    const driver = await start({ newFilesOnly });
    const first = await plan(driver, true);
    expect(first).to.include({ bytes: 0, caughtUp: true }).and.to.have.property('ranges').of.length(1);
    expect(await plan(driver, true))
      .to.include({ caughtUp: true })
      .and.to.have.property('ranges')
      .of.length(0);
  });
});

describe('FileSource, filter', () => {
  it('takes the files whose names it wants, of those that are not left alone anyway', async () => {
    const asked = new Set<string>();
    const filter = (name: string): boolean => {
      asked.add(name);
      return name.includes('good');
    };
    const driver = await start({ filter });
    for (const name of ['good-1.txt', 'bad.txt', '.good', '_good', 'good.tmp']) put(name, `${name}\n`);
    expect(await rows(driver)).to.deep.equal(['good-1.txt']);
    put('good-2.txt', 'good-2.txt\n');
    expect(await rows(driver)).to.deep.equal(['good-2.txt']);
    expect([...asked].toSorted()).to.deep.equal(['bad.txt', 'good-1.txt', 'good-2.txt']);
  });

  it('sees the folders that a pattern stands for', async () => {
    put('a/x.txt', 'a\n');
    put('b/x.txt', 'b\n');
    const at = join(path, '*', 'x.txt');
    const driver = await start({ path: at, filter: name => name === 'b/x.txt' });
    expect(await rows(driver, at)).to.deep.equal(['b']);
  });
});

describe('FileSource, folders by pattern', () => {
  it('reads all files of folders that come and go', async () => {
    put('2026-01/a.txt', '1a\n', 1000);
    put('2026-02/b.txt', '2b\n', 2000);
    for (const name of ['2025/no.txt', '.2026-01/no.txt', '2026-01/sub/no.txt', '2026-01/.no', '2026-file'])
      put(name, 'no\n');
    const at = `${path}/2026-*/`;
    const driver = await start({ path: at });
    expect(await rows(driver, at)).to.deep.equal(['1a', '2b']);
    put('2026-03/c.txt', '3c\n');
    put('2026-01/d.txt', '1d\n', 3000);
    expect(await rows(driver, at)).to.have.members(['3c', '1d']);
    rmSync(join(path, '2026-02'), { recursive: true });
    expect(await rows(driver, at)).to.deep.equal([]);
    const { files } = driver.state() as { files: unknown[][] };
    expect(files.map(([name]) => name)).to.have.members(['2026-01/a.txt', '2026-01/d.txt', '2026-03/c.txt']);
    put('2026-01/e.txt', '1e\n');
    expect(await rows(await start({ path: at }, logged(driver.state())), at)).to.deep.equal(['1e']);
  });

  it('takes patterns for folders and files together, names between them as they are', async () => {
    for (const name of ['a/in/1.csv', 'b/in/2.csv', 'b/in/2.txt', 'b/out/3.csv', 'b/4.csv']) put(name, `${name}\n`);
    for (const [pattern, expected] of [
      ['*/in/*.csv', ['a/in/1.csv', 'b/in/2.csv']],
      ['?/*/3.csv', ['b/out/3.csv']],
      ['b/*.csv', ['b/4.csv']],
      ['*/none/', []],
    ] as const) {
      const at = `${path}/${pattern}`;
      expect(await rows(await start({ path: at }), at), pattern).to.have.members(expected);
    }
  });

  it('wants the folder before the pattern to be there', async () => {
    const error: unknown = await start({ path: join(path, 'none', '*', '*.csv') }).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'inputMissing');
  });
});

describe('FileSource, many files', () => {
  const NUM_FILES = 1000;

  it('looks at a few of them in each plan, and lists only folders that changed', async () => {
    for (let i = 0; i < NUM_FILES; i++) put(`f${String(i).padStart(5, '0')}.txt`, `${i}\n`, 1000 + i);
    utimesSync(path, 1000, 1000);
    const calls = { stats: 0, lists: 0, opens: 0 };
    const files = {
      ...nodeFs,
      statSync: (at: string) => (calls.stats++, nodeFs.statSync(at)),
      readdirSync: (at: string) => (calls.lists++, nodeFs.readdirSync(at)),
      openSync: (at: string, flags: 'r') => (calls.opens++, nodeFs.openSync(at, flags)),
    };
    const counted = async (driver: FileSourceDriver): Promise<typeof calls> => {
      Object.assign(calls, { stats: 0, lists: 0, opens: 0 });
      await plan(driver);
      return { ...calls };
    };
    const driver = await start({ files });
    expect(await counted(driver)).to.deep.equal({ stats: NUM_FILES + 1, lists: 1, opens: NUM_FILES });
    for (let i = 0; i < 5; i++) {
      const { stats, lists, opens } = await counted(driver);
      expect([lists, opens]).to.deep.equal([0, 0]);
      expect(stats).to.be.below(600);
    }
    put('one-more.txt', 'more\n');
    expect(await counted(driver))
      .to.include({ lists: 1, opens: 1 })
      .and.to.have.property('stats')
      .below(600);

    // A restart looks at each file once, and into none that was not touched.
    utimesSync(path, 1000, 1000);
    const restarted = await start({ files }, logged(driver.state()));
    expect(await counted(restarted)).to.deep.equal({ stats: NUM_FILES + 2, lists: 1, opens: 0 });
    expect((await counted(restarted)).stats).to.be.below(600);
  });
});
