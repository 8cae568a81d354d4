/**
 * What a batch costs whatever it holds, and what its records cost: an output may take 300 ms each time, and a tenth of
 * a millisecond for each row. Both are read off the last batches as a straight line by least squares,
 *
 *   processing time = fixed + records * time per record
 *
 * in which older batches count less and less. They are told apart because the estimator takes every delay for the
 * records' fault. Where the fixed part is most of an interval or more, each batch is as late as the one before, however
 * few records it has; fewer would be taken each time, down to the least rate, for nothing.
 *
 *   interval   |-------|-------|-------|-------|-------|-------|
 *   batch      [  fixed 1.5 intervals  |records  ]                 full: twice the fixed part, here 3 intervals
 *
 * So a batch should be an interval long, or twice its fixed part where that is longer: half of the time for records.
 */

/** How much a batch counts beside the one after it: about the last ten matter. */
const FORGETTING = 0.9;
/** Batches must differ in size by about a tenth before a line can be put through them. */
const MIN_VARIATION = 0.1;
/** A batch so many times longer or shorter than fixed and growing cost allow for shows that the job has changed. */
const CHANGED = 2;
/** Of a single batch no more than this part counts as fixed: a rate can't grow more than tenfold with one batch. */
const MAX_FIXED_PART = 0.9;

export class BatchCost {
  readonly #intervalMs: number;
  #weight = 0;
  #records = 0;
  #ms = 0;
  #recordsSquared = 0;
  #recordsTimesMs = 0;
  #fixedMs = 0;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** 0 until batches of different size were seen: till then all of the time is put down to records. */
  get fixedMs(): number {
    return this.#fixedMs;
  }

  /** How much time a batch should cover and, at the limit, take. */
  get fullMs(): number {
    return Math.max(this.#intervalMs, 2 * this.#fixedMs);
  }

  /** A batch without records or without time is left out: nothing was computed for it. */
  add(numRecords: number, processingMs: number): void {
    if (numRecords <= 0 || processingMs <= 0) return;
    const keep = this.#isLikeBefore(numRecords, processingMs) ? FORGETTING : 0;
    this.#weight = this.#weight * keep + 1;
    this.#records = this.#records * keep + numRecords;
    this.#ms = this.#ms * keep + processingMs;
    this.#recordsSquared = this.#recordsSquared * keep + numRecords * numRecords;
    this.#recordsTimesMs = this.#recordsTimesMs * keep + numRecords * processingMs;
    const meanRecords = this.#records / this.#weight;
    const meanMs = this.#ms / this.#weight;
    const variance = this.#recordsSquared / this.#weight - meanRecords * meanRecords;
    if (variance < (MIN_VARIATION * meanRecords) ** 2) return;
    const covariance = this.#recordsTimesMs / this.#weight - meanRecords * meanMs;
    const msPerRecord = Math.max(0, covariance / variance);
    this.#fixedMs = Math.max(0, meanMs - msPerRecord * meanRecords);
  }

  /**
   * How long the records of a batch took, over the part of a full batch that is theirs: what the estimator has to know
   * as processing delay, so that its processing rate is what full batches get through.
   */
  processingDelayOf(processingMs: number): number {
    const fixedMs = Math.min(this.#fixedMs, MAX_FIXED_PART * processingMs);
    const fullMs = Math.max(this.#intervalMs, 2 * fixedMs);
    return ((processingMs - fixedMs) * fullMs) / (fullMs - fixedMs);
  }

  /**
   * What of a wait the estimator has to know as scheduling delay. A full batch that is longer than an interval makes the
   * next one wait, which is as it should be. The rest is brought down to an interval of the size that the estimator
   * counts with: the batch after this one covers all the time until the first tick after this one's start.
   */
  schedulingDelayOf(waitedMs: number): number {
    const excessMs = Math.max(0, waitedMs - (this.fullMs - this.#intervalMs));
    return excessMs / (Math.floor(waitedMs / this.#intervalMs) + 1);
  }

  /** Whether the batch lies between as long as the others and as much longer as it is larger, give or take. */
  #isLikeBefore(numRecords: number, processingMs: number): boolean {
    if (this.#weight === 0) return true;
    const meanMs = this.#ms / this.#weight;
    const inProportion = (this.#ms / this.#records) * numRecords;
    return (
      processingMs <= CHANGED * Math.max(meanMs, inProportion) &&
      processingMs >= Math.min(meanMs, inProportion) / CHANGED
    );
  }
}
