/** What the tasks of windows have in common, whatever they keep. */
import type { WindowOperation } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import type { DeltaBlock, DeltaBuilder } from '../state/delta.js';
import type { StateTable } from '../state/state-table.js';
import type { Emit } from './row-operators.js';
import type { TaskContext } from './task-context.js';

/** One task of a window. */
export interface WindowTask {
  readonly ctx: TaskContext;
  readonly table: StateTable;
  readonly operation: WindowOperation;
  readonly blocks: readonly BlockRef[];
  readonly label: string;
  /** Where the rows go; undefined between two slides. */
  readonly emit: Emit | undefined;
}

/** Rows of a piece at the most, as long as the partition has key groups left: what is decoded in one go. */
const PIECE_ROWS = 4096;

/**
 * Into how many pieces rows without keys are cut, and the key group of the first; the others follow it. Pieces of
 * different batches begin at different key groups, so that none of these holds most of the window.
 */
export function piecesOf(table: StateTable, time: number, numRows: number): { numPieces: number; first: number } {
  const numGroups = table.to - table.from;
  const numPieces = Math.min(numGroups, Math.ceil(numRows / PIECE_ROWS));
  return { numPieces, first: table.from + (Math.floor(time / PIECE_ROWS) % (numGroups - numPieces + 1)) };
}

/** The change of state, undefined when there is none. */
export function finishDelta(ctx: TaskContext, delta: DeltaBuilder): DeltaBlock | undefined {
  const built = delta.finish();
  if (built.numChanged + built.numRemoved > 0) return built;
  ctx.memory.free(built.address);
  return undefined;
}
