import { expect } from 'chai';
import { SystemClock, VirtualClock } from '../../lib/core/clock.js';

describe('virtual clock', () => {
  it('stands still until it is moved', () => {
    const clock = new VirtualClock(100);
    expect(clock.now()).to.equal(100);
    clock.advanceTo(250);
    clock.advanceTo(200);
    expect(clock.now()).to.equal(250);
  });

  it('fires timers in order of time, then of setting, each at its instant', () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    for (const [name, atMs] of [
      ['c', 30],
      ['a', 10],
      ['b', 10],
      ['later', 31],
    ] as const) {
      clock.setTimer(atMs, () => fired.push(`${name}@${clock.now()}`));
    }
    clock.advanceTo(30);
    expect(fired).to.deep.equal(['a@10', 'b@10', 'c@30']);
    expect(clock.numTimers).to.equal(1);
    expect(clock.nextTimerMs()).to.equal(31);
  });

  it('fires what a timer sets on the way', () => {
    const clock = new VirtualClock();
    const fired: number[] = [];
    const tick = (): void => {
      fired.push(clock.now());
      clock.setTimer(clock.now() + 10, tick);
    };
    clock.setTimer(10, tick);
    clock.advanceTo(35);
    expect(fired).to.deep.equal([10, 20, 30]);
  });

  it('does not go back for a timer that is due already', () => {
    const clock = new VirtualClock(100);
    let firedAtMs = 0;
    clock.setTimer(50, () => (firedAtMs = clock.now()));
    clock.advanceTo(100);
    expect(firedAtMs).to.equal(100);
  });

  it('forgets a timer that is cancelled', () => {
    const clock = new VirtualClock();
    const cancel = clock.setTimer(10, () => expect.fail('it was cancelled'));
    cancel();
    clock.advanceTo(20);
    expect(clock.numTimers).to.equal(0);
    expect(clock.nextTimerMs()).to.equal(undefined);
  });
});

describe('system clock', () => {
  it('agrees with the wall clock and never steps back', () => {
    const clock = new SystemClock();
    expect(clock.now()).to.be.closeTo(Date.now(), 1000);
    let before = clock.now();
    for (let i = 0; i < 1000; i++) {
      const now = clock.now();
      expect(now).to.be.at.least(before);
      before = now;
    }
  });

  it('fires at once what is due already, and not what is cancelled', async () => {
    const clock = new SystemClock();
    const cancel = clock.setTimer(clock.now() + 1, () => expect.fail('it was cancelled'));
    cancel();
    await new Promise<void>(resolve => void clock.setTimer(clock.now() - 1000, resolve));
  });
});
