/** One benchmark of each shape: input that is all there, and a job in several runs. `all.sweep.ts` has all of them. */
import { expect } from 'chai';
import { smoke } from '../helpers/benchmark-smoke.js';

describe('benchmarks', () => {
  it('ysb.bench.ts gives right answers, from lines, Arrow batches and a generator', async () => {
    const rows = await smoke('ysb.bench.ts');
    expect(rows).to.include.members(['ysb: columns', 'ysb: closures', 'ysb: indexOf', 'ysb-generated: generated']);
    expect(rows).to.include.members(['ysb-arrow: Arrow batches', 'ysb-arrow: typed arrays']);
  }).timeout(60_000);

  it('state.bench.ts gives right answers', async () => {
    expect(await smoke('state.bench.ts')).to.not.have.length(0);
  }).timeout(60_000);
});
