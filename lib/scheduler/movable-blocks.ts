import type { Stage } from '../plan/stages.js';
import type { BlockRef, TaskResult } from '../protocol/messages.js';
import type { BlockUse } from './block-room.js';

/**
 * Blocks of an accepted result that may go to a file: what is shuffled, and rows that are kept. What sinks and the log
 * are about to write, and changes of state, are read in place.
 */
export function movableBlocks(
  _stage: Stage,
  { shuffles, kept }: TaskResult,
): readonly (readonly [BlockRef, BlockUse])[] {
  const movable: [BlockRef, BlockUse][] = [];
  for (const refs of Object.values(shuffles))
    for (const block of refs) if (block !== null) movable.push([block, 'shuffled']);
  for (const parts of Object.values(kept))
    for (const { block } of parts) if (block !== null) movable.push([block, 'kept']);
  return movable;
}
