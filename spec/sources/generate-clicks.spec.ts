import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeClicks } from '../../jobs/generate-clicks.js';
import { tempFolder } from '../helpers/temp-folder.js';

describe('the generator of sample events', () => {
  const folder = tempFolder();

  async function eventsOf(name: string, seed: number): Promise<string[][]> {
    const dir = join(folder.path, name);
    await writeClicks({ dir, events: 3001, users: 100, files: 4, seed, startMs: 1_700_000_000_000 });
    expect(readdirSync(dir).toSorted()).to.deep.equal([0, 1, 2, 3].map(file => `clicks-000${file}.csv`));
    return readdirSync(dir)
      .toSorted()
      .flatMap(file => {
        const [header, ...lines] = readFileSync(join(dir, file), 'utf8').split('\n').slice(0, -1);
        expect(header).to.equal('user,action,ts');
        return lines.map(line => line.split(','));
      });
  }

  it('makes the same events for the same seed, as many as asked for, in order of time', async () => {
    const events = await eventsOf('a', 5);
    expect(events).to.have.length(3001);
    expect(await eventsOf('b', 5)).to.deep.equal(events);
    expect(await eventsOf('c', 6)).not.to.deep.equal(events);
    const times = events.map(([, , ts]) => Number(ts));
    expect(times).to.deep.equal(times.toSorted((a, b) => a - b));
    expect(times[0]).to.equal(1_700_000_000_000);
  });

  it('has a few users do most of it, and three clicks in ten events', async () => {
    const events = await eventsOf('d', 7);
    const clicks = events.filter(([, action]) => action === 'click').length;
    expect(clicks / events.length).to.be.within(0.27, 0.33);
    const byFirstTen = events.filter(([user]) => Number(user.slice('user'.length)) < 10).length;
    expect(byFirstTen / events.length).to.be.within(0.43, 0.5);
  });
});
