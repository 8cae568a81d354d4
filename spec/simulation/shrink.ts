/**
 * Makes a scenario that fails smaller while it fails: takes away faults, arrivals, failing batches, parts, sources and
 * options, in halves first and then one at a time, until nothing more can go. What is left is the story of the bug.
 */
import type { Scenario } from './scenario.js';
import { simulate } from './simulate.js';

export interface Shrunk {
  readonly scenario: Scenario;
  readonly violations: readonly string[];
  readonly runs: number;
}

/** A run may fail in another way when it is smaller; what is kept must fail as the first one did, by this measure. */
const kindOf = (violations: readonly string[]): string =>
  (violations[0] ?? '').replaceAll(/\d+/g, '').replaceAll(/\[.*/g, '').slice(0, 24);

type ListName = 'faults' | 'arrivals' | 'failing' | 'parts' | 'sources' | 'starts';
const LISTS: readonly ListName[] = ['faults', 'failing', 'parts', 'arrivals', 'sources', 'starts'];

/**
 * @param maxRuns runs to try at the most
 * @param run what runs a scenario; default: `simulate`
 * @returns the smallest scenario that was found; the given one when it does not fail
 */
export async function shrink(
  scenario: Scenario,
  maxRuns: number,
  run: (scenario: Scenario) => Promise<{ readonly violations: readonly string[] }> = simulate,
): Promise<Shrunk> {
  let { violations } = await run(scenario);
  let best = scenario;
  let runs = 1;
  const wanted = kindOf(violations);
  if (violations.length === 0) return { scenario, violations, runs };
  const fails = async (candidate: Scenario): Promise<boolean> => {
    runs++;
    const result = await run(candidate);
    if (result.violations.length === 0 || kindOf(result.violations) !== wanted) return false;
    best = candidate;
    violations = result.violations;
    return true;
  };
  for (let isSmaller = true; isSmaller && runs < maxRuns;) {
    isSmaller = false;
    for (const list of LISTS) {
      // What is left when `size` items at a time are taken away.
      for (let size = best[list].length; size >= 1; size = Math.floor(size / 2)) {
        for (let from = 0; from < best[list].length && runs < maxRuns;) {
          const left = [...best[list].slice(0, from), ...best[list].slice(from + size)];
          const isAllowed = left.length > 0 || (list !== 'sources' && list !== 'starts');
          if (isAllowed && (await fails({ ...best, [list]: left }))) isSmaller = true;
          else from += size;
        }
      }
    }
    for (const endMs of [best.endMs / 2, best.endMs * 0.8]) {
      if (runs < maxRuns && (await fails({ ...best, endMs: Math.ceil(endMs) }))) isSmaller = true;
    }
  }
  return { scenario: best, violations, runs };
}

/** The scenario as a short script for people. */
export function describeScenario({
  parts,
  sources,
  arrivals,
  faults,
  failing,
  fixed,
  starts,
  endMs,
}: Scenario): string {
  return [
    `sources ${sources.join(', ')}; parts ${parts.join(', ') || 'none'}; ends at ${endMs} ms`,
    `options ${JSON.stringify(fixed)}`,
    ...starts.map((options, i) => `start ${i} of every ${starts.length}: ${JSON.stringify(options)}`),
    ...arrivals.map(arrival => `arrival ${JSON.stringify(arrival)}`),
    ...failing.map(([ms, step]) => `batch at ${ms} ms fails: ${step}`),
    ...faults.map(fault => `fault ${JSON.stringify(fault)}`),
  ].join('\n');
}
