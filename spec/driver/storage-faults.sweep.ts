/** `SLUICE_SWEEP=10 npm run test:sweep` has each kind of fault begin at every file operation of runs with every kind of file. */
import { crashFiles } from '../helpers/crash-files.js';
import { cleanRun } from '../helpers/crash-suite.js';
import { nameOf } from '../helpers/crash-world.js';
import { checkFault, faultCells, operationsFor, STORAGE_FAULTS } from '../helpers/fault-suite.js';

const stride = Math.max(1, Math.round(10 / Number(process.env['SLUICE_SWEEP'] ?? 1)));
const first = Number(process.env['SLUICE_SEED'] ?? 1) % stride;

describe(`storage faults at every file operation, swept (every ${stride}.)`, () => {
  const files = crashFiles();
  const startMs = performance.now();
  let points = 0;
  let failed = 0;
  after(() => {
    const seconds = Math.round((performance.now() - startMs) / 1000);
    console.log(`${points} faults, ${failed} ended their run, in ${seconds} s`);
  });
  for (const cell of faultCells()) {
    for (const fault of STORAGE_FAULTS) {
      it(`${fault.code}: ${nameOf(cell)}`, async () => {
        const clean = await cleanRun(cell, files.path);
        for (const [i, from] of operationsFor(fault, clean).entries()) {
          if (i % stride !== first) continue;
          points++;
          if ((await checkFault(cell, files.path, clean, { ...fault, from })) !== undefined) failed++;
        }
      });
    }
  }
});
