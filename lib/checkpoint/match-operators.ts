import { EngineError } from '../core/errors.js';
import type { LoadedCheckpoint } from './load-checkpoint.js';
import type { OperatorInfo } from './manifest.js';

/**
 * Compares the operators of a job with those whose state a checkpoint holds; they belong together by id. A new operator
 * starts empty; one that is gone, or whose kind or columns changed, must not have state.
 *
 * @returns warnings; throws `checkpointForeign` with both sides, line by line, and the cure
 */
export function matchOperators(
  directory: string,
  loaded: LoadedCheckpoint,
  operators: readonly OperatorInfo[],
): string[] {
  const { manifest } = loaded;
  const stateful = operatorsWithState(loaded);
  const inJob = new Map(operators.map(operator => [operator.id, operator]));
  const inCheckpoint = new Map(manifest.operators.map(operator => [operator.id, operator]));
  const differences: string[] = [];
  for (const operator of manifest.operators) {
    if (!stateful.has(operator.id)) continue;
    const now = inJob.get(operator.id);
    if (now !== undefined && describeOperator(now) === describeOperator(operator)) continue;
    differences.push(
      `  ${operator.id}`,
      `    checkpoint: ${describeOperator(operator)}`,
      `    job:        ${now === undefined ? 'no operator with this id' : describeOperator(now)}`,
    );
  }
  const added = operators.filter(operator => !inCheckpoint.has(operator.id)).map(operator => operator.id);
  if (differences.length > 0) {
    const hint = added.length > 0 ? `\n  only in the job: ${added.join(', ')}` : '';
    throw new EngineError(
      'checkpointForeign',
      `the checkpoint in ${directory} holds state that does not fit job '${manifest.job}' any more:\n` +
        `${differences.join('\n')}${hint}\n` +
        `give the operator its old id and columns, or start with a new checkpoint directory`,
    );
  }
  return added.map(id => `operator '${id}' is not in the checkpoint: it starts without state`);
}

/** `aggregate by user utf8 of n int64`. */
export function describeOperator({ kind, keys, values }: OperatorInfo): string {
  return `${kind} by ${keys === '' ? 'nothing' : keys} of ${values === '' ? 'nothing' : values}`;
}

function operatorsWithState({ manifest, batches }: LoadedCheckpoint): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { operator, numRows } of manifest.snapshots) if (numRows > 0) ids.add(operator);
  for (const { deltas } of batches) for (const { operator } of deltas) ids.add(operator);
  return ids;
}
