/**
 * Backpressure: a controller for each source, fed by every batch that is committed.
 *
 *   plan(t)     records of each source <= its limit * (t - batch before), at the most for a full batch
 *   commit(t)   outputs in place -> learn from t -> commit record, with the controllers' states
 *
 * What the estimator is fed keeps the meaning it has in Spark, where batches of one interval queue up. Here they are
 * merged: one batch waits at the most, and the next covers all the time since.
 * - Processing delay: the longer of computing and of putting out. Batch t + 1 is computed while t is put out, so the
 *   slower of the two decides how much gets through. Where batches are computed beside each other, the computing of one
 *   counts from the end of the one before. The waits for the log and for snapshots are in neither.
 * - Scheduling delay: from when the batch was due until its computing began.
 * - Of both, what the records are to blame for, and how long a full batch is, says batch-cost.ts. The limit counts no
 *   more time than that for a batch: otherwise one that took ten intervals would be followed by one of ten intervals'
 *   records, for ever.
 *
 * A drain has no time to keep: there nothing is limited and nothing learned, and what was learned before stays.
 */
import type { Json } from '../../core/json.js';
import type { Batch, BatchResult } from '../batch.js';
import { BatchCost } from './batch-cost.js';
import { PidRateEstimator } from './pid-rate-estimator.js';
import { RateController, type PlanBounds } from './rate-controller.js';

/** The engine's options about rates; 0 = no such limit. */
export interface RateSettings {
  readonly intervalMs: number;
  readonly backpressure: boolean;
  readonly initialRate: number;
  readonly maxRatePerSource: number;
  readonly pidMinRate: number;
  readonly pidProportional: number;
  readonly pidIntegral: number;
  readonly pidDerivative: number;
}

/** As much of a source as its limit needs. */
export interface LimitedSource {
  readonly id: string;
  /** Records per second that the job gives the source at the most. */
  readonly maxRate?: number;
  setRateLimit?(recordsPerSecond: number | undefined): void;
}

export interface RateControllersOptions {
  readonly settings: RateSettings;
  readonly sources: readonly LimitedSource[];
  readonly mode: 'clock' | 'drain';
  readonly now: () => number;
  /** By source id, what `state` gave at the last commit of an earlier process. */
  readonly restored: RateStates;
}

export type RateStates = { readonly [source: string]: Json };

/** When things happened to a batch, by the engine's clock. */
export interface BatchTiming {
  readonly startedMs: number;
  readonly computedMs: number;
  /** Its outputs began to be put out. */
  readonly outputsFromMs: number;
}

export class RateControllers {
  readonly #options: RateControllersOptions;
  readonly #controllers: ReadonlyMap<string, RateController>;
  readonly #cost: BatchCost;
  #lastComputedMs = Number.NEGATIVE_INFINITY;

  constructor(options: RateControllersOptions) {
    this.#options = options;
    this.#cost = new BatchCost(options.settings.intervalMs);
    this.#controllers = new Map(options.sources.map(source => [source.id, makeController(options, source)]));
  }

  now(): number {
    return this.#options.now();
  }

  /** Tells every source its limit, before the first plan. */
  start(): void {
    for (const controller of this.#controllers.values()) controller.start();
  }

  /** What the batch may take of a source. */
  bound(source: string, { time, previousTime }: Pick<Batch, 'time' | 'previousTime'>, bounds: PlanBounds): PlanBounds {
    if (this.#options.mode === 'drain') return bounds;
    return this.#controllers.get(source)?.bound(this.#spanOf(time, previousTime), bounds) ?? bounds;
  }

  /** @param numRecords of the plan, 0 where the source doesn't know */
  planned(source: string, numRecords: number): void {
    this.#controllers.get(source)?.planned(numRecords);
  }

  /** The outputs of the batch are in place. One that an earlier process planned was bounded and due by other measures. */
  learn(batch: Batch, result: BatchResult, timing: BatchTiming): void {
    if (this.#options.mode === 'drain' || batch.rerun) return;
    const completedMs = this.now();
    const { startedMs, computedMs, outputsFromMs } = timing;
    const computeMs = computedMs - Math.max(startedMs, this.#lastComputedMs);
    this.#lastComputedMs = Math.max(computedMs, this.#lastComputedMs);
    const processingMs = Math.max(computeMs, completedMs - outputsFromMs);
    this.#cost.add(result.inputRecords, processingMs);
    const waitedMs = Math.max(0, startedMs - batch.dueMs);
    for (const [id, controller] of this.#controllers) {
      controller.learn({
        completedMs,
        spanMs: this.#spanOf(batch.time, batch.previousTime),
        numRecords: result.recordsBySource.get(id) ?? 0,
        numBytes: result.bytesBySource.get(id) ?? 0,
        processingMs: this.#cost.processingDelayOf(processingMs),
        schedulingDelayMs: this.#cost.schedulingDelayOf(waitedMs),
      });
    }
  }

  /** The limits in force, in records per second; a source without one is not in it. */
  get limits(): { readonly [source: string]: number } {
    if (this.#options.mode === 'drain') return {};
    const limits = [...this.#controllers].flatMap(([id, { limit }]) => (limit === undefined ? [] : [[id, limit]]));
    return Object.fromEntries(limits) as { readonly [source: string]: number };
  }

  /** For the checkpoint; undefined while there is nothing in it. */
  get state(): RateStates | undefined {
    if (this.#options.mode === 'drain') return hasEntries(this.#options.restored);
    const states = [...this.#controllers].map(([id, { state }]): [string, Json | undefined] => [id, state]);
    return hasEntries(Object.fromEntries(states.filter((entry): entry is [string, Json] => entry[1] !== undefined)));
  }

  /** How much time the limit counts for a batch: no more than a batch should take, however long none was planned. */
  #spanOf(time: number, previousTime: number): number {
    return Math.min(time - previousTime, this.#cost.fullMs);
  }
}

function makeController({ settings, restored, mode }: RateControllersOptions, source: LimitedSource): RateController {
  const { intervalMs, backpressure, initialRate, pidProportional, pidIntegral, pidDerivative, pidMinRate } = settings;
  const isLimited = mode === 'clock';
  const maxRate = Math.min(settings.maxRatePerSource || Infinity, source.maxRate ?? Infinity);
  const controller = new RateController({
    estimator:
      backpressure && isLimited
        ? new PidRateEstimator(intervalMs, pidProportional, pidIntegral, pidDerivative, pidMinRate)
        : undefined,
    initialRate: initialRate || undefined,
    maxRate: isLimited && maxRate < Infinity ? maxRate : undefined,
    onLimit: limit => source.setRateLimit?.(limit),
  });
  const state = restored[source.id];
  if (state !== undefined) controller.restore(state);
  return controller;
}

const hasEntries = (states: RateStates): RateStates | undefined =>
  Object.keys(states).length === 0 ? undefined : states;
