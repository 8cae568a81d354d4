/**
 * A job as a formula, on a virtual clock: records arrive, a batch takes so long to compute and so long to put out, and
 * the real scheduler, committer and rate controllers cut and limit the batches.
 */
import type { Json } from '../../../lib/core/json.js';
import { VirtualClock } from '../../../lib/core/clock.js';
import { EngineError } from '../../../lib/core/errors.js';
import { resolveOptions, type DeclaredOptions } from '../../../lib/core/options.js';
import { BatchCommitter } from '../../../lib/scheduler/batch-committer.js';
import { BatchScheduler } from '../../../lib/scheduler/batch-scheduler.js';
import type { OutputPort, SourcePort } from '../../../lib/scheduler/ports.js';
import { RateControllers } from '../../../lib/scheduler/rate/rate-controllers.js';
import { turn } from '../../helpers/run-engine.js';
import { resultOf } from '../../helpers/scheduler-ports.js';

/** Milliseconds of a batch of so many records. */
export type Cost = (numRecords: number) => number;

export interface LoadModelOptions {
  readonly intervalMs: number;
  readonly options?: DeclaredOptions;
}

export interface ModelBatch {
  readonly time: number;
  readonly numRecords: number;
  /** From when it was due until its computing began. */
  readonly waitedMs: number;
  readonly completedMs: number;
  /** In force after it, records per second. */
  readonly limit: number | undefined;
}

const EPOCH_MS = 1_000_000;

export class LoadModel {
  readonly clock = new VirtualClock(EPOCH_MS);
  readonly batches: ModelBatch[] = [];
  /** Records per second that arrive from now on. */
  arriving = 0;
  compute: Cost = () => 1;
  output: Cost = () => 0;
  readonly #scheduler: BatchScheduler;
  #arrived = 0;
  #arrivedAtMs = EPOCH_MS;
  #taken = 0;
  #ended: unknown;

  constructor({ intervalMs, options = {} }: LoadModelOptions) {
    const { clock } = this;
    const job = { ...options, interval: intervalMs };
    const source: SourcePort = {
      id: 'source',
      plan: async ({ maxRecords }) => {
        const numRecords = Math.min(this.backlog, maxRecords);
        this.#taken += numRecords;
        const ranges: Json[] = numRecords > 0 ? [numRecords] : [];
        return { ranges, bytes: numRecords, records: numRecords, caughtUp: this.backlog === 0 };
      },
      commit: async () => undefined,
      state: () => null,
    };
    const output: OutputPort = {
      id: 'out',
      skipsEmpty: true,
      commit: async (_time, { collected }) => {
        await this.#pass(this.output(collected[0]?.numRows ?? 0));
        return undefined;
      },
    };
    const rates = new RateControllers({
      settings: resolveOptions({ job }).values,
      sources: [source],
      mode: 'clock',
      now: () => clock.now(),
      restored: {},
    });
    const committer = new BatchCommitter({
      log: undefined,
      sources: [source],
      outputs: [output],
      rates,
      deadLetters: undefined,
      bytesOf: () => new Uint8Array(0),
      sinks: {},
    });
    this.#scheduler = new BatchScheduler({
      clock,
      intervalMs,
      jitterOf: () => 0,
      concurrentJobs: 1,
      onBatchFailure: 'stop',
      wake: () => undefined,
      onSkipped: () => undefined,
      mode: 'clock',
      sources: [source],
      parallelism: 1,
      maxBatchBytes: Number.MAX_SAFE_INTEGER,
      maxBatchRecords: Number.MAX_SAFE_INTEGER,
      log: undefined,
      committer,
      rates,
      checkpointIntervalMs: 1e9,
      lastTime: undefined,
      lastCommitted: undefined,
      rerun: [],
      compute: (batch, done) => {
        const numRecords = Number(batch.ranges['source']?.[0] ?? 0);
        const bySource = new Map([['source', numRecords]]);
        const collected = new Map([['out', [{ numRows: numRecords, bytes: new Uint8Array(0) }]]]);
        const parts = { collected, inputRecords: numRecords, recordsBySource: bySource, bytesBySource: bySource };
        void this.#pass(numRecords === 0 ? 0 : this.compute(numRecords)).then(() => done(resultOf(parts)));
        return { cancel: () => undefined, apply: applied => applied(undefined) };
      },
      snapshot: async () => [],
      release: () => undefined,
      onCompleted: ({ batch, result, startedMs, completedMs }) =>
        this.batches.push({
          time: batch.time,
          numRecords: result.inputRecords,
          waitedMs: startedMs - batch.dueMs,
          completedMs,
          limit: rates.limits['source'],
        }),
      onCheckpoint: () => undefined,
      toError: ({ time }) => new EngineError('batchFailed', `batch ${time} failed`),
    });
    this.#scheduler.done.catch((error: unknown) => (this.#ended = error));
    this.#scheduler.start();
  }

  /** Records that arrived and are in no batch yet. */
  get backlog(): number {
    const nowMs = this.clock.now();
    this.#arrived += ((nowMs - this.#arrivedAtMs) * this.arriving) / 1000;
    this.#arrivedAtMs = nowMs;
    return Math.floor(this.#arrived) - this.#taken;
  }

  get limit(): number | undefined {
    return this.batches.at(-1)?.limit;
  }

  /** So many records more, at once. */
  add(numRecords: number): void {
    this.#arrived += numRecords;
  }

  /** Lets time pass. @returns the batches that were completed meanwhile */
  async run(ms: number): Promise<readonly ModelBatch[]> {
    const from = this.batches.length;
    const endMs = this.clock.now() + ms;
    await turn();
    for (let next = this.clock.nextTimerMs(); next !== undefined && next <= endMs; next = this.clock.nextTimerMs()) {
      // What arrived up to now counts by the rate that was, also when the spec changes it later.
      void this.backlog;
      this.clock.advanceTo(next);
      await turn();
      if (this.#ended !== undefined) throw this.#ended;
    }
    this.clock.advanceTo(endMs);
    void this.backlog;
    return this.batches.slice(from);
  }

  async stop(): Promise<void> {
    this.#scheduler.stop();
    await this.run(3_600_000);
    await this.#scheduler.done;
  }

  #pass(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise(resolve => this.clock.setTimer(this.clock.now() + ms, resolve));
  }
}
