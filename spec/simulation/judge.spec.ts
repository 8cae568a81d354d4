/** Each witness must be able to speak: what is planted here, one thing at a time, is what the engine must never do. */
import { expect } from 'chai';
import { ModelFileSystem } from '../helpers/model-file-system.js';
import { runCalmly } from './calm-run.js';
import { compare, judgeAlone, leftBy, type Left } from './judge.js';
import { Observed } from './observed.js';
import { scenarioOf, type Scenario } from './scenario.js';
import { NUMBERS } from './sim-job.js';
import { warmUp } from './start-driver.js';

const scenario: Scenario = {
  ...scenarioOf(1),
  ...{ parts: ['file', 'sums', 'reduced'], sources: ['file'], faults: [], failing: [], arrivals: [] },
};
const BATCHES = new Map([
  [101_000, ['f1-1|a', 'f1-2|b', 'f1-3|a']],
  [102_000, ['f1-4|b']],
  [104_000, ['f1-5|a', 'f2-6|cc']],
]);

async function left(): Promise<Left> {
  await warmUp();
  const { observed, files } = await runCalmly(scenario, BATCHES);
  for (const record of [...BATCHES.values()].flat()) observed.certain.add(record);
  return leftBy(observed, files);
}

const problemsOf = (found: Left, calm: Left): string[] => [
  ...judgeAlone(scenario, found),
  ...compare(scenario, found, calm),
];

describe('the judge of a simulated run', () => {
  let calm: Left;
  before(async () => {
    calm = await left();
  });

  const withLines = (path: string, change: (lines: string[]) => string[]): Left => ({
    ...calm,
    files: { ...calm.files, [path]: change([...(calm.files[path] ?? [])]) },
  });
  const withBatch = (time: number, change: (records: string[]) => string[]): Left => ({
    ...calm,
    batches: new Map([...calm.batches].map(([at, records]) => [at, at === time ? change([...records]) : records])),
  });

  it('finds nothing wrong with a run that never failed', () => {
    expect(calm.batches.size).to.equal(3);
    expect(calm.state.length).to.be.greaterThan(3);
    expect(problemsOf(calm, calm)).to.deep.equal([]);
  });

  const planted: { readonly [what: string]: () => Left } = {
    'a line put out twice': () => withLines('/out/words.txt', lines => [...lines, ...lines.slice(-1)]),
    'a line lost': () => withLines('/out/words.txt', lines => lines.slice(1)),
    'a line of another batch': () => withLines('/out/words.txt', ([, ...lines]) => ['104000 a', ...lines]),
    'two numbers of a word in the wrong order': () => withLines(NUMBERS, lines => lines.toReversed()),
    'a number twice': () => withLines(NUMBERS, lines => [...lines, ...lines.slice(0, 1)]),
    'a number left out': () => withLines(NUMBERS, lines => lines.slice(0, -1)),
    'a record in two batches': () => withBatch(102_000, records => [...records, 'f1-1|a']),
    'a record in none': () => withBatch(102_000, () => []),
    'two records of a file in the wrong order': () =>
      withBatch(101_000, ([first = '', second = '', ...rest]) => [second, first, ...rest]),
    'a record that nobody sent': () => withBatch(102_000, records => [...records, 'f9-1|a']),
    'a row of state that is gone': () => ({ ...calm, state: calm.state.slice(1) }),
    'a row of an output that is not there': () => ({ ...calm, rows: new Map([...calm.rows].slice(1)) }),
    'a sum that is another': () => ({ ...calm, rows: new Map(calm.rows).set('sums 104000', '["[\\"a\\",4]"]') }),
    'a file that is there too much': () => ({ ...calm, files: { ...calm.files, '/out/more.txt': ['x'] } }),
  };
  for (const [what, make] of Object.entries(planted)) {
    it(`finds ${what}`, () => {
      expect(problemsOf(make(), calm)).not.to.deep.equal([]);
    });
  }

  it('finds a batch that read something else when it ran again', () => {
    const observed = new Observed();
    observed.tap(1000, ['q1|a', 'q2|b']);
    observed.tap(1000, ['q1|a', 'q2|b']);
    expect(observed.seen.problems).to.deep.equal([]);
    observed.tap(1000, ['q2|b', 'q1|a']);
    expect(observed.seen.problems).to.have.lengthOf(1);
  });

  it('reads the state of no checkpoint as none', async () => {
    expect((await leftBy(new Observed(), new ModelFileSystem())).state).to.deep.equal([]);
  });
});
