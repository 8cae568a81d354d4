import { expect } from 'chai';
import { findCulprit } from '../../lib/scheduler/find-culprit.js';

describe('findCulprit', () => {
  it('finds the one that fails, wherever it is, with no more work than all of them are twice', async () => {
    for (const count of [1, 2, 3, 7, 64, 65]) {
      for (let bad = 0; bad < count; bad++) {
        let work = 0;
        const culprit = await findCulprit(count, async (from, to) => {
          work += to - from;
          return from <= bad && bad < to;
        });
        expect(culprit, `${bad} of ${count}`).to.deep.equal({ at: bad, isAlone: true });
        expect(work, `${bad} of ${count}`).to.be.at.most(2 * count);
      }
    }
  });

  it('finds the first of several', async () => {
    const bad = [12, 40, 41];
    const fails = async (from: number, to: number): Promise<boolean> => bad.some(at => from <= at && at < to);
    expect(await findCulprit(64, fails)).to.deep.equal({ at: 12, isAlone: true });
  });

  it('finds the last of those that fail only together', async () => {
    for (const [first, last] of [
      [0, 1],
      [3, 50],
      [31, 32],
      [0, 63],
    ] as const) {
      const fails = async (from: number, to: number): Promise<boolean> => from <= first && last < to;
      const culprit = await findCulprit(64, fails);
      expect(culprit.at, `${first} and ${last}`).to.equal(last);
    }
  });

  it('ends where nothing fails any more', async () => {
    let calls = 0;
    await findCulprit(1000, async () => ++calls > 1000);
    expect(calls).to.be.lessThan(30);
  });
});
