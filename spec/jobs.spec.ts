/** The jobs of `jobs/` on bounded input, their output compared with a plain computation of what it must be. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, readdirSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import clickViewCounts from '../jobs/click-view-counts.js';
import { writeClicks } from '../jobs/generate-clicks.js';
import queueStream from '../jobs/queue-stream.js';
import recoverableWordCount from '../jobs/recoverable-word-count.js';
import { VirtualClock } from '../lib/core/clock.js';
import { NodeFileSystem } from '../lib/core/node-file-system.js';
import { runEngine, type TestRun } from './helpers/run-engine.js';
import { tempFolder } from './helpers/temp-folder.js';

describe('jobs/click-view-counts.ts', () => {
  const folder = tempFolder();
  const made = join(folder.path, 'made');
  const input = join(folder.path, 'input');
  const output = join(folder.path, 'out', 'counts.csv');

  /** One sentence for each user of a file, with the totals after it. */
  function* expectedBatches(files: readonly string[]): Generator<string[]> {
    const clicks = new Map<string, number>();
    const views = new Map<string, number>();
    for (const file of files) {
      const users = new Set<string>();
      for (const line of readFileSync(file, 'utf8').trimEnd().split('\n').slice(1)) {
        const [user = '', action] = line.split(',');
        const counts = action === 'click' ? clicks : views;
        counts.set(user, (counts.get(user) ?? 0) + 1);
        users.add(user);
      }
      yield [...users].map(
        user => `User ${user} has clicked ${clicks.get(user) ?? 0} times and viewed ${views.get(user) ?? 0} times.`,
      );
    }
  }

  it('says of each user that a batch has what their counts are now, over a crash too', async () => {
    await writeClicks({ dir: made, events: 4000, users: 300, files: 6, seed: 11, startMs: 1_700_000_000_000 });
    await writeClicks({ dir: input, events: 1, users: 1, files: 1, seed: 1, startMs: 1_700_000_000_000 });
    const first = join(input, 'clicks-0000.csv');
    const names = readdirSync(made).toSorted();
    const clock = new VirtualClock(1000);
    const fs = new NodeFileSystem();
    const start = (): Promise<TestRun> =>
      runEngine(clickViewCounts, { clock, fs, checkpoint: join(folder.path, 'checkpoint'), args: { input, output } });

    const expected = expectedBatches([first, ...names.map(name => join(made, name))].map(path => copyOf(path)));
    let run = await start();
    await run.batchesDone(1);
    let numLines = 0;
    const expectNewLines = (): void => {
      const lines = readFileSync(output, 'utf8').split('\n').slice(0, -1);
      expect(lines.slice(numLines).toSorted()).to.deep.equal((expected.next().value as string[]).toSorted());
      numLines = lines.length;
    };
    expectNewLines();
    for (const [at, name] of names.entries()) {
      if (at === 3) {
        await run.engine.abort();
        run = await start();
      }
      renameSync(join(made, name), join(input, `later-${name}`));
      await run.next();
      expectNewLines();
    }
    expect(expected.next().done).to.equal(true);
    await run.engine.stop();
    expect((await run.engine.done).reason).to.equal('stopped');
  });

  /** A copy that stays when the file is moved. */
  const copyOf = (path: string): string =>
    folder.file(join('copies', path.replaceAll(/[\\/:]/g, '_')), readFileSync(path));
});

describe('jobs/queue-stream.ts', () => {
  it('prints for each batch of the queue how many numbers end in each digit', async () => {
    const run = await runEngine(queueStream, { clock: new VirtualClock(1000), fs: new NodeFileSystem(), once: true });
    await run.engine.done;
    const printed = run.events.flatMap(event => (event.kind === 'printed' ? [event.lines.slice(1).toSorted()] : []));
    expect(printed).to.have.length(30);
    const digits = Array.from({ length: 10 }, (_, digit) => `[ ${digit}, 100 ]`);
    for (const lines of printed) expect(lines).to.deep.equal(digits);
  });
});

describe('jobs/recoverable-word-count.ts', () => {
  const folder = tempFolder();
  const args = (name: string): { readonly input: string; readonly output: string } => ({
    input: join(folder.path, name),
    output: join(folder.path, `${name}.csv`),
  });

  it('counts the words of each batch, each word once, over a crash too', async () => {
    const { input, output } = args('texts');
    const clock = new VirtualClock(1000);
    const fs = new NodeFileSystem();
    const checkpoint = join(folder.path, 'checkpoint');
    const start = (): Promise<TestRun> =>
      runEngine(recoverableWordCount, { clock, fs, checkpoint, args: { input, output } });
    folder.file('texts/1.txt', 'to be or not to be\n', 1000);
    let run = await start();
    await run.batchesDone(1);
    await run.engine.abort();
    folder.file('texts/2.txt', 'be\n', 2000);
    run = await start();
    await run.next();
    await run.engine.stop();
    const lines = readFileSync(output, 'utf8').trimEnd().split('\n');
    expect(lines.slice(0, 4).toSorted()).to.deep.equal(['be,2', 'not,1', 'or,1', 'to,2']);
    expect(lines.slice(4)).to.deep.equal(['be,1']);
  });

  it('as a program makes a context, goes on from its checkpoint when started again, and ends by itself', async () => {
    const { input, output } = args('program');
    const checkpoint = join(folder.path, 'of-program');
    mkdirSync(dirname(output), { recursive: true });

    /** Starts the program, interrupts it when the output is as wanted, and waits for its end. */
    const runUntil = async (wanted: string): Promise<{ readonly code: number | null; readonly out: string }> => {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', 'jobs/recoverable-word-count.ts', checkpoint, input, output],
        // With the package as it is built: threads take no TypeScript.
        {
          env: { ...process.env, TSX_TSCONFIG_PATH: '.build/tsconfig.json' },
          stdio: ['ignore', 'pipe', 'inherit'],
          timeout: 30_000,
        },
      );
      const ended = new Promise<number | null>(resolve => child.once('close', resolve));
      const out = text(child.stdout);
      const seen = new Promise<void>(resolve => {
        const look = (): void => {
          if (existsSync(output) && readFileSync(output, 'utf8') === wanted) resolve();
        };
        const watcher = watch(dirname(output), look);
        void ended.then(() => watcher.close());
      });
      await Promise.race([seen, ended]);
      child.kill('SIGINT');
      return { code: await ended, out: await out };
    };

    folder.file('program/1.txt', 'again\n', 1000);
    expect(await runUntil('again,1\n')).to.deep.equal({ code: 0, out: 'creating a new context\n' });
    folder.file('program/2.txt', 'again again\n', 2000);
    expect(await runUntil('again,1\nagain,2\n')).to.deep.equal({ code: 0, out: '' });
  }).timeout(40_000);
});
