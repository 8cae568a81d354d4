/**
 * The whole engine under everything that can go wrong, one seed a run (world.ts, scenario.ts), judged by four witnesses
 * (judge.ts). `npm run simulate -- --seed N --shrink` runs one by hand; simulation.sweep.ts runs a thousand.
 */
import { expect } from 'chai';
import { checkSeed } from './check-seed.js';
import { FOUND } from './found.js';
import { simulate } from './simulate.js';

const NUM_SEEDS = 25;

describe('the whole engine, simulated', () => {
  for (let seed = 1; seed <= NUM_SEEDS; seed++) {
    it(`puts out each record once, whatever fails: seed ${seed}`, async () => {
      await checkSeed(seed);
    });
  }
});

describe('what simulation found', () => {
  for (const { bug, scenario } of FOUND) {
    it(`does not happen again: ${bug}`, async () => {
      expect((await simulate(scenario)).violations).to.deep.equal([]);
    });
  }
});
