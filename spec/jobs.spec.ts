/** The jobs of `jobs/` on bounded input, their output compared with a plain computation of what it must be. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, readdirSync, watch } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import busiestUsers from '../jobs/busiest-users.js';
import clickViewCounts from '../jobs/click-view-counts.js';
import windowedTopK from '../jobs/windowed-top-k.js';
import { writeClicks } from '../jobs/generate-clicks.js';
import networkWordCount from '../jobs/network-word-count.js';
import statefulSessions from '../jobs/stateful-sessions.js';
import queueStream from '../jobs/queue-stream.js';
import recoverableWordCount from '../jobs/recoverable-word-count.js';
import { VirtualClock } from '../lib/core/clock.js';
import { NodeFileSystem } from '../lib/core/node-file-system.js';
import { ModelFileSystem } from './helpers/model-file-system.js';
import { randomOf } from './helpers/random-values.js';
import { runEngine, turn, type TestRun } from './helpers/run-engine.js';
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

describe('jobs/busiest-users.ts', () => {
  const folder = tempFolder();

  it('writes the three busiest users and minutes of a batch', async () => {
    const input = join(folder.path, 'input');
    const output = join(folder.path, 'busiest.csv');
    await writeClicks({ dir: input, events: 20_000, users: 20, files: 3, seed: 5, startMs: 1_700_000_000_000 });
    const fs = new NodeFileSystem();
    const clock = new VirtualClock(1000);
    const checkpoint = join(folder.path, 'checkpoint');
    const run = await runEngine(busiestUsers, { clock, fs, checkpoint, args: { input, output } });
    await run.batchesDone(1);
    await run.engine.stop();

    const counts = new Map<string, { minute: string; user: string; events: number; clicks: number }>();
    for (const name of readdirSync(input)) {
      for (const line of readFileSync(join(input, name), 'utf8').trimEnd().split('\n').slice(1)) {
        const [user = '', action, ts] = line.split(',');
        const minute = new Date(Number(ts)).toISOString().slice(0, 16).replace('T', ' ');
        const entry = counts.get(`${minute} ${user}`) ?? { minute, user, events: 0, clicks: 0 };
        entry.events++;
        entry.clicks += Number(action === 'click');
        counts.set(`${minute} ${user}`, entry);
      }
    }
    const order = (a: { minute: string; user: string }): string => `${a.minute} ${a.user}`;
    const wanted = [...counts.values()]
      .toSorted((a, b) => b.events - a.events || (order(a) < order(b) ? -1 : 1))
      .slice(0, 3)
      .map(({ minute, user, events, clicks }) => [minute, user, events, Math.round((clicks / events) * 100) / 100]);
    expect(readFileSync(output, 'utf8').trimEnd().split('\n')).to.deep.equal(wanted.map(line => line.join()));
  });
});

describe('jobs/stateful-sessions.ts', () => {
  const folder = tempFolder();
  const input = join(folder.path, 'input');
  const output = join(folder.path, 'out', 'sessions.csv');
  const IDLE_MS = 2000;

  it('writes each session in the batch in which it was idle for too long, over crashes too', async () => {
    mkdirSync(input);
    const clock = new VirtualClock(1000);
    const fs = new NodeFileSystem();
    const args = { input, output, idle: `${IDLE_MS}ms` };
    const start = (): Promise<TestRun> =>
      runEngine(statefulSessions, { clock, fs, checkpoint: join(folder.path, 'checkpoint'), args });
    const random = randomOf(5);
    const sessions = new Map<string, { since: number; last: number; clicks: number; views: number }>();
    const expected: string[] = [];

    /** The events of one batch, as a file, and what a plain loop makes of them. */
    function writeBatch(time: number): void {
      const events = Array.from({ length: Math.floor(random() * 6) }, () => ({
        user: `user${Math.floor(random() * 8)}`,
        action: random() < 0.5 ? 'click' : 'view',
      }));
      for (const { user, action } of events) {
        const session = sessions.get(user) ?? { since: time, last: time, clicks: 0, views: 0 };
        session.last = time;
        session[action === 'click' ? 'clicks' : 'views']++;
        sessions.set(user, session);
      }
      for (const [user, { since, last, clicks, views }] of sessions) {
        if (last >= time - IDLE_MS) continue;
        sessions.delete(user);
        expected.push(`${user},${(last - since) / 1000},${clicks},${views}`);
      }
      const rows = events.map(({ user, action }) => `${user},${action},${time}\n`);
      renameSync(
        folder.file(`batch-${time}.csv`, `user,action,ts\n${rows.join('')}`),
        join(input, `batch-${time}.csv`),
      );
    }

    writeBatch(1000);
    let run = await start();
    await run.batchesDone(1);
    for (let time = 2000; time <= 20_000; time += 1000) {
      if (time % 6000 === 0) {
        await run.engine.abort();
        run = await start();
      }
      writeBatch(time);
      await run.next();
      const [header, ...lines] = existsSync(output) ? readFileSync(output, 'utf8').trimEnd().split('\n') : [];
      expect(lines.toSorted(), `at ${time} ms`).to.deep.equal(expected.toSorted());
      if (lines.length > 0) expect(header).to.equal('user,seconds,clicks,views');
    }
    expect(expected.length, 'sessions').to.be.greaterThan(5);
    await run.engine.stop();
    expect((await run.engine.done).reason).to.equal('stopped');
  });
});

