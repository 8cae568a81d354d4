/** What else may lie in an input folder, put there by mistake or by somebody hostile. */
import { execFileSync } from 'node:child_process';
import * as nodeFs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { text } from '../../lib/core/format.js';
import type { Json } from '../../lib/core/json.js';
import { FileSourceDriver } from '../../lib/sources/file-source-driver.js';
import { FileSourceReader } from '../../lib/sources/file-source-reader.js';
import { NODE_FILES, type InputFiles } from '../../lib/sources/input-files.js';
import { newMemory, planLimit, readRanges } from '../contracts/source.js';
import { tempFolder } from '../helpers/temp-folder.js';

const memory = newMemory();

/** Fails for some paths as the system does where a process may not look: for root it never does. */
class ForbiddingFiles {
  readonly forbidden = new Map<string, string>();
  readonly files: InputFiles = {
    ...NODE_FILES,
    statSync: path => (this.#check(path, 'stat'), nodeFs.statSync(path)),
    readdirSync: path => (this.#check(path, 'scandir'), nodeFs.readdirSync(path)),
    openSync: path => (this.#check(path, 'open'), NODE_FILES.openSync(path, 'r')),
  };

  #check(path: string, call: string): void {
    if (this.forbidden.get(path) !== call) return;
    throw Object.assign(new Error(`EACCES: permission denied, ${call} '${path}'`), { code: 'EACCES' });
  }
}

describe('FileSource, whatever lies in its folder', () => {
  const root = tempFolder();
  let path = '';
  let numFolders = 0;
  let warnings: string[] = [];
  beforeEach(() => {
    path = join(root.path, `f${numFolders++}`);
    nodeFs.mkdirSync(path);
    warnings = [];
  });

  const put = (name: string, content: string): string => {
    nodeFs.writeFileSync(join(path, name), content);
    return join(path, name);
  };
  async function start(files: InputFiles = NODE_FILES, at = path): Promise<FileSourceDriver> {
    const onWarning = (line: string): void => void warnings.push(line);
    const driver = new FileSourceDriver({ path: at, format: text(), settleMs: 2000, onWarning, files });
    await driver.start(undefined);
    return driver;
  }
  const planned = async (driver: FileSourceDriver, drain = true): Promise<Json[]> =>
    (await driver.plan(planLimit({ time: 1000, drain }))).ranges as Json[];
  const rowsOf = (ranges: readonly Json[], at = path, files: InputFiles = NODE_FILES): Promise<unknown[]> =>
    readRanges(new FileSourceReader({ source: 'files', path: at, format: text(), files }), ranges, memory);
  const rows = async (driver: FileSourceDriver, at = path): Promise<unknown[]> => rowsOf(await planned(driver), at);

  const problem = async (work: () => Promise<unknown>): Promise<{ code: unknown; message: string }> => {
    try {
      await work();
    } catch (error) {
      if (error instanceof Error && 'code' in error) return { code: error.code, message: error.message };
      throw error;
    }
    return { code: 'nothing', message: '' };
  };

  it('leaves alone pipes, sockets, devices and folders, and does not wait for any of them', async () => {
    put('a.txt', 'a\n');
    execFileSync('mkfifo', [join(path, 'pipe')]);
    const server = createServer();
    await new Promise<void>(resolve => server.listen(join(path, 'socket'), resolve));
    nodeFs.symlinkSync('/dev/zero', join(path, 'zeros'));
    nodeFs.symlinkSync('/dev/null', join(path, 'null'));
    nodeFs.mkdirSync(join(path, 'folder'));
    const driver = await start();
    expect(await rows(driver)).to.deep.equal(['a']);
    put('b.txt', 'b\n');
    expect(await rows(driver)).to.deep.equal(['b']);
    await new Promise(resolve => server.close(resolve));
    expect(warnings).to.deep.equal([]);
  });

  it('does not wait for a pipe that took the place of a file between the look and the reading', async () => {
    const pipe = put('a.txt', 'a\n');
    put('b.txt', 'b\n');
    const swap = (): void => {
      nodeFs.rmSync(pipe);
      execFileSync('mkfifo', [pipe]);
    };
    let isSwapped = false;
    const driver = await start({
      ...NODE_FILES,
      openSync: at => {
        if (at === pipe && !isSwapped) swap();
        isSwapped = true;
        return NODE_FILES.openSync(at, 'r');
      },
    });
    expect(await rows(driver)).to.deep.equal(['b']);
    expect(warnings).to.deep.equal([`${pipe} is gone: 2 bytes of 2 were not read yet`]);
  });

  it('refuses a range of a file that is a pipe now', async () => {
    const pipe = put('a.txt', 'a\n');
    const ranges = await planned(await start());
    nodeFs.rmSync(pipe);
    execFileSync('mkfifo', [pipe]);
    const { code, message } = await problem(() => rowsOf(ranges));
    expect(code).to.equal('inputChanged');
    expect(message).to.match(/a\.txt is gone, and bytes 0 to 2 of it were planned/);
  });

  it('wants a folder or a file, not a pipe, and says so', async () => {
    execFileSync('mkfifo', [join(path, 'pipe')]);
    const { code, message } = await problem(() => start(NODE_FILES, join(path, 'pipe')));
    expect(code).to.equal('inputMissing');
    expect(message).to.match(/wants a folder or file that can be read/);
  });

  it('reads all but what links to itself or to nothing, and says it once', async () => {
    put('a.txt', 'a\n');
    nodeFs.symlinkSync('loop', join(path, 'loop'));
    nodeFs.symlinkSync('gone.txt', join(path, 'dangling'));
    nodeFs.symlinkSync(path, join(path, 'myself'));
    const driver = await start();
    expect(await rows(driver)).to.deep.equal(['a']);
    put('b.txt', 'b\n');
    expect(await rows(driver)).to.deep.equal(['b']);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/loop cannot be read, and is left until it can: ELOOP/);
    // By a pattern the folder leads into itself, as deep as the pattern is.
    const through = await start(NODE_FILES, join(path, '*', '*', 'a.txt'));
    expect(await rows(through, join(path, '*', '*', 'a.txt'))).to.deep.equal(['a']);
  });

  it('reads a file that it may not look into or open when it may, and the others meanwhile', async () => {
    for (const call of ['stat', 'open']) {
      warnings = [];
      const secret = put(`secret-${call}.txt`, `${call}\n`);
      put(`open-${call}.txt`, 'open\n');
      const { forbidden, files } = new ForbiddingFiles();
      forbidden.set(secret, call);
      const driver = await start(files, join(path, `*-${call}.txt`));
      const seen = rowsOf(await planned(driver), join(path, `*-${call}.txt`));
      expect(await seen).to.deep.equal(['open']);
      expect(await planned(driver)).to.deep.equal([]);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(
        /secret-.*\.txt cannot be read, and is left until it can: EACCES: permission denied/,
      );
      forbidden.clear();
      expect(await rows(driver, join(path, `*-${call}.txt`))).to.deep.equal([call]);
      expect(warnings).to.have.length(1);
    }
  });

  it('refuses a range of a file that it may not read any more, and reads it when it may', async () => {
    const file = put('a.txt', 'a\n');
    const ranges = await planned(await start());
    const { forbidden, files } = new ForbiddingFiles();
    forbidden.set(file, 'open');
    const { code, message } = await problem(() => rowsOf(ranges, path, files));
    expect(code).to.equal('inputChanged');
    expect(message).to.match(/a\.txt cannot be read \(EACCES: permission denied/);
    forbidden.clear();
    expect(await rowsOf(ranges, path, files)).to.deep.equal(['a']);
  });

  it('ends where its folder cannot be listed; of a folder below, what was read stays read', async () => {
    nodeFs.mkdirSync(join(path, 'one'));
    nodeFs.mkdirSync(join(path, 'two'));
    put('one/a.txt', 'a\n');
    put('two/b.txt', 'b\n');
    const { forbidden, files } = new ForbiddingFiles();
    const pattern = join(path, '*', '*.txt');
    const driver = await start(files, pattern);
    expect(await rows(driver, pattern)).to.deep.equal(['a', 'b']);
    for (const call of ['stat', 'scandir']) {
      forbidden.set(join(path, 'one'), call);
      put(`two/${call}.txt`, `${call}\n`);
      expect(await rows(driver, pattern)).to.deep.equal([call]);
      forbidden.clear();
      expect(await rows(driver, pattern)).to.deep.equal([]);
    }
    expect(warnings).to.have.length(2);
    expect(warnings[0]).to.match(/one cannot be listed, and is left until it can: EACCES/);
    forbidden.set(path, 'scandir');
    const { code, message } = await problem(() => driver.plan(planLimit({ drain: true })));
    expect(code).to.equal('inputMissing');
    expect(message).to.match(/input folder .* cannot be listed: EACCES/);
  });

  it('reads files whose names have line ends and quotes in them, and says which are no text', async () => {
    put('a\nb".txt', 'odd\n');
    put("\u001b[31m'.txt", 'red\n');
    nodeFs.writeFileSync(Buffer.concat([Buffer.from(`${path}/x`), Buffer.from([0xff, 0xfe])]), 'lost\n');
    const driver = await start();
    expect((await rows(driver)).toSorted()).to.deep.equal(['odd', 'red']);
    expect(await rows(driver)).to.deep.equal([]);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.match(/x\ufffd+ has a name that is not UTF-8, and is not read: rename it/);
  });

  it('reads nothing outside of its folder, whatever a log says', async () => {
    put('a.txt', 'a\n');
    nodeFs.writeFileSync(join(root.path, 'secret.txt'), 'secret\n');
    const [range] = (await planned(await start())) as { header: null; pieces: { file: string }[] }[];
    for (const file of ['../secret.txt', 'x/../../secret.txt', '..']) {
      const pieces = range?.pieces.map(piece => ({ ...piece, file, start: 0, end: 7, size: 7 })) ?? [];
      const { code, message } = await problem(() => rowsOf([{ header: null, pieces } as unknown as Json]));
      expect(code, file).to.equal('checkpointCorrupt');
      expect(message).to.match(/the checkpoint names "/);
    }
  });

  it('sees what is cut off or taken away between two looks as what it is', async () => {
    const file = put('a.txt', 'one\ntwo\nthree\n');
    const driver = await start();
    const first = await driver.plan(planLimit({ time: 1000, maxBytes: 4, drain: false }));
    nodeFs.truncateSync(file, 2);
    // Until it is looked at in its turn, what is missing is not planned; then it is refused.
    const { code, message } = await problem(async () => {
      for (let time = 2000; time < 10_000; time += 1000) await driver.plan(planLimit({ time, drain: false }));
    });
    expect(code).to.equal('inputChanged');
    expect(message).to.match(/a\.txt is 2 bytes long now, after 4 bytes of 14 were read/);
    const late = await problem(() => rowsOf(first.ranges as Json[]));
    expect(late.code).to.equal('inputChanged');
  });
});

describe('FileSource, 100,000 files', () => {
  const NUM_FILES = 100_000;
  const LINE = 'x\n';

  /** A folder that is there in numbers only. */
  function manyFiles(): { files: InputFiles; calls: { stats: number; lists: number; opens: number } } {
    const calls = { stats: 0, lists: 0, opens: 0 };
    const names = Array.from({ length: NUM_FILES }, (_, i) => `f${String(i).padStart(6, '0')}`);
    const file = { size: LINE.length, mtimeMs: 1000, isFile: () => true, isDirectory: () => false };
    const files: InputFiles = {
      readdirSync: () => (calls.lists++, names),
      statSync: at => {
        calls.stats++;
        if (at === '/in') return { ...file, ino: 1, isFile: () => false, isDirectory: () => true };
        return { ...file, ino: Number(at.slice(-6)) + 2 };
      },
      openSync: at => (calls.opens++, Number(at.slice(-6))),
      fstatSync: fd => ({ ...file, ino: fd + 2 }),
      readSync: (_, buffer, offset, length, position) => {
        const bytes = Buffer.from(LINE).subarray(position, position + length);
        buffer.set(bytes, offset);
        return bytes.length;
      },
      closeSync: () => undefined,
    };
    return { files, calls };
  }

  it('takes some thousand of them in a batch, and looks at a few hundred others', async () => {
    const { files, calls } = manyFiles();
    const onWarning = (line: string): void => expect.fail(line);
    const driver = new FileSourceDriver({
      ...{ path: '/in', format: text(), settleMs: 0, onWarning, files, now: () => 1_000_000 },
    });
    await driver.start(undefined);
    for (let numPlans = 0; numPlans < 5; numPlans++) {
      Object.assign(calls, { stats: 0, lists: 0, opens: 0 });
      const { ranges, caughtUp } = await driver.plan(planLimit({ time: 1000 + numPlans, drain: false }));
      expect(ranges.reduce((sum: number, range) => sum + (range as { pieces: Json[] }).pieces.length, 0)).to.equal(
        4096,
      );
      expect(caughtUp).to.equal(false);
      // The first look is at all of them, for their order.
      expect(calls.stats).to.be.below(numPlans === 0 ? NUM_FILES + 1000 : 1000);
      expect([calls.opens, calls.lists]).to.deep.equal([4096, numPlans === 0 ? 1 : 0]);
    }
  });
});
