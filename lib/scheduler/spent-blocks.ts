/**
 * Blocks of a batch that nothing needs any more before the batch is committed. Each function takes them out of the tasks'
 * results and leaves them to the caller to release: an address may be another block's by the time the batch ends.
 */
import type { BlockRef } from '../protocol/messages.js';
import type { Applying, Task } from './batch-task.js';

/** What was shuffled, once every task is accepted. */
export function takeShuffles(tasks: readonly Task[]): BlockRef[] {
  const taken: BlockRef[] = [];
  for (const task of tasks) {
    if (task.result === undefined) continue;
    for (const refs of Object.values(task.result.shuffles)) for (const ref of refs) if (ref !== null) taken.push(ref);
    task.result = { ...task.result, shuffles: {} };
  }
  return taken;
}

/** A change of state that is in its table. */
export function takeDelta(tasks: readonly Task[], { operator, delta }: Applying): BlockRef[] {
  for (const task of tasks) {
    const { result } = task;
    const change = result?.deltas[operator];
    if (result === undefined || change === undefined || change.delta !== delta) continue;
    task.result = { ...result, deltas: { ...result.deltas, [operator]: { ...change, delta: null } } };
    return [delta];
  }
  return [];
}
