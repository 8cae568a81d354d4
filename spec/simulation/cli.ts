/**
 * `npm run simulate -- --seed N`: runs one seed, or `--count M` from there on; prints what went wrong, the smallest
 * scenario that still does it, and with `--trace` every event. Exits with 1 when anything went wrong.
 */
import { parseArgs } from 'node:util';
import { scenarioOf } from './scenario.js';
import { describeScenario, shrink } from './shrink.js';
import { simulate } from './simulate.js';
import { Totals } from './totals.js';

const MAX_RUNS = 200;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const totals = new Totals();
for (let seed = first; seed < first + Number(values.count); seed++) {
  const result = await simulate(scenarioOf(seed));
  totals.add(result);
  if (values.trace) console.log(result.trace.join('\n'));
  if (result.violations.length === 0) continue;
  process.exitCode = 1;
  console.log(`seed ${seed}:\n  ${result.violations.slice(0, 8).join('\n  ')}`);
  if (!values.shrink) continue;
  const { scenario, violations, runs } = await shrink(scenarioOf(seed), MAX_RUNS);
  console.log(`smallest of ${runs} runs:\n${describeScenario(scenario)}\n  ${violations.slice(0, 4).join('\n  ')}`);
}
console.log(totals.toString());
