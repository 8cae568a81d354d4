import { usesDisk } from '../core/storage-level.js';
import type { Stage } from '../plan/stages.js';
import type { BlockRef, TaskResult } from '../protocol/messages.js';
import type { BlockUse } from './block-room.js';

/**
 * Blocks of an accepted result that may go to a file: what is shuffled, and rows that are kept, but for those of a
 * storage level without a disk. What sinks and the log are about to write, and changes of state, are read in place.
 */
export function movableBlocks(
  { outputs }: Stage,
  { shuffles, kept }: TaskResult,
): readonly (readonly [BlockRef, BlockUse])[] {
  const movable: [BlockRef, BlockUse][] = [];
  for (const refs of Object.values(shuffles))
    for (const block of refs) if (block !== null) movable.push([block, 'shuffled']);
  for (const { id, operation } of outputs) {
    if (operation.kind === 'persist' && operation.level !== undefined && !usesDisk(operation.level)) continue;
    const use = operation.kind === 'foreachRdd' ? 'output' : 'kept';
    for (const { block } of kept[id] ?? []) if (block !== null) movable.push([block, use]);
  }
  return movable;
}
