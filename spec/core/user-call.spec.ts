import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks';
import { expect } from 'chai';
import { insideUserCall, userCall } from '../../lib/core/user-call.js';
import { turn } from '../helpers/run-engine.js';

/** Whether promises are followed just now: then the code after a wait runs as part of one. */
async function followsPromises(): Promise<boolean> {
  await Promise.resolve();
  return executionAsyncResource() instanceof Promise;
}

describe('userCall', () => {
  it('marks a call until it returns, throws, or its promise has settled', async () => {
    expect(insideUserCall()).to.equal(false);
    expect(userCall(insideUserCall)).to.equal(true);
    expect(insideUserCall()).to.equal(false);
    expect(() =>
      userCall(() => {
        throw new Error('no');
      }),
    ).to.throw('no');
    let after: Promise<boolean> | undefined;
    const inside = await userCall(async () => {
      await turn();
      after = turn().then(turn).then(insideUserCall);
      return insideUserCall();
    });
    expect(inside).to.equal(true);
    expect(await after, 'what it started and did not wait for').to.equal(false);
  });

  it('tells calls apart that run at once', async () => {
    let open: () => void = () => undefined;
    const held = new Promise<void>(resolve => (open = resolve));
    const first = userCall(async () => {
      await held;
      return insideUserCall();
    });
    await userCall(turn);
    expect(insideUserCall()).to.equal(false);
    open();
    expect(await first, 'the other one has ended').to.equal(true);
  });

  it('costs the promises of the thread nothing while no call runs', async () => {
    expect(await followsPromises()).to.equal(false);
    // From Node 24 on it costs nothing while one runs either.
    const storage = new AsyncLocalStorage<true>();
    const isFollowing = await storage.run(true, followsPromises);
    storage.disable();
    expect(await followsPromises(), 'without a call').to.equal(false);
    expect(await userCall(followsPromises)).to.equal(isFollowing);
    await turn();
    expect(await followsPromises()).to.equal(false);
    expect(() =>
      userCall(() => {
        throw new Error('no');
      }),
    ).to.throw('no');
    expect(await followsPromises()).to.equal(false);
  });
});
