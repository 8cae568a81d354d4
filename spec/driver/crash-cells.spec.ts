/**
 * The engine's first promise, for every kind of source with every kind of operator, the outputs in turn: whatever file
 * operation a run dies in, and its restart too, output and state are those of a run that never failed. Here each cell
 * dies once or twice; `npm run test:sweep` has them die everywhere.
 */
import { expect } from 'chai';
import { problemsOf } from '../helpers/crash-oracle.js';
import { crashFiles } from '../helpers/crash-files.js';
import { CRASH_SOURCES } from '../helpers/crash-sources.js';
import { checkPoint, cleanRun, pairwiseCells, randomPoint } from '../helpers/crash-suite.js';
import type { Left } from '../helpers/crash-world.js';
import { randomOf } from '../helpers/random-values.js';

const seed = Number(process.env['SLUICE_SEED'] ?? 1);

describe(`a run that dies in any file operation (seed ${seed})`, () => {
  const files = crashFiles();
  const cells = pairwiseCells();
  for (const { name } of CRASH_SOURCES) {
    it(`leaves what a run leaves that never failed: ${name}`, async () => {
      for (const [i, cell] of cells.entries()) {
        if (cell.source.name !== name) continue;
        const clean = await cleanRun(cell, files.path);
        expect(clean.left.state.length + Object.keys(clean.left.outputs).length).to.be.above(0);
        await checkPoint(cell, files.path, clean, randomPoint(randomOf(seed * 1000 + i), clean, i % 2 === 0));
      }
    }).timeout(120_000);
  }
});

describe('the oracle of crashed runs', () => {
  const clean: Left = {
    lines: ['a 1', 'b 1', 'a 2', 'a 3'],
    outputs: { '/out/x': ['a 1', 'a 2', 'a 3', 'b 1'], 'batch 1000': ['[]'] },
    deadLetters: ['{"line":3}'],
    state: ['counts a 3', 'counts b 1'],
  };
  const problems = (changed: Partial<Left>): string => problemsOf({ ...clean, ...changed }, clean, true).join('; ');
  const withLines = (lines: readonly string[]): string =>
    problems({ lines, outputs: { ...clean.outputs, '/out/x': lines.toSorted() } });

  it('finds nothing where nothing differs', () => {
    expect(problems({})).to.equal('');
  });

  it('sees a line that was put out twice, one that is lost, and two that changed places', () => {
    expect(withLines(['a 1', 'a 1', 'b 1', 'a 2', 'a 3'])).to.match(/too many 1x: a 1.*number 1 of key a, after 1/);
    expect(withLines(['a 1', 'b 1', 'a 3'])).to.match(/lost 1x: a 2.*number 3 of key a, after 1/);
    // As a multiset it is the same.
    expect(withLines(['a 1', 'b 1', 'a 3', 'a 2'])).to.equal(
      'line 2 is number 3 of key a, after 1; line 3 is number 2 of key a, after 3',
    );
  });

  it('sees output that is missing as a whole, and some that nobody expects', () => {
    expect(problems({ outputs: { '/out/x': ['a 1', 'a 2', 'a 3', 'b 1'] } })).to.contain('batch 1000: lost 1x: []');
    expect(problems({ outputs: { ...clean.outputs, '/out/y': ['z 1'] } })).to.contain('/out/y: too many 1x: z 1');
  });

  it('sees state and dead letters that differ', () => {
    expect(problems({ state: ['counts a 4', 'counts b 1'] })).to.match(
      /state: lost 1x: counts a 3\ntoo many 1x: counts a 4/,
    );
    expect(problems({ deadLetters: [] })).to.contain('dead letters: lost 1x');
  });
});
