/** The generators' answers against a second look at what they wrote. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { expect } from 'chai';
import { dataSet } from '../../benchmarks/data/data-set.js';
import { randomNumbers, zipfRanks } from '../../benchmarks/data/random.js';
import { GREP_FOR, textData, textExpected } from '../../benchmarks/data/text.js';
import { ysbData, ysbExpected } from '../../benchmarks/data/ysb.js';
import { ysbArrowData } from '../../benchmarks/data/ysb-arrow.js';
import { tempFolder } from '../helpers/temp-folder.js';

describe('benchmark data', () => {
  const folder = tempFolder();
  const before = process.env['SLUICE_BENCH_CACHE'];

  beforeEach(() => {
    process.env['SLUICE_BENCH_CACHE'] = folder.path;
  });
  afterEach(() => {
    if (before === undefined) delete process.env['SLUICE_BENCH_CACHE'];
    else process.env['SLUICE_BENCH_CACHE'] = before;
  });

  const linesIn = (dir: string): string[] =>
    readdirSync(join(dir, 'input'))
      .toSorted()
      .flatMap(name =>
        readFileSync(join(dir, 'input', name), 'utf8')
          .trimEnd()
          .split('\n'),
      );

  it('counts the views of each campaign and window as JSON.parse does', async () => {
    const data = await ysbData(12_000, 3);
    const campaigns = new Map(
      readFileSync(join(data.folder, 'ads.csv'), 'utf8')
        .trimEnd()
        .split('\n')
        .slice(1)
        .map(line => line.split(',') as [string, string]),
    );
    const counts = new Map<string, number>();
    const lines = linesIn(data.folder);
    for (const line of lines) {
      const event = JSON.parse(line) as { ad_id: string; event_type: string; event_time: string };
      if (event.event_type !== 'view') continue;
      const window = Math.floor(Number(event.event_time) / 10_000) * 10_000;
      const key = `${campaigns.get(event.ad_id)},${window}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(lines).to.have.length(12_000);
    expect(ysbExpected(data)).to.deep.equal(new Map([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))));
    const bytesPerEvent = data.bytes / data.records;
    expect(bytesPerEvent).to.be.within(235, 245);
  });

  it('has the same events in Arrow files as in lines of JSON, in order, with the same answer', async () => {
    const [data, arrow] = [await ysbData(11_000, 3), await ysbArrowData(11_000, 3)];
    const rows = readdirSync(join(arrow.folder, 'input'))
      .toSorted()
      .flatMap(name => tableFromIPC(readFileSync(join(arrow.folder, 'input', name))).toArray())
      .map(row => ({ ...(row as { event_time: number }) }));
    const events = linesIn(data.folder).map(line => JSON.parse(line) as { event_time: string });
    expect(rows).to.deep.equal(events.map(event => ({ ...event, event_time: Number(event.event_time) })));
    expect(ysbExpected(arrow)).to.deep.equal(ysbExpected(data));
    expect(arrow.views).to.equal(data.views);
  });

  it('counts words and matching lines as split and includes do', async () => {
    const data = await textData(30_000, 3);
    const lines = linesIn(data.folder);
    const counts = new Map<string, number>();
    for (const word of lines.flatMap(line => line.split(' '))) counts.set(word, (counts.get(word) ?? 0) + 1);
    const expected = textExpected(data);
    expect(expected.size).to.equal(counts.size).and.to.equal(data.distinct);
    for (const [word, n] of expected) expect(counts.get(word), word).to.equal(n);
    expect(lines.filter(line => line.includes(GREP_FOR))).to.have.length(data.matches);
    expect(data.matches).to.be.within(1, lines.length / 10);
    expect([...counts.keys()].every(word => word.length <= 15)).to.equal(true);
  });

  it('draws ranks by the law of Zipf', () => {
    const next = zipfRanks(randomNumbers(5), 1000);
    const counts = new Uint32Array(1000);
    const draws = 200_000;
    for (let i = 0; i < draws; i++) counts[next()]++;
    const total = counts.reduce((sum, _, rank) => sum + 1 / (rank + 1), 0);
    for (const rank of [0, 1, 5, 50, 500]) {
      const expected = draws / ((rank + 1) * total);
      expect(Math.abs((counts[rank] ?? 0) - expected), `rank ${rank}`).to.be.below(5 * Math.sqrt(expected));
    }
  });

  it('makes a data set once, and again when the making was interrupted', async () => {
    let made = 0;
    const make = (at: string): { records: number } => {
      made++;
      writeFileSync(join(at, 'input', 'x'), String(made));
      if (made === 1) throw new Error('interrupted');
      return { records: made };
    };
    const failure = await dataSet('some', make).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).to.be.an('error').with.property('message', 'interrupted');
    expect(await dataSet('some', make)).to.include({ records: 2 });
    expect(await dataSet('some', make)).to.include({ records: 2 });
    mkdirSync(join(folder.path, 'data', 'other', 'input'), { recursive: true });
    expect((await dataSet('other', make)).records, 'a folder without its note is not whole').to.equal(3);
    expect(existsSync(join(folder.path, 'data', 'other', 'about.json'))).to.equal(true);
  });
});
