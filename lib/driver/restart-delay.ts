/**
 * How long a slot waits before it starts a thread again: not at all after the first losses, then longer and longer, so
 * that a thread which dies whenever it is asked something does not take a core for its starts alone.
 *
 *   losses in a row    1  2  3  4   5    6    7    8 ...
 *   wait, ms           0  0  0  50  100  200  400  500
 */
const FREE_LOSSES = 3;
const FIRST_MS = 50;
const MOST_MS = 500;

/** @param losses threads that the slot lost since one of them did what it was asked */
export const restartDelayMs = (losses: number): number =>
  losses <= FREE_LOSSES ? 0 : Math.min(MOST_MS, FIRST_MS * 2 ** (losses - FREE_LOSSES - 1));
