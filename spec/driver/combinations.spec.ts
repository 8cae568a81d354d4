/** Features that were each tested alone, together: random jobs under crashes, lost workers, failing batches and other options. */
import { checkCombination } from '../helpers/combination-suite.js';

describe('any combination of operations, options and trouble', () => {
  for (let seed = 1; seed <= 16; seed++) {
    it(`puts out what the same job does alone on one worker: seed ${seed}`, () => checkCombination(seed));
  }
});
