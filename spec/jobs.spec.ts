/** The jobs of `jobs/` on bounded input, their output compared with a plain computation of what it must be. */
import { readFileSync, renameSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import busiestUsers from '../jobs/busiest-users.js';
import clickViewCounts from '../jobs/click-view-counts.js';
import { writeClicks } from '../jobs/generate-clicks.js';
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
