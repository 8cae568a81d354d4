/**
 * `SLUICE_SWEEP=10 npm run test:sweep` has every cell of the cover die in every file operation; above that, of the whole
 * product of sources, operators and outputs. SLUICE_SEED chooses what a loss of power leaves and where restarts die.
 */
import { crashFiles } from '../helpers/crash-files.js';
import { allCells, checkPoint, cleanRun, pairwiseCells, tally } from '../helpers/crash-suite.js';
import { nameOf } from '../helpers/crash-world.js';
import { intBelow, randomOf } from '../helpers/random-values.js';

const sweep = Number(process.env['SLUICE_SWEEP'] ?? 1);
const seed = Number(process.env['SLUICE_SEED'] ?? 1);
const stride = Math.max(1, Math.round(10 / sweep));
const cells = sweep > 10 ? allCells() : pairwiseCells();

/** Of which restarts die in every operation, too. */
const DEEP = ['receiver > mapState > foreach', 'csv > narrow > csv', 'csv > table > foreach', 'queue > update > csv'];

const told = (): void => {
  const { points, crashes, startMs } = tally;
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(`${tally.cells} cells, ${points} points, ${crashes} crashes in ${seconds} s`);
};

describe(`crashes at every file operation, swept (seed ${seed}, every ${stride}.)`, () => {
  const files = crashFiles();
  after(told);
  for (const [i, cell] of cells.entries()) {
    it(nameOf(cell), async () => {
      const clean = await cleanRun(cell, files.path);
      const random = randomOf(seed * 10_007 + i);
      for (let at = i % stride; at < clean.numOperations; at += stride) {
        const crash = random() < 0.5 ? 'kill' : 'power';
        await checkPoint(cell, files.path, clean, { at, crash });
        const after = intBelow(random, clean.numOperations);
        const again = { after, crash: random() < 0.7 ? 'power' : 'kill' } as const;
        await checkPoint(cell, files.path, clean, { at, crash: crash === 'kill' ? 'power' : 'kill', again });
      }
    });
  }
});

describe(`crashes of restarts at every file operation, swept (seed ${seed}, every ${stride}.)`, () => {
  const files = crashFiles();
  after(told);
  const deep = allCells().filter(cell => DEEP.includes(nameOf(cell)));
  for (const cell of deep) {
    it(nameOf(cell), async () => {
      const clean = await cleanRun(cell, files.path);
      for (let at = seed % stride; at < clean.numOperations; at += stride) {
        for (let after = at % stride; after < clean.numOperations - at; after += stride) {
          const crash = (at + after) % 2 === 0 ? 'kill' : 'power';
          await checkPoint(cell, files.path, clean, { at, crash, again: { after, crash: 'power' } });
        }
      }
    }).timeout(sweep * 3_600_000);
  }
});
