/** One benchmark of each shape: input that is all there, and a job in several runs. `all.sweep.ts` has all of them. */
import { smoke } from '../helpers/benchmark-smoke.js';

describe('benchmarks', () => {
  for (const file of ['ysb.bench.ts', 'state.bench.ts']) {
    it(`${file} gives right answers`, () => smoke(file)).timeout(60_000);
  }
});
