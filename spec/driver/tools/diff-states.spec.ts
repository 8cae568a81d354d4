import { expect } from 'chai';
import { diffStates } from '../../../lib/driver/tools/diff-states.js';
import { loadState } from '../../../lib/driver/tools/loaded-state.js';
import { CHECKPOINT, row, runToolJob } from './tool-run.js';

describe('diff of states', () => {
  it('tells keys that came, went and changed, and shows some of them', async () => {
    const first = await runToolJob([[row('ann'), row('bob')]]);
    const second = await runToolJob([[row('ann'), row('eve'), row('dan'), row('ann')]]);
    const difference = await diffStates(await loadState(first, CHECKPOINT), await loadState(second, CHECKPOINT), 2);
    expect(difference.isSame).to.equal(false);
    const plain = difference.operators.find(({ id }) => id === 'plain');
    expect(plain).to.deep.include({ numKeys: [2, 3], added: 2, removed: 1, changed: 1 });
    expect(plain?.examples).to.have.length(2);
    expect(plain?.examples).to.deep.include({
      change: 'changed',
      key: 'ann',
      from: { rows: 1, least: null, last: 1_700_000_000_000 },
      to: { rows: 2, least: null, last: 1_700_000_000_000 },
    });
  });

  it('tells one checkpoint at two batches apart, and finds none in itself', async () => {
    const fs = await runToolJob([[row('ann')], [row('ann'), row('bob')], [row('ann')]]);
    const [old, now] = [await loadState(fs, CHECKPOINT, 2000), await loadState(fs, CHECKPOINT, 3000)];
    const { operators } = await diffStates(old, now, 5);
    expect(operators.find(({ id }) => id === 'plain')).to.deep.include({ added: 0, removed: 0, changed: 1 });
    const same = await diffStates(now, await loadState(fs, CHECKPOINT), 5);
    expect(same.isSame).to.equal(true);
  });

  it('tells operators and sources that only one of them has', async () => {
    const fs = await runToolJob([[row('ann')]]);
    const state = await loadState(fs, CHECKPOINT);
    const less = {
      ...state,
      operators: state.operators.filter(({ id }) => id !== 'plain'),
      sourceStates: {},
      ranges: [],
    };
    const { operators, sources, isSame } = await diffStates(state, less, 1);
    expect(operators.find(({ id }) => id === 'plain')).to.deep.include({ to: undefined, removed: 0 });
    expect(sources).to.have.length(1);
    expect(isSame).to.equal(false);
  });
});
