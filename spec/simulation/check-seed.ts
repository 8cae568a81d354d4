/** One seed as a spec: a failure says how to run it again, and the smallest scenario that fails in the same way. */
import { scenarioOf } from './scenario.js';
import { describeScenario, shrink } from './shrink.js';
import { simulate, type SimResult } from './simulate.js';

const MAX_RUNS = 60;

/** Throws what went wrong. */
export async function checkSeed(seed: number): Promise<SimResult> {
  const result = await simulate(scenarioOf(seed));
  if (result.violations.length === 0) return result;
  const { scenario, violations } = await shrink(scenarioOf(seed), MAX_RUNS);
  throw new Error(
    [
      `seed ${seed}; once more, with every event: npm run simulate -- --seed ${seed} --trace`,
      ...result.violations.slice(0, 8),
      'the smallest scenario that was found to fail in the same way:',
      describeScenario(scenario),
      ...violations.slice(0, 4),
    ].join('\n'),
  );
}
