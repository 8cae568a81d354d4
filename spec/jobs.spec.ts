/** The jobs of `jobs/` on bounded input, their output compared with a plain computation of what it must be. */
import { readFileSync, renameSync, readdirSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import clickViewCounts from '../jobs/click-view-counts.js';
import { writeClicks } from '../jobs/generate-clicks.js';
import networkWordCount from '../jobs/network-word-count.js';
import { VirtualClock } from '../lib/core/clock.js';
import { NodeFileSystem } from '../lib/core/node-file-system.js';
import { ModelFileSystem } from './helpers/model-file-system.js';
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
