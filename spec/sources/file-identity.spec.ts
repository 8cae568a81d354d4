/** What happens when an input file is not the one that was planned any more, or another file is it. */
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { csv, text, type Format } from '../../lib/core/format.js';
import type { Json } from '../../lib/core/json.js';
import { int64, schema, utf8 } from '../../lib/core/schema.js';
import { FileSourceDriver } from '../../lib/sources/file-source-driver.js';
import { FileSourceReader } from '../../lib/sources/file-source-reader.js';
import { newMemory, planLimit, readRanges } from '../contracts/source.js';
import { tempFolder } from '../helpers/temp-folder.js';

const memory = newMemory();
const logged = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;

/** More than a print looks at, in lines of ten bytes. */
const long = (name: string, numLines = 2000): string =>
  Array.from({ length: numLines }, (_, i) => `${name}${String(i).padStart(8, '0')}\n`).join('');

describe('FileSource, which file is which', () => {
  const root = tempFolder();
  let path = '';
  let numFolders = 0;
  let numPlans = 0;
  let warnings: string[] = [];
  beforeEach(() => {
    path = join(root.path, `f${numFolders++}`);
    mkdirSync(path);
    warnings = [];
  });

  const put = (name: string, content: string): string => {
    writeFileSync(join(path, name), content);
    return join(path, name);
  };

  async function start(state?: Json, format: Format = text(), at = path): Promise<FileSourceDriver> {
    const driver = new FileSourceDriver({
      path: at,
      format,
      settleMs: 2000,
      onWarning: line => void warnings.push(line),
    });
    await driver.start(state);
    return driver;
  }

  const reader = (format: Format = text(), at = path): FileSourceReader =>
    new FileSourceReader({ source: 'files', path: at, format });

  async function next(driver: FileSourceDriver, limit: { maxBytes?: number } = {}): Promise<readonly Json[]> {
    return (await driver.plan(planLimit({ ...limit, time: ++numPlans, drain: false }))).ranges;
  }

  const rows = async (driver: FileSourceDriver): Promise<unknown[]> => readRanges(reader(), await next(driver), memory);

  async function codeOf(promise: Promise<unknown>): Promise<unknown> {
    return promise.then(
      () => 'no error',
      (error: unknown) => (error as { code?: unknown }).code,
    );
  }

  it('knows the files of a copied folder, and reads on where a copy grew', async () => {
    put('short.txt', 'one\n');
    put('long.txt', long('a'));
    put('open.txt', 'two\nthr');
    const driver = await start();
    expect(await rows(driver)).to.have.length(2002);
    const state = logged(driver.state());
    const copy = `${path}-copy`;
    cpSync(path, copy, { recursive: true });
    path = copy;
    appendFileSync(join(path, 'open.txt'), 'ee\n');
    appendFileSync(join(path, 'long.txt'), 'more\n');
    const restarted = await start(state);
    expect(await rows(restarted)).to.have.members(['three', 'more']);
    expect(await rows(restarted)).to.deep.equal([]);
    expect(warnings).to.deep.equal([]);
  });

  it('reads a file on that was written anew as a whole, with more behind what was there', async () => {
    const file = put('a.txt', long('a'));
    const driver = await start();
    await rows(driver);
    put('.next', `${readFileSync(file, 'utf8')}added\n`);
    renameSync(join(path, '.next'), file);
    expect(await rows(driver)).to.deep.equal(['added']);
    expect(warnings).to.deep.equal([]);
  });

  for (const [name, before, after] of [
    ['of the same size', 'one\ntwo\n', 'ONE\nTWO\n'],
    ['that is longer', 'one\n', 'uno\ndue\n'],
    ['that is shorter', 'one\ntwo\n', 'new\n'],
    ['that begins like it', long('a'), `${long('a', 500)}${long('b', 1600)}`],
    ['that ends like it', long('a'), `b${long('a').slice(1)}`],
  ] as const) {
    it(`reads another file ${name} from its start, under the same inode number too`, async () => {
      const file = put('a.txt', before);
      const driver = await start();
      await rows(driver);
      const { ino } = statSync(file);
      writeFileSync(file, after);
      // A file system's clock may tick too slowly to tell the two apart.
      utimesSync(file, 5000, 5000);
      expect(statSync(file).ino).to.equal(ino);
      const restarted = await start(logged(driver.state()));
      for (const one of [driver, restarted]) expect(await rows(one)).to.deep.equal(after.trimEnd().split('\n'));
      expect(warnings).to.have.length(2);
      expect(warnings[0]).to.contain('a.txt').and.contain('read as new');
    });
  }

  it('does not read a file again that was only touched', async () => {
    const file = put('a.txt', 'one\n');
    const driver = await start();
    await rows(driver);
    utimesSync(file, 5000, 5000);
    expect(await rows(driver)).to.deep.equal([]);
    expect(await rows(await start(logged(driver.state())))).to.deep.equal([]);
    expect(warnings).to.deep.equal([]);
  });

  it('refuses to go on in a file that was partly read and is another one now, or shorter', async () => {
    for (const change of [
      (file: string) => writeFileSync(file, 'uno\ndue\ntre\n'),
      (file: string) => truncateSync(file, 2),
    ]) {
      const file = put('a.txt', 'one\ntwo\nthree\n');
      const driver = await start();
      await next(driver, { maxBytes: 4 });
      const state = logged(driver.state());
      change(file);
      expect(await codeOf(next(driver))).to.equal('inputChanged');
      expect(await codeOf(next(await start(state)))).to.equal('inputChanged');
      rmSync(file);
    }
  });

  it('reads a planned range from a copy that was put back, also one that grew, and from nothing else', async () => {
    for (const content of ['one\ntwo\n', long('a')]) {
      const file = put('a.txt', content);
      const driver = await start();
      const state = logged(driver.state());
      const ranges = logged(await next(driver)) as Json[];
      const planned = await readRanges(reader(), ranges, memory);
      put('keeps-its-inode.tmp', '');
      cpSync(file, join(path, 'copy.tmp'));
      rmSync(file);
      expect(await codeOf(readRanges(reader(), ranges, memory))).to.equal('inputChanged');
      renameSync(join(path, 'copy.tmp'), file);
      appendFileSync(file, 'more\n');
      expect(await readRanges(reader(), ranges, memory)).to.deep.equal(planned);
      const restarted = await start(state);
      restarted.replay(ranges);
      expect(await rows(restarted)).to.deep.equal(['more']);
      for (const other of [content.replace('o', 'O').replace('a', 'A'), content.slice(0, -1)]) {
        writeFileSync(file, other);
        expect(await codeOf(readRanges(reader(), ranges, memory))).to.equal('inputChanged');
      }
      rmSync(file);
    }
  });

  it('reads earlier ranges of a file that grows all the while', async () => {
    const file = put('a.txt', 'one\n');
    const driver = await start();
    const planned: (readonly Json[])[] = [];
    for (const line of ['two\n', 'three\n', long('a'), 'four\n']) {
      planned.push(await next(driver));
      appendFileSync(file, line);
    }
    const read = await readRanges(reader(), logged(planned.flat()) as Json[], memory);
    expect(read).to.deep.equal(['one', 'two', 'three', ...long('a').trimEnd().split('\n')]);
  });

  it('reads a file that came back after it was gone as new', async () => {
    const file = put('a.txt', 'one\n');
    const driver = await start();
    await rows(driver);
    renameSync(file, `${path}-elsewhere`);
    expect(await rows(driver)).to.deep.equal([]);
    renameSync(`${path}-elsewhere`, file);
    expect(await rows(driver)).to.deep.equal(['one']);
  });

  it('reads a file whose header was put right in its place', async () => {
    const format = csv(schema({ user: utf8(), n: int64() }));
    const file = put('a.csv', 'user\na,1\n');
    const driver = await start(undefined, format);
    await next(driver);
    appendFileSync(file, 'b,2\n');
    const restarted = await start(logged(driver.state()), format);
    expect(await next(restarted)).to.deep.equal([]);
    writeFileSync(file, 'user,n\na,1\n');
    expect(await readRanges(reader(format), await next(restarted), memory)).to.deep.equal([{ user: 'a', n: 1 }]);
  });

  describe('of a checkpoint from before there were prints', () => {
    it('goes on from its state: files with their inode number are known, others are new', async () => {
      const known = statSync(put('known.txt', 'one\ntwo\n'));
      put('other.txt', 'three\n');
      const state = [
        ['known.txt', known.ino, 4, 4, false],
        ['other.txt', known.ino + 1_000_000, 6, 6, false],
      ];
      const driver = await start(state);
      expect(await rows(driver)).to.have.members(['two', 'three']);
      expect(warnings).to.have.length(1);
      expect(await rows(await start(logged(driver.state())))).to.deep.equal([]);
    });

    it('reads its ranges where the inode number is the same, and refuses them where it is not', async () => {
      const { ino } = statSync(put('a.txt', 'one\ntwo\n'));
      const piece = { file: 'a.txt', ino, start: 4, end: 8, size: 8, kind: 'records' };
      const ranges = (pieceIno: number): Json[] => [{ header: null, pieces: [{ ...piece, ino: pieceIno }] }];
      expect(await readRanges(reader(), ranges(ino), memory)).to.deep.equal(['two']);
      expect(await codeOf(readRanges(reader(), ranges(ino + 1), memory))).to.equal('inputChanged');
      const driver = await start([['a.txt', ino, 4, 4, false]]);
      driver.replay(ranges(ino));
      expect(await rows(driver)).to.deep.equal([]);
    });
  });

  it('refuses a state in a form that it does not know', async () => {
    expect(await codeOf(start({ version: 3, files: [] }))).to.equal('checkpointForeign');
  });
});
