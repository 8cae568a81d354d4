import { EngineError } from '../core/errors.js';
import type { StateChange, StateUpgrade } from '../core/state-change.js';
import type { LoadedCheckpoint } from './load-checkpoint.js';
import type { FormerOperator, OperatorInfo } from './manifest.js';
import { decideChange } from './state-change.js';
import { definitionOf } from './state-definition.js';

/** Which pieces of state have to be changed while they are loaded, and how. */
export interface MatchedOperators {
  readonly warnings: readonly string[];
  /** By operator, then by the definition that pieces carry; empty text: those that carry none. */
  readonly changes: ReadonlyMap<string, ReadonlyMap<string, StateChange>>;
  /** What those pieces are of, for the manifest. */
  readonly former: readonly FormerOperator[];
}

/**
 * Compares the operators of a job with those whose state a checkpoint holds; they belong together by id. A new operator
 * starts empty. State of another definition is changed where that can be done exactly, see `state-change.ts`.
 *
 * @param upgrades what the job says of earlier states, by operator
 * Throws `checkpointForeign` with both sides, line by line, and the cure.
 */
export function matchOperators(
  directory: string,
  loaded: LoadedCheckpoint,
  operators: readonly OperatorInfo[],
  upgrades: ReadonlyMap<string, StateUpgrade> = new Map(),
): MatchedOperators {
  const { manifest } = loaded;
  const inJob = new Map(operators.map(operator => [operator.id, operator]));
  const inCheckpoint = new Set(manifest.operators.map(({ id }) => id));
  const differences: string[] = [];
  const drops = new Set<string>();
  const notes = new Set<string>();
  const changes = new Map<string, Map<string, StateChange>>();
  const former: FormerOperator[] = [];
  for (const { id, definition } of definitionsWithState(loaded)) {
    const now = inJob.get(id);
    if (now !== undefined && definition === definitionOf(now)) continue;
    const before = definitionIn(loaded, id, definition);
    const refuse = (...reasons: readonly string[]): void => {
      drops.add(id);
      const was = before === undefined ? `another definition (${definition})` : describeOperator(before);
      const is = now === undefined ? 'no operator with this id' : describeOperator(now);
      differences.push(`  ${id}`, `    checkpoint: ${was}`, `    job:        ${is}`, ...reasons.map(r => `    - ${r}`));
      differences.push(...meanings(before, now));
    };
    if (now === undefined) {
      refuse();
      continue;
    }
    if (before === undefined) {
      refuse('a later version of the job wrote some of it, whose definition was in a file that is damaged');
      continue;
    }
    const decision = decideChange(before, now, upgrades.get(id));
    if (!decision.fits) {
      refuse(...decision.reasons);
      continue;
    }
    // Pieces that carry nothing are of whatever the manifest says the operator is.
    if (decision.change !== undefined || definition !== '') former.push({ ...before, definition });
    if (decision.change === undefined) continue;
    notes.add(`the state of operator '${id}' is taken over: (${before.values}) becomes (${now.values})`);
    for (const note of decision.notes) notes.add(`the state of operator '${id}': ${note}`);
    const own = changes.get(id) ?? new Map<string, StateChange>();
    changes.set(id, own.set(definition, decision.change));
  }
  const added = operators.filter(({ id }) => !inCheckpoint.has(id)).map(({ id }) => id);
  if (differences.length > 0) {
    const hint = added.length > 0 ? `\n  only in the job: ${added.join(', ')}` : '';
    const cures = [...drops].map(
      id => `\n  sluice checkpoint drop-operator ${shell(directory)} --operator ${shell(id)}`,
    );
    throw new EngineError(
      'checkpointForeign',
      `the checkpoint in ${directory} holds state that does not fit job '${manifest.job}' any more:\n` +
        `${differences.join('\n')}${hint}\n` +
        `give an operator that moved its old id, or start with a new checkpoint directory, or go on without that state:${cures.join('')}`,
    );
  }
  const empty = added.map(id => `operator '${id}' is not in the checkpoint: it starts without state`);
  return { warnings: [...notes, ...empty], changes, former };
}

/** `aggregate by user utf8 of n int64`. */
export function describeOperator({ kind, keys, values, version }: OperatorInfo): string {
  const text = `${kind} by ${keys === '' ? 'nothing' : keys} of ${values === '' ? 'nothing' : values}`;
  return version === undefined ? text : `${text}, version ${version}`;
}

/** What a definition was that pieces of an operator carry; undefined where the manifest does not know it. */
export function definitionIn(
  { manifest }: Pick<LoadedCheckpoint, 'manifest'>,
  id: string,
  definition: string,
): OperatorInfo | undefined {
  const former = manifest.former?.find(operator => operator.id === id && operator.definition === definition);
  if (former !== undefined) {
    const { definition: _, ...info } = former;
    return info;
  }
  const last = manifest.operators.find(operator => operator.id === id);
  return last !== undefined && (definition === '' || definition === definitionOf(last)) ? last : undefined;
}

/** In the order of the checkpoint's operators, each definition once. */
function definitionsWithState({ manifest, batches }: LoadedCheckpoint): { id: string; definition: string }[] {
  const found = new Map<string, Set<string>>(manifest.operators.map(({ id }) => [id, new Set()]));
  const add = (id: string, definition = ''): void => {
    found.set(id, (found.get(id) ?? new Set()).add(definition));
  };
  for (const { operator, numRows, definition } of manifest.snapshots) if (numRows > 0) add(operator, definition);
  for (const { deltas } of batches) for (const { operator, definition } of deltas) add(operator, definition);
  return [...found].flatMap(([id, definitions]) => [...definitions].map(definition => ({ id, definition })));
}

/** Lines of the aggregates that mean something else now. */
function meanings(before: OperatorInfo | undefined, now: OperatorInfo | undefined): string[] {
  const [was, is] = [before?.aggregates ?? {}, now?.aggregates ?? {}];
  const changed = Object.keys(is).filter(name => Object.hasOwn(was, name) && was[name] !== is[name]);
  return changed.flatMap(name => [`    checkpoint: ${name} = ${was[name]}`, `    job:        ${name} = ${is[name]}`]);
}

const shell = (text: string): string => (/^[\w./@%+=:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
