/**
 * Blocks of a batch that nothing needs any more before the batch is committed. Each function takes them out of the tasks'
 * results and leaves them to the caller to release: an address may be another block's by the time the batch ends.
 */
import type { BlockRef } from '../protocol/messages.js';
import type { Task } from './batch-task.js';

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
