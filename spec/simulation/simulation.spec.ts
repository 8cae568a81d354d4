/**
 * The whole engine under everything that can go wrong, one seed a run (world.ts, scenario.ts), judged by four witnesses
 * (judge.ts). `npm run simulate -- --seed N --shrink` runs one by hand; simulation.sweep.ts runs a thousand.
 *
 * That it can find what is wrong was tried by breaking the engine by hand, one place at a time. After so many seeds, from
 * the first on, it was seen:
 *
 *    1  the first batch that was planned and not committed is not run again
 *    1  a change of state whose worker was lost while it was applied counts as applied
 *    4  a source is not told at a restart what batches before had read
 *    5  a restart leaves out a change of state that was committed
 *   10  an attempt that was given up and answers late is accepted
 *   11  a snapshot is not synced before the manifest names it
 *   20  outputs do not wait for the offsets to be durable
 *   21  the log is not synced
 *
 * Not seen in 33: an output that is not cut at a restart to what was committed. The batch that is run again writes the same
 * bytes at the same place.
 */
import { expect } from 'chai';
import { checkSeed } from './check-seed.js';
import { FOUND } from './found.js';
import { simulate } from './simulate.js';

const NUM_SEEDS = 25;

describe('the whole engine, simulated', function () {
  // A failure is made smaller before it is told, which takes some dozens of runs.
  this.timeout(120_000);
  for (let seed = 1; seed <= NUM_SEEDS; seed++) {
    it(`puts out each record once, whatever fails: seed ${seed}`, async () => {
      await checkSeed(seed);
    });
  }
});

describe('what simulation found', function () {
  this.timeout(60_000);
  for (const { bug, scenario } of FOUND) {
    it(`does not happen again: ${bug}`, async () => {
      expect((await simulate(scenario)).violations).to.deep.equal([]);
    });
  }
});
