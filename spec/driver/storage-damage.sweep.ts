/** `SLUICE_SWEEP=10 npm run test:sweep` damages every kind of file in every way, after runs that were killed at many moments. */
import { crashFiles } from '../helpers/crash-files.js';
import { nameOf } from '../helpers/crash-world.js';
import { checkDamage, damageCells, damagesOf, killedRun, otherJob } from '../helpers/damage-suite.js';

const moments = Math.max(1, Math.round(Number(process.env['SLUICE_SWEEP'] ?? 1)));

describe(`damaged storage, swept (${moments} moments)`, () => {
  const files = crashFiles();
  const startMs = performance.now();
  let points = 0;
  let refused = 0;
  after(() => {
    const seconds = Math.round((performance.now() - startMs) / 1000);
    console.log(`${points} damages, ${refused} refused, in ${seconds} s`);
  });
  for (const cell of damageCells()) {
    for (let moment = 0; moment < moments; moment++) {
      const share = 0.25 + (0.7 * (moment + 1)) / moments;
      it(`${nameOf(cell)}, killed after ${Math.round(share * 100)} %`, async () => {
        const killed = await killedRun(cell, files.path, share);
        for (const damage of damagesOf(killed, await otherJob(killed))) {
          points++;
          if ((await checkDamage(killed, damage)) !== undefined) refused++;
        }
      });
    }
  }
});
