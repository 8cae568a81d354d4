/** Says what a run that was crashed left otherwise than one that never failed: as multisets, and key by key in order. */
import type { Left } from './crash-world.js';
import { countsOf, difference } from './kill-runs.js';

/** Sentences; none where nothing differs. @param isNumbered lines are `key number`, and each key's numbers count up by one */
export function problemsOf(left: Left, clean: Left, isNumbered: boolean): string[] {
  const problems: string[] = [];
  const names = new Set([...Object.keys(left.outputs), ...Object.keys(clean.outputs)]);
  for (const name of names) compare(name, left.outputs[name] ?? [], clean.outputs[name] ?? [], problems);
  compare('dead letters', left.deadLetters, clean.deadLetters, problems);
  compare('state', left.state, clean.state, problems);
  if (isNumbered) problems.push(...sequenceProblems(left.lines));
  return problems;
}

function compare(what: string, found: readonly string[], wanted: readonly string[], problems: string[]): void {
  const different = difference(countsOf(found), countsOf(wanted));
  if (different !== '') problems.push(`${what}: ${different}`);
}

/** Each key's numbers must be 1, 2, 3 and so on. Lines of another form count for nothing. */
export function sequenceProblems(lines: readonly string[]): string[] {
  const last = new Map<string, number>();
  return lines.flatMap((line, at) => {
    const match = /^"?(\w+) (\d+)"?$/.exec(line);
    if (match === null) return [];
    const [, key = '', number] = match;
    const before = last.get(key) ?? 0;
    last.set(key, Number(number));
    return Number(number) === before + 1 ? [] : [`line ${at} is number ${number} of key ${key}, after ${before}`];
  });
}
