import { expect } from 'chai';
import { scenarioOf, type Scenario, type SimFault } from './scenario.js';
import { describeScenario, shrink } from './shrink.js';
import { simulate } from './simulate.js';

const calm: Scenario = {
  ...scenarioOf(1),
  ...{ parts: [], sources: ['rate'], arrivals: [], faults: [], failing: [], rateTotal: 3, endMs: 3000 },
  starts: [{ workers: 1 }],
};

describe('a simulated run that goes wrong', () => {
  it('says who waits for what when it hangs', async () => {
    const { violations } = await simulate({ ...calm, faults: [{ kind: 'request', at: 2, fault: 'never' }] });
    expect(violations).to.have.lengthOf(1);
    expect(violations[0]).to.match(/^Error: no news for 10 minutes: driver0 runs; batches \[\[\d+,"batchStarted"\]/);
    expect(violations[0]).to.match(/workers are asked \[slot 0 .+ since \d+\]/);
  });

  it('is made smaller until nothing can be taken away', async () => {
    const faults: readonly SimFault[] = Array.from({ length: 37 }, (_, at) => ({ kind: 'kill', at, downMs: 0 }));
    const needs = (candidate: Scenario): boolean =>
      [11, 23].every(at => candidate.faults.some(fault => fault.at === at)) && candidate.sources.includes('queue');
    const whole: Scenario = { ...scenarioOf(7), faults, sources: ['file', 'queue', 'rate'] };
    const found = await shrink(whole, 500, candidate =>
      Promise.resolve({ violations: needs(candidate) ? ['r12 is lost'] : [] }),
    );
    expect(found.scenario.faults.map(({ at }) => at)).to.deep.equal([11, 23]);
    expect(found.scenario.sources).to.deep.equal(['queue']);
    expect(found.scenario.arrivals).to.deep.equal([]);
    expect(found.scenario.parts).to.deep.equal([]);
    expect(describeScenario(found.scenario)).to.include('fault {"kind":"kill","at":23,"downMs":0}');
  });

  it('is left alone when smaller ones fail in another way', async () => {
    const whole: Scenario = { ...scenarioOf(7), faults: [{ kind: 'kill', at: 1, downMs: 0 }] };
    const found = await shrink(whole, 500, candidate =>
      Promise.resolve({ violations: [candidate === whole ? 'r12 is lost' : 'nothing will ever happen again'] }),
    );
    expect(found.scenario).to.equal(whole);
  });
});
