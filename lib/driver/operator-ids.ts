/**
 * Gives operators without an id of their own the one that they had in the checkpoint: first by what leads to them, so that
 * other operators may come, go and change places; then, for those whose way was changed, by their order among their like.
 */
import type { DerivedOperator } from '../api/operator-path.js';
import type { OperatorInfo } from '../checkpoint/manifest.js';
import { EngineError } from '../core/errors.js';

export interface OperatorIds {
  /** By the id that an operator has in the job alone. */
  readonly ids: { readonly [derived: string]: string };
  readonly warnings: readonly string[];
}

/**
 * @param derived in the order of the job
 * @param given ids that the job gives itself
 * @param remembered of the checkpoint; those without a path are of before it was noted, and go by order
 * Throws `checkpointForeign` where several operators could be the one of the checkpoint.
 */
export function assignOperatorIds(
  derived: readonly DerivedOperator[],
  given: ReadonlySet<string>,
  remembered: readonly OperatorInfo[],
): OperatorIds {
  const ids = new Map<string, string>();
  const warnings: string[] = [];
  for (const name of new Set(derived.map(operator => operator.name))) {
    const own = derived.filter(operator => operator.name === name);
    const alike = remembered.filter(({ id, path }) => path !== undefined && !given.has(id) && isLike(id, name));
    const known = new Set(alike);
    for (const operator of own) {
      const found = [...known].find(({ path }) => path === operator.path);
      if (found === undefined) continue;
      known.delete(found);
      ids.set(operator.id, found.id);
    }
    const rest = own.filter(({ id }) => !ids.has(id));
    if (known.size > 0 && rest.length > 0 && rest.length !== known.size) throw ambiguous(rest, [...known]);
    if (known.size > 0 && rest.length > 1) warnings.push(byOrder(rest));
    const kept = [...known];
    rest.forEach((operator, i) => kept[i] !== undefined && ids.set(operator.id, kept[i].id));
    const taken = new Set([...given, ...ids.values(), ...remembered.map(({ id }) => id)]);
    for (const { id } of kept.length > 0 ? [] : rest) {
      // Of a checkpoint that has no paths.
      const isOld = remembered.some(operator => operator.id === id && operator.path === undefined);
      const free = isOld || !taken.has(id) ? id : freeName(name, taken);
      taken.add(free);
      ids.set(id, free);
    }
    for (const path of new Set(own.map(operator => operator.path))) {
      const same = own.filter(operator => operator.path === path);
      if (same.length > 1) warnings.push(byOrder(same));
    }
  }
  return { ids: Object.fromEntries([...ids].filter(([from, to]) => from !== to)), warnings: [...new Set(warnings)] };
}

const isLike = (id: string, name: string): boolean =>
  id === name || (id.startsWith(`${name}-`) && /^\d+$/.test(id.slice(name.length + 1)));

function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let n = 2;
  while (taken.has(`${name}-${n}`)) n++;
  return `${name}-${n}`;
}

const byOrder = (operators: readonly DerivedOperator[]): string =>
  `operators ${operators.map(({ id }) => `'${id}'`).join(' and ')} are told apart by their order in the job alone: ` +
  'give each an id before it changes';

function ambiguous(operators: readonly DerivedOperator[], known: readonly OperatorInfo[]): EngineError {
  const lines = [
    ...known.map(({ id, path }) => `  checkpoint: '${id}'  ${path}`),
    ...operators.map(({ path }) => `  job:        ${path}`),
  ];
  return new EngineError(
    'checkpointForeign',
    `of these operators of the job each could be one of the checkpoint's, for what leads to them was changed:\n${lines.join('\n')}\n` +
      `give the one whose state it is that id: { id: '${known[0]?.id}' }`,
    { detail: { operators: known.map(({ id }) => id) } },
  );
}