describe('jobs/windowed-top-k.ts', () => {
  const folder = tempFolder();
  const input = join(folder.path, 'posts');
  const output = join(folder.path, 'top', 'slide');
  const STEP_MS = 5000;
  const NUM_BATCHES = 24;

  /** Posts of a batch: some tags always, some only for a while, in many spellings. */
  function postsOf(batch: number): string {
    const tags = ['#arrow', '#Streams', `#only${Math.floor(batch / 8)}`, `#now${batch % 5}`];
    const posts = Array.from({ length: 1 + (batch % 3) }, (_, i) => {
      const tag = tags[(batch + i) % tags.length];
      return `about ${tag}, and ${tag?.toUpperCase()} no#tag # ${i % 2 ? '#arrow.' : ''}`;
    });
    return `${posts.join('\n')}\n`;
  }

  /** What the job must say of the posts of these batches. */
  function topOf(batches: readonly number[], top: number): string {
    const counts = new Map<string, number>();
    for (const word of batches.map(postsOf).join('').toLowerCase().split(/\s+/)) {
      const tag = word.replace(/[.,]$/, '');
      if (/^#\w/.test(tag)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
    }
    const sorted = [...counts].toSorted(([a, n], [b, m]) => m - n || a.localeCompare(b)).slice(0, top);
    return sorted.map(([tag, count], i) => `${i + 1}. ${tag} ${count}\n`).join('');
  }

  it('has the top hashtags of the last minute in a folder for each slide, over crashes too', async () => {
    const clock = new VirtualClock(STEP_MS);
    const fs = new NodeFileSystem();
    const checkpoint = join(folder.path, 'checkpoint');
    const start = (): Promise<TestRun> =>
      runEngine(windowedTopK, {
        clock,
        fs,
        checkpoint,
        args: { input, output, top: 4, window: 60_000, slide: 10_000 },
        options: { interval: STEP_MS },
      });
    let run: TestRun | undefined;
    for (let batch = 1; batch <= NUM_BATCHES; batch++) {
      folder.file(`posts/${String(batch).padStart(3, '0')}.txt`, postsOf(batch));
      if (run !== undefined) await run.next();
      else {
        clock.advanceTo(batch * STEP_MS);
        run = await start();
        await run.batchesDone(1);
      }
      if (batch % 9 === 0) {
        await run.engine.abort();
        run = undefined;
      }
    }
    await run?.engine.stop();
    for (let batch = 2; batch <= NUM_BATCHES; batch += 2) {
      const inWindow = Array.from({ length: 12 }, (_, i) => batch - i).filter(k => k >= 1);
      const at = `${output}-${batch * STEP_MS}`;
      expect(readFileSync(join(at, 'part-00000'), 'utf8'), at).to.equal(topOf(inWindow, 4));
      expect(readdirSync(at)).to.include('_SUCCESS');
    }
    expect(readdirSync(join(folder.path, 'top')).filter(name => !name.startsWith('.'))).to.have.length(NUM_BATCHES / 2);
  });
});

describe('jobs/network-word-count.ts', () => {
  it('prints how often each word of a batch came, of what a TCP server sends', async () => {
    const server = createServer();
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const connected = new Promise<Socket>(resolve => server.once('connection', resolve));
    const { port } = server.address() as AddressInfo;
    const clock = new VirtualClock(1000);
    const args = { host: '127.0.0.1', port };
    const run = await runEngine(networkWordCount, {
      clock,
      fs: new ModelFileSystem(),
      checkpoint: '/checkpoint',
      args,
    });
    const socket = await connected;
    const printed = (): string[] => run.events.flatMap(event => (event.kind === 'printed' ? event.lines : []));
    for (const [line, word] of [
      ['to be  or not to be\n', 'to'],
      ['that is\n', 'that'],
    ] as const) {
      socket.write(line);
      while (!printed().some(text => text.includes(`'${word}'`))) {
        await turn();
        await run.next();
      }
    }
    const words = printed().filter(text => text.startsWith('['));
    expect(words.slice(0, 4).toSorted()).to.deep.equal(["[ 'be', 2 ]", "[ 'not', 1 ]", "[ 'or', 1 ]", "[ 'to', 2 ]"]);
    expect(words.slice(4).toSorted()).to.deep.equal(["[ 'is', 1 ]", "[ 'that', 1 ]"]);
    await run.engine.stop();
    socket.destroy();
    await new Promise(resolve => server.close(resolve));
  });
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
