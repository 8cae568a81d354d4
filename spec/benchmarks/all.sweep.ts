/** Every benchmark at a size of some thousand records: each runs once and checks its answers. */
import { benchmarkFiles, smoke } from '../helpers/benchmark-smoke.js';

describe('benchmarks', () => {
  for (const file of benchmarkFiles) {
    it(`${file} gives right answers`, () => smoke(file)).timeout(60_000);
  }
});
