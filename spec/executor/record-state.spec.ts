import { expect } from 'chai';
import { EngineError } from '../../lib/core/errors.js';
import { RecordState } from '../../lib/executor/record-state.js';

/** One call, for a key with a state, or without one when it is undefined. */
const opened = (value?: unknown, key: unknown = 'k'): RecordState => {
  const state = new RecordState();
  state.open(key, value !== undefined, value);
  return state;
};

function refuses(call: () => unknown, text: RegExp): void {
  expect(call).to.throw(EngineError, text).with.property('code', 'contextState');
}

describe('executor/record-state', () => {
  it('without a state does not exist, gives nothing on request, and throws when one is wanted', () => {
    const state = opened();
    expect([state.exists(), state.getOption(), state.isTimingOut()]).to.deep.equal([false, undefined, false]);
    refuses(() => state.get(), /state\.get wants a state of key "k", but there is none: ask exists\(\)/);
    expect(state.close()).to.equal('nothing');
  });

  for (const before of [undefined, 1]) {
    it(`is what it was updated to, when it was ${before ?? 'none'}`, () => {
      const state = opened(before);
      state.update(2);
      expect([state.exists(), state.get(), state.getOption()]).to.deep.equal([true, 2, 2]);
      expect([state.close(), state.value]).to.deep.equal(['updated', 2]);
    });

    it(`is gone once it is removed, when it was ${before ?? 'none'}; then it can neither be updated nor removed`, () => {
      const state = opened(before);
      state.update(2);
      state.remove();
      expect([state.exists(), state.getOption()]).to.deep.equal([false, undefined]);
      refuses(() => state.get(), /there is none/);
      refuses(() => state.update(3), /state\.update wants .* it was removed by this call/);
      refuses(() => state.remove(), /state\.remove wants .* it was removed by this call/);
      expect(state.close()).to.equal('removed');
    });
  }

  it('may be null, but not undefined, which is none', () => {
    const state = opened();
    state.update(null);
    expect([state.exists(), state.get()]).to.deep.equal([true, null]);
    refuses(() => state.update(undefined), /undefined is none: use remove\(\)/);
  });

  it('that is timing out can be read, but not changed', () => {
    const state = new RecordState();
    state.openTimingOut('k', 7);
    expect([state.exists(), state.get(), state.isTimingOut()]).to.deep.equal([true, 7, true]);
    refuses(() => state.update(8), /state\.update wants .* it is timing out/);
    refuses(() => state.remove(), /state\.remove wants .* it is timing out/);
    expect(state.close()).to.equal('nothing');
  });

  it('is closed for whoever keeps it beyond its call', () => {
    const state = opened(1);
    state.close();
    for (const call of ['exists', 'get', 'getOption', 'remove', 'isTimingOut'] as const)
      refuses(() => state[call](), new RegExp(`state\\.${call} came after the call`));
    refuses(() => state.update(1), /state\.update came after the call/);
  });

  it('names any key in its messages, shortened', () => {
    refuses(() => opened(undefined, { id: 1n }).get(), /of key \{ id: 1n \}, but/);
    refuses(() => opened(undefined, 'x'.repeat(1000)).get(), /of key "x{79}\.\.\., but/);
  });
});
