import { BlockDamaged } from '../blocks/block-damaged.js';
import type { BlockRef } from '../protocol/messages.js';
import type { TaskContext } from './task-context.js';

/** A block that the task cannot go on without is missing or damaged; the driver has it computed again. */
export class BlockLost extends Error {
  readonly blockId: string;

  constructor(block: BlockRef, cause: unknown) {
    super(`block_${block.slot}_${block.address} cannot be read`, { cause });
    this.blockId = `block_${block.slot}_${block.address}`;
  }
}

/** Reads one block, wherever it lies; damage becomes `BlockLost`. */
export function readBlock<T>(ctx: TaskContext, block: BlockRef, read: (bytes: Uint8Array) => T): T {
  try {
    return read(ctx.bytesOf(block));
  } catch (error) {
    if (error instanceof BlockDamaged) throw new BlockLost(block, error);
    throw error;
  }
}
