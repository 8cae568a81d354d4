/**
 * A driver that is suspended at any file operation, loses its checkpoint meanwhile, and comes back: it writes nothing more,
 * and what its successor has made stays as it is. At a look at the lock that means no operation at all; at any other it is
 * the one that it was suspended in, which was asked for when the checkpoint was still its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VirtualClock } from '../../lib/core/clock.js';
import type { FileHandle, FileStat } from '../../lib/core/file-system.js';
import { EngineError } from '../../lib/core/errors.js';
import { csv } from '../../lib/core/format.js';
import { schema, utf8 } from '../../lib/core/schema.js';
import { job, type Job } from '../../lib/api/job.js';
import { count } from '../../lib/expr/aggregate.js';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runEngine, turn } from '../helpers/run-engine.js';
import { tempFolder } from '../helpers/temp-folder.js';

/** What a path is for. */
const FOLDER = /checkpoint\/(?:log|state)|checkpoint|deadletter|out/;

const LOCK = /\/LOCK\.\d+$/;

/** Views of one set of files; the operation with a number waits until it is let go. */
class SuspendableFiles extends ModelFileSystem {
  /** Of the old driver, all that it did. */
  readonly calls: string[] = [];
  suspendAt = Number.POSITIVE_INFINITY;
  /** What it is suspended in. */
  suspended: string | undefined;
  resume: () => void = () => undefined;
  /** Those of the successor pass. */
  isOld = true;
  readonly #old = new Set<FileHandle>();

  async #call<T>(what: string, operation: () => Promise<T>): Promise<T> {
    if (this.isOld && this.calls.push(what) - 1 === this.suspendAt) {
      this.suspended = what;
      await new Promise<void>(resolve => (this.resume = resolve));
    }
    return operation();
  }

  override stat(path: string): Promise<FileStat> {
    return this.#call(`stat ${path}`, () => super.stat(path));
  }
  override rename(from: string, to: string): Promise<void> {
    return this.#call(`rename ${to}`, () => super.rename(from, to));
  }
  override link(existing: string, path: string): Promise<void> {
    return this.#call(`link ${path}`, () => super.link(existing, path));
  }
  override remove(path: string): Promise<void> {
    return this.#call(`remove ${path}`, () => super.remove(path));
  }
  override async open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<FileHandle> {
    const isOld = this.isOld;
    const file = await this.#call(`open ${flags} ${path}`, () => super.open(path, flags));
    if (!isOld) return file;
    const write: FileHandle['write'] = (buffers, at) => this.#call(`write ${path}`, () => file.write(buffers, at));
    const handle = { ...file, write };
    this.#old.add(handle);
    return handle;
  }
}

const events = schema({ user: utf8() });

const counting = (input: string): Job =>
  job('counting', {}, ssc => {
    const counts = ssc
      .fileStream(input, csv(events), { id: 'events' })
      .groupBy('user')
      .runningAgg({ n: count() }, { id: 'counts' })
      .map(({ user, n }) => `${user} ${n}`);
    counts.saveAsText('/out/counts.txt');
    counts.saveAsTextFiles('/out/batch', 'txt');
  });

interface World {
  readonly fs: SuspendableFiles;
  readonly input: string;
}

