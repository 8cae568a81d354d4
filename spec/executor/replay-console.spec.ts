import { expect } from 'chai';
import { muteReplays, replayed } from '../../lib/executor/replay-console.js';

describe('the console of a worker thread', () => {
  const said: unknown[][] = [];
  const say = (...args: unknown[]): void => void said.push(args);
  const console = { debug: say, dir: say, error: say, info: say, log: say, table: say, warn: say };
  muteReplays(console);

  it('says nothing while a function runs again as far as an action, and speaks then, however it ended', async () => {
    console.log('before', 1);
    await replayed(async () => {
      console.log('in it');
      await Promise.resolve();
      console.error('in it');
    });
    console.warn('between');
    const failed = await replayed(async () => {
      console.log('in it');
      throw new Error('no');
    }).catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(Error);
    console.log('after');
    expect(said).to.deep.equal([['before', 1], ['between'], ['after']]);
  });
});
