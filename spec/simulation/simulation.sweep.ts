/** A thousand seeds: `SLUICE_SWEEP=5 npm run test:sweep` tries 5000; SLUICE_SEED is the first. Prints what they went through. */
import { checkSeed } from './check-seed.js';
import { Totals } from './totals.js';

const PER_TEST = 50;
const numTests = 20 * Number(process.env['SLUICE_SWEEP'] ?? 1);
const first = Number(process.env['SLUICE_SEED'] ?? 1000);

describe('the whole engine, simulated, swept', () => {
  const totals = new Totals();
  after(() => console.log(`    ${totals.toString()}`));
  for (let from = first; from < first + numTests * PER_TEST; from += PER_TEST) {
    it(`seeds ${from} to ${from + PER_TEST - 1}`, async () => {
      for (let seed = from; seed < from + PER_TEST; seed++) totals.add(await checkSeed(seed));
    });
  }
});
