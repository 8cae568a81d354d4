/**
 * Spark's PIDRateEstimator: how many records per second a source should give, from how the last batches went.
 *
 *   processing rate   records of the batch / its processing delay
 *   error             rate before - processing rate
 *   historical error  scheduling delay * processing rate / batch interval: the records that piled up meanwhile
 *   change of error   (error - error before) / time since the last update
 *
 *   new rate = rate before - proportional * error - integral * historical error - derivative * change of error
 *
 * and never below the least rate. With the default gains (1, 0.2, 0) the rate is what the last batch was processed at,
 * less a fifth of what waited.
 */
import { EngineError } from '../../core/errors.js';

/** What the estimator knows between two batches: data, for the checkpoint. */
export interface PidState {
  /** Epoch ms of the last update. */
  readonly timeMs: number;
  /** Records per second. */
  readonly rate: number;
  /** Records per second that the rate before was above the processing rate. */
  readonly error: number;
}

export class PidRateEstimator {
  readonly #batchIntervalMs: number;
  readonly #proportional: number;
  readonly #integral: number;
  readonly #derivative: number;
  readonly #minRate: number;
  #state: PidState | undefined;

  /**
   * @param batchIntervalMs above 0
   * @param proportional not negative, as are the other two gains
   * @param minRate records per second, above 0
   * Throws `optionInvalid`.
   */
  constructor(batchIntervalMs: number, proportional: number, integral: number, derivative: number, minRate: number) {
    requireThat(batchIntervalMs > 0, 'a batch interval above 0 ms', batchIntervalMs);
    requireThat(proportional >= 0, 'a proportional gain of 0 or more', proportional);
    requireThat(integral >= 0, 'an integral gain of 0 or more', integral);
    requireThat(derivative >= 0, 'a derivative gain of 0 or more', derivative);
    requireThat(minRate > 0, 'a least rate above 0 records per second', minRate);
    this.#batchIntervalMs = batchIntervalMs;
    this.#proportional = proportional;
    this.#integral = integral;
    this.#derivative = derivative;
    this.#minRate = minRate;
  }

  /** Undefined before the first batch with records. */
  get state(): PidState | undefined {
    return this.#state;
  }

  /** What the next estimate begins with, not below the least rate; undefined before the first batch with records. */
  get rate(): number | undefined {
    return this.#state && Math.max(this.#minRate, this.#state.rate);
  }

  /** Goes on from a state: of another process, or with another rate than its own. */
  restore(state: PidState): void {
    this.#state = state;
  }

  /**
   * @param timeMs when the batch was completed, epoch ms
   * @param numElements records of the source in it
   * @returns the new rate in records per second; undefined for the first batch, which is only remembered, and for one
   *   without records, without a processing delay, or not later than the one before, which says nothing
   */
  compute(
    timeMs: number,
    numElements: number,
    processingDelayMs: number,
    schedulingDelayMs: number,
  ): number | undefined {
    const last = this.#state;
    if (!(numElements > 0 && processingDelayMs > 0 && timeMs > (last?.timeMs ?? Number.NEGATIVE_INFINITY))) {
      return undefined;
    }
    const processingRate = (numElements / processingDelayMs) * 1000;
    if (last === undefined) {
      this.#state = { timeMs, rate: processingRate, error: 0 };
      return undefined;
    }
    const error = last.rate - processingRate;
    const historicalError = (schedulingDelayMs * processingRate) / this.#batchIntervalMs;
    const changeOfError = (error - last.error) / ((timeMs - last.timeMs) / 1000);
    const correction = this.#proportional * error + this.#integral * historicalError + this.#derivative * changeOfError;
    const rate = Math.max(this.#minRate, last.rate - correction);
    this.#state = { timeMs, rate, error };
    return rate;
  }
}

function requireThat(holds: boolean, wanted: string, got: number): void {
  if (!holds) throw new EngineError('optionInvalid', `the rate estimator wants ${wanted}, got ${got}`);
}
