/**
 * Which batches are so small that their tasks go to one worker in one request: what the other workers would save is less
 * than the messages cost. Whether a batch is one changes how it is computed and never what comes of it.
 *
 * What its source planned says how much there is to read, not how long the job takes for it: a function that waits for a
 * service, or a state that is gone over as a whole, wants all workers for a few records too. So batches count as small
 * only while they turn out to be quick; one slow batch is an accident, a second one in a row is not.
 */
import type { Batch, BatchResult } from './batch.js';

export interface SmallBatchLimits {
  /** Records that are planned, where the source knows; 0: no batch is small. */
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/** Milliseconds of work in the workers up to which a batch is quick: a few times what a round trip to them takes. */
const QUICK_MS = 4;
const SLOW_IN_A_ROW = 2;

export class SmallBatches {
  readonly #limits: SmallBatchLimits;
  #slowInARow = 0;

  constructor(limits: SmallBatchLimits) {
    this.#limits = limits;
  }

  /** A batch that an earlier process planned is of unknown size, and not small. */
  isSmall({ size }: Batch): boolean {
    const { maxRecords, maxBytes } = this.#limits;
    if (size === undefined || maxRecords === 0 || this.#slowInARow >= SLOW_IN_A_ROW) return false;
    return size.records <= maxRecords && size.bytes <= maxBytes;
  }

  /** Takes note of a batch that was computed, small or not. */
  note({ runMs }: BatchResult): void {
    this.#slowInARow = runMs <= QUICK_MS ? 0 : this.#slowInARow + 1;
  }
}
