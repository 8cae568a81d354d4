import { expect } from 'chai';
import { scenarioOf } from './scenario.js';
import { simulate } from './simulate.js';
import { Simulation, SimProcess, START_MS } from './world.js';

/** Counts what is asked of the machine while `work` runs. */
async function askedOfMachine(work: () => Promise<void>): Promise<readonly string[]> {
  const asked: string[] = [];
  const originals = [
    [Math, 'random', Math.random],
    [Date, 'now', Date.now],
    [performance, 'now', performance.now],
    [globalThis, 'setTimeout', globalThis.setTimeout],
    [globalThis, 'setInterval', globalThis.setInterval],
  ] as const;
  for (const [owner, name, original] of originals) {
    const spied = (...args: unknown[]): unknown => {
      const caller = new Error(name).stack?.split('\n').find(line => line.includes('/lib/'));
      if (caller !== undefined) asked.push(`${name}${caller}`);
      return Reflect.apply(original, owner, args);
    };
    Object.defineProperty(owner, name, { value: spied, configurable: true, writable: true });
  }
  try {
    await work();
  } finally {
    for (const [owner, name, value] of originals)
      Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  }
  return asked;
}

describe('a simulated run', function () {
  this.timeout(60_000);

  it('is the same from its first event to its last, each time', async () => {
    for (const seed of [1, 2]) {
      const once = await simulate(scenarioOf(seed));
      const again = await simulate(scenarioOf(seed));
      expect(again.trace, `seed ${seed}`).to.deep.equal(once.trace);
      expect(once.trace.length).to.be.greaterThan(100);
    }
  });

  it('asks the machine for no time, no timer and no random number', async () => {
    const asked = await askedOfMachine(async () => {
      await simulate(scenarioOf(4));
    });
    expect(asked).to.deep.equal([]);
  });

  it('is of another scenario for another seed', () => {
    expect(scenarioOf(1)).to.deep.equal(scenarioOf(1));
    expect(scenarioOf(1)).not.to.deep.equal({ ...scenarioOf(2), seed: 1 });
  });
});

describe('a simulated process', () => {
  it('waits in virtual time, and for nothing once it is dead', async () => {
    const simulation = new Simulation(1);
    const driver = new SimProcess(simulation, 'driver');
    const worker = driver.spawn('worker');
    const ended: string[] = [];
    void driver.sleep(10).then(() => ended.push('driver'));
    void worker.sleep(20).then(() => ended.push('worker'));
    expect(driver.numTimers).to.equal(1);
    await simulation.step();
    expect(simulation.clock.now()).to.equal(START_MS + 10);
    driver.end();
    expect(await simulation.step()).to.equal(false);
    expect(worker.isAlive).to.equal(false);
    expect(ended).to.deep.equal(['driver']);
    void driver.sleep(1).then(() => ended.push('dead'));
    expect(await simulation.step()).to.equal(false);
    expect(ended).to.deep.equal(['driver']);
  });
});
