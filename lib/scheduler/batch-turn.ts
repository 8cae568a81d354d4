import type { BatchFailure } from './batch.js';

/** When a batch that is computed beside others may do what has an order: read and change state, and end. */
export interface BatchTurn {
  /** Whether all batches before it have ended and their changes of state are in the tables. */
  isTurn(): boolean;
}

/** Of a batch that is alone. */
export const ALWAYS: BatchTurn = { isTurn: () => true };

/** A batch that is being computed, as the one who started it sees it. */
export interface BatchComputation {
  /** Its outcome is not wanted any more: it ends soon, with a failure of kind `cancelled` if it had not ended. */
  cancel(): void;
  /** Has its changes of state applied, once it is computed; `done` comes once, with what went wrong. */
  apply(done: (failure: BatchFailure | undefined) => void): void;
}
