/** When a batch that is computed beside others may do what has an order: read and change state, and end. */
export interface BatchTurn {
  /** Whether all batches before it have ended and their changes of state are in the tables. */
  isTurn(): boolean;
  /** Whether its own changes of state wait until it is committed. */
  readonly appliesLater: boolean;
}

/** Of a batch that is alone. */
export const ALWAYS: BatchTurn = { isTurn: () => true, appliesLater: false };
