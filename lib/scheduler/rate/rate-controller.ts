/**
 * The rate limit of one source: learns from each of its batches, and bounds the next.
 *
 * The limit follows the estimator, but for two things.
 *
 * The estimator gives nothing before the second batch. Where the first one takes longer than it covers, the limit is at
 * once what that one was processed at: the third is planned before the second is done, and would hold all that came
 * while the first was computed.
 *
 * A batch that took all the source had, fewer records than it might have, and kept up, says nothing against the limit:
 * its few records share the fixed cost of a batch, so their processing rate is low however much the job could do. After
 * such a batch the limit may rise and never falls. Otherwise a quiet night would leave a limit that the morning has to
 * work up from.
 *
 * Some sources plan in bytes. For them the limit is multiplied by the bytes of a record, a figure that runs with the
 * batches and is in the checkpoint; until the first batch has shown it, a record counts ASSUMED_RECORD_BYTES.
 */
import type { Json } from '../../core/json.js';
import type { PidRateEstimator, PidState } from './pid-rate-estimator.js';

export interface RateControllerOptions {
  /** Undefined: nothing is learned, only `maxRate` holds. */
  readonly estimator: PidRateEstimator | undefined;
  /** Records per second, until the first estimate; undefined = no limit. */
  readonly initialRate: number | undefined;
  /** Records per second at the most, whatever is learned; undefined = no such bound. */
  readonly maxRate: number | undefined;
  /** Takes the limit in force, first when the controller starts; undefined = no limit. */
  readonly onLimit: (recordsPerSecond: number | undefined) => void;
}

/** What one batch of the source may hold. */
export interface PlanBounds {
  readonly maxBytes: number;
  readonly maxRecords: number;
}

/** How a batch went, as far as one source can learn from it. */
export interface RateObservation {
  /** Epoch ms. */
  readonly completedMs: number;
  /** How much time the batch covered. */
  readonly spanMs: number;
  /** Of this source. */
  readonly numRecords: number;
  readonly numBytes: number;
  /** Of the whole batch, all sources together. */
  readonly processingMs: number;
  readonly schedulingDelayMs: number;
}

/** What a restart goes on with. */
interface RateState {
  readonly rate: number | null;
  readonly bytesPerRecord: number | null;
  readonly pid: PidState | null;
}

/** Few, so that the first batch is too small rather than too large. */
const ASSUMED_RECORD_BYTES = 16;
/** How much the last batch counts for the running size of a record. */
const NEW_SIZE_WEIGHT = 0.3;
/** Below this part of what it might have had, a batch was not limited; a plan cut between two records is a little short. */
const NOT_LIMITED = 0.9;

export class RateController {
  readonly #options: RateControllerOptions;
  /** Undefined until the first estimate. */
  #learned: number | undefined;
  #bytesPerRecord: number | undefined;
  /** Its plans say how many records there will be. */
  #countsRecords = false;
  #told: number | undefined;

  constructor(options: RateControllerOptions) {
    this.#options = options;
  }

  /** Records per second; undefined = no limit. */
  get limit(): number | undefined {
    const { estimator, initialRate, maxRate } = this.#options;
    const rate = this.#learned ?? (estimator === undefined ? undefined : initialRate);
    return rate === undefined || maxRate === undefined ? (rate ?? maxRate) : Math.min(rate, maxRate);
  }

  /** Tells the limit for the first time. */
  start(): void {
    this.#told = this.limit;
    this.#options.onLimit(this.#told);
  }

  /** What a batch that covers `spanMs` may hold: one record at the least. */
  bound(spanMs: number, { maxBytes, maxRecords }: PlanBounds): PlanBounds {
    const { limit } = this;
    if (limit === undefined) return { maxBytes, maxRecords };
    const records = Math.max(1, Math.floor((limit * spanMs) / 1000));
    const bytes = Math.ceil(records * (this.#bytesPerRecord ?? ASSUMED_RECORD_BYTES));
    return {
      maxBytes: this.#countsRecords ? maxBytes : Math.min(maxBytes, bytes),
      maxRecords: Math.min(maxRecords, records),
    };
  }

  /** @param numRecords of a plan: 0 where the source doesn't know before it reads */
  planned(numRecords: number): void {
    if (numRecords > 0) this.#countsRecords = true;
  }

  learn(observation: RateObservation): void {
    const { numRecords, numBytes } = observation;
    if (numRecords > 0) {
      const size = numBytes / numRecords;
      const last = this.#bytesPerRecord ?? size;
      this.#bytesPerRecord = last + NEW_SIZE_WEIGHT * (size - last);
    }
    this.#learnRate(observation);
    if (this.limit !== this.#told) this.start();
  }

  /** For the checkpoint; undefined while there is nothing to go on with. */
  get state(): Json | undefined {
    const pid = this.#options.estimator?.state;
    if (pid === undefined && this.#bytesPerRecord === undefined) return undefined;
    const state: RateState = {
      rate: this.#learned ?? null,
      bytesPerRecord: this.#bytesPerRecord ?? null,
      pid: pid ?? null,
    };
    return state as unknown as Json;
  }

  /** Goes on from the state of an earlier process, before `start`. What does not look like one is left alone. */
  restore(state: Json): void {
    const { rate, bytesPerRecord, pid } = (state ?? {}) as Partial<RateState>;
    if (isPositive(bytesPerRecord)) this.#bytesPerRecord = bytesPerRecord;
    const { estimator } = this.#options;
    if (estimator === undefined) return;
    if (isPositive(rate)) this.#learned = rate;
    if (pid && isPositive(pid.rate) && Number.isFinite(pid.timeMs) && Number.isFinite(pid.error)) {
      estimator.restore({ timeMs: pid.timeMs, rate: pid.rate, error: pid.error });
    }
  }

  #learnRate({ completedMs, spanMs, numRecords, processingMs, schedulingDelayMs }: RateObservation): void {
    const { estimator } = this.#options;
    if (estimator === undefined) return;
    const { limit } = this;
    const last = this.#learned;
    const isFirst = estimator.state === undefined;
    const estimate = estimator.compute(completedMs, numRecords, processingMs, schedulingDelayMs);
    // Done before the next one is due; a batch always starts a moment late.
    const keptUp = schedulingDelayMs + processingMs <= spanMs;
    const rate = isFirst && !keptUp ? estimator.rate : estimate;
    if (rate === undefined) return;
    const hadRoom = limit !== undefined && numRecords < (NOT_LIMITED * limit * spanMs) / 1000;
    this.#learned = keptUp && hadRoom && last !== undefined ? Math.max(last, rate) : rate;
    // The next estimate begins with the rate that is in force.
    const { state } = estimator;
    if (state !== undefined) estimator.restore({ ...state, rate: this.#learned });
  }
}

const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value > 0;