/** Runs on all there is; gives the error that it ends with. */
async function drain({ fs, input }: World): Promise<EngineError | undefined> {
  try {
    const run = await runEngine(counting(input), {
      clock: new VirtualClock(1_000_000),
      fs,
      checkpoint: '/checkpoint',
      deadLetters: '/deadletter',
      once: true,
      options: { maxBatchBytes: '60', slotMemory: '16MiB', checkpointInterval: 1, keyGroups: 8 },
    });
    await run.engine.done;
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
}

const filesOf = (fs: ModelFileSystem): Map<string, string> =>
  new Map(fs.paths().map(path => [path, Buffer.from(fs.bytesOf(path)).toString('latin1')]));

/** What the job put out: the lines of the one file, and of all folders together. */
function outputOf(fs: ModelFileSystem): string[][] {
  const parts = fs.paths().filter(path => path.includes('/part-'));
  return [['/out/counts.txt'], parts].map(paths =>
    paths.flatMap(path => Buffer.from(fs.bytesOf(path)).toString().trimEnd().split('\n')).toSorted(),
  );
}

/** One look at the lock in twenty, and of each other kind of change the last. */
function chosen(calls: readonly string[]): number[] {
  const kinds = new Map<string, number>();
  for (const [at, what] of calls.entries()) {
    if (LOCK.test(what) && what.startsWith('stat')) kinds.set(`look ${Math.floor(at / 40)}`, at);
    else if (!/^(stat|open r) /.test(what)) kinds.set(`${what.split(' ')[0]} ${FOLDER.exec(what)?.[0]}`, at);
  }
  return [...kinds.values()];
}

describe('a driver that was suspended while another took its checkpoint over', () => {
  const temp = tempFolder();
  const worldIn = (name: string): World => {
    const input = join(temp.path, name);
    mkdirSync(input);
    for (let file = 0; file < 3; file++) {
      const users = Array.from({ length: 6 }, (_, i) => `user-${(file + i) % 4}`);
      users.splice(2, 0, 'broken,line');
      writeFileSync(join(input, `${file}.csv`), `user\n${users.join('\n')}\n`);
    }
    return { fs: new SuspendableFiles(), input };
  };

  it('writes nothing more, whatever it was suspended in', async () => {
    const clean = worldIn('clean');
    expect(await drain(clean)).to.equal(undefined);
    const expected = outputOf(clean.fs);
    expect(expected.map(lines => lines.length)).to.deep.equal([expected[0]?.length, expected[0]?.length]);
    const outcomes = new Map<string, number>();
    const seen = new Set<string>();
    const tried = chosen(clean.fs.calls);
    const lastLook = clean.fs.calls.findLastIndex(what => what.startsWith('stat') && LOCK.test(what));
    for (const at of tried) {
      const world = worldIn(String(at));
      const { fs } = world;
      fs.suspendAt = at;
      const old = drain(world);
      while (fs.suspended === undefined) await turn();
      const what = fs.suspended;
      fs.isOld = false;
      // What the documentation says of a driver that hangs: its lock file is removed, and another is started.
      for (const path of fs.paths().filter(name => LOCK.test(name))) fs.lose(path);
      expect(await drain(world), `successor, at ${what}`).to.equal(undefined);
      const left = filesOf(fs);
      fs.resume();
      const error = await old;
      const place = `suspended at ${at}: ${what}`;
      outcomes.set(error?.code ?? 'ended', (outcomes.get(error?.code ?? 'ended') ?? 0) + 1);
      const changed = [...new Set([...left.keys(), ...filesOf(fs).keys()])].filter(
        path => left.get(path) !== filesOf(fs).get(path),
      );
      if (LOCK.test(what) && what.startsWith('stat')) {
        expect(changed, place).to.deep.equal([]);
        // The last look is that of an end in good order: nothing was left to be written.
        expect(error?.code, place).to.equal(at === lastLook ? undefined : 'checkpointFenced');
        seen.add('look');
      } else if (error !== undefined) {
        expect(changed.length, `${place}: ${changed.join()}`).to.be.at.most(1);
        seen.add(what.split(' ')[0] ?? '');
      }
      expect(outputOf(fs), place).to.deep.equal(expected);
      // What it left can be gone on from, and nothing is put out again.
      expect(await drain(world), place).to.equal(undefined);
      expect(outputOf(fs), place).to.deep.equal(expected);
    }
    expect([...seen]).to.include.members(['look', 'write', 'rename', 'link', 'open']);
    expect(outcomes.get('checkpointFenced')).to.be.above(tried.length / 2);
  }).timeout(60_000);
});
