/** `SLUICE_SWEEP=50 npm run test:sweep` tries 1000 more random jobs; SLUICE_SWEEP_FROM is the first seed. */
import { checkCombination } from '../helpers/combination-suite.js';

const seeds = 20 * Number(process.env['SLUICE_SWEEP'] ?? 1);
const from = Number(process.env['SLUICE_SWEEP_FROM'] ?? 1000);

describe('any combination of operations, options and trouble, swept', () => {
  for (let seed = from; seed < from + seeds; seed++) it(`seed ${seed}`, () => checkCombination(seed));
});
