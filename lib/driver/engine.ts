/**
 * One run of one job: constructs the parts and connects them. What differs between the machine and a spec (clock, file
 * system, task runner) is passed in.
 *
 *   sources --plan--> BatchScheduler --tasks--> SlotPool/TaskRunner (executors)
 *                         |      \---offsets--> checkpoint log
 *                         +--> BatchCommitter --> outputs, commit record
 */
import { assertNever } from '../core/assert-never.js';
import type { Clock } from '../core/clock.js';
import type { EngineOptions } from '../core/options.js';
import { allOutputs, openParts, type EngineParts } from './engine-parts.js';
import { EngineError, messageOf } from '../core/errors.js';
import { batchTime, formatDuration, type BatchTime } from '../core/time.js';
import type { CheckpointStore } from '../checkpoint/checkpoint-store.js';
import type { RunListener, RunSummary } from '../metrics/run-events.js';
import type { RunCounters } from './run-counters.js';
import { endsSlide } from '../plan/slides.js';
import { outputSlide } from '../plan/stages.js';
import type { SnapshotFileRef } from '../protocol/messages.js';
import { BatchCommitter, type CommitStep } from '../scheduler/batch-committer.js';
import type { BatchComputation } from '../scheduler/batch-turn.js';
import { BatchScheduler, previousTimeOf } from '../scheduler/batch-scheduler.js';
import type { Batch, BatchFailure, BatchResult } from '../scheduler/batch.js';
import { RateControllers } from '../scheduler/rate/rate-controllers.js';
import { jitterOf } from '../scheduler/jitter.js';
import { SmallBatches } from '../scheduler/small-batches.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import type { Speculation } from '../scheduler/speculation.js';
import { batchError } from './batch-error.js';
import type { BlockStore } from './block-store.js';
import { CachedRdds } from './cached-rdds.js';
import { computeBatch } from './compute-batch.js';
import { type OpenOutput } from './output-ports.js';
import { stateTimeoutMs, type EngineSettings, type EngineWorld } from './engine-settings.js';
import { type Recovery } from './recovery.js';
import { describeInputs } from './describe-inputs.js';
import { type ReceiverFolders } from './receiver-folders.js';
import type { Receivers } from './receivers.js';
import { KeptBatches } from './kept-batches.js';
import { type Source } from './source-ports.js';
import type { StateRooms } from './state-rooms.js';
import { snapshotState } from './snapshot-state.js';

export class Engine {
  readonly #pool: SlotPool;
  readonly #scheduler: BatchScheduler;
  readonly #committer: BatchCommitter;
  readonly #clock: Clock;
  readonly #sources: readonly Source[];
  readonly #outputs: readonly OpenOutput[];
  readonly #store: CheckpointStore | undefined;
  readonly #counters: RunCounters;
  readonly #kept: KeptBatches;
  readonly #listener: RunListener;
  readonly #receivers: Receivers;
  readonly #folders: ReceiverFolders;
  readonly #stateRooms: StateRooms;
  readonly #blockFiles: BlockStore;
  /** Settles when the run has ended and everything is closed. */
  readonly done: Promise<RunSummary>;
  #stopping = false;
  #aborted = false;
  /** Why the run ended before what was under way was done. */
  #abortError: EngineError | undefined;

  /** Opens the checkpoint, the sources and the outputs, restores the state, and starts cutting batches. */
  static async start(settings: EngineSettings, world: EngineWorld, runListener: RunListener): Promise<Engine> {
    return new Engine(await openParts(settings, world, runListener));
  }

  private constructor(parts: EngineParts) {
    const { settings, world, listener, pool, counters, recovery } = parts;
    const { options } = settings;
    this.#pool = pool;
    this.#sources = parts.sources;
    this.#outputs = allOutputs(parts.outputs, parts.deadLetters);
    this.#store = recovery.store;
    this.#counters = counters;
    this.#listener = listener;
    this.#receivers = parts.receivers;
    this.#folders = parts.folders;
    this.#stateRooms = parts.stateRooms;
    this.#blockFiles = parts.blockFiles;
    const ports = parts.sources.map(source => source.port);
    this.#clock = world.clock;
    const persisted = parts.compiled.plan.outputs.filter(({ operation }) => operation.kind === 'persist');
    const kept = new KeptBatches(
      pool,
      parts.rememberMs,
      persisted.map(({ id }) => id),
    );
    const caches = new CachedRdds();
    pool.onFull(() => kept.evictOldest() || caches.evictOldest());
    this.#kept = kept;
    const mode = settings.once ? 'drain' : 'clock';
    const rates = new RateControllers({
      settings: options,
      sources: parts.sources.filter(source => source.isLimited).map(source => source.port),
      mode,
      now: () => world.clock.now(),
      restored: recovery.rates,
    });
    const committer = new BatchCommitter({
      log: recovery.store,
      sources: ports,
      rates,
      outputs: parts.outputs.map(output => output.port),
      runs: (output, batch) =>
        endsSlide(outputSlide(parts.compiled, output), batch.time, batch.previousTime) &&
        !parts.planner.isAbsent(output, batch),
      onTurn: (batch, result) => {
        parts.jobs.accumulate(result.accumulated);
        kept.take(batch.time, result);
      },
      deadLetters: parts.deadLetters?.port,
      bytesOf: block => pool.bytesOf(block),
      partitions: parts.partitions,
      onStep: step => this.#tellStep(step, world.clock.now()),
      sinks: recovery.sinks,
      onBatchFailure: options.onBatchFailure,
    });
    this.#committer = committer;
    const runOptions = {
      maxTaskFailures: options.maxTaskFailures,
      taskTimeoutMs: options.taskTimeoutMs,
      ...(options.speculation === 'on' ? { speculation: speculationOf(options, world.clock, listener) } : {}),
      onRetry: (task: string, attempt: number, reason: string) =>
        listener({ kind: 'taskRetried', task, attempt, reason }),
      onTableSize: (operator: string, partition: number, numRows: number, changed: Uint32Array | undefined) => {
        counters.setTable(operator, partition, numRows);
        parts.changed.setRows(operator, partition, numRows);
        parts.changed.note(operator, partition, changed);
      },
    };
    const small = new SmallBatches({ maxRecords: options.smallBatchRecords, maxBytes: options.smallBatchBytes });
    parts.jobs.start({
      pool,
      options: runOptions,
      broadcastsAt: time => parts.planner.broadcastsAt(time),
      kept,
      caches,
      warn: message => listener({ kind: 'warning', message }),
    });
    this.#scheduler = new BatchScheduler({
      clock: world.clock,
      intervalMs: options.intervalMs,
      jitterOf: time => jitterOf(settings.job.name, time, options.jitterMs),
      mode,
      sources: ports,
      parallelism: options.workers,
      maxBatchBytes: options.maxBatchBytes,
      maxBatchRecords: options.maxBatchRecords,
      log: recovery.store,
      committer,
      rates,
      checkpointIntervalMs: parts.checkpointIntervalMs,
      changedBytes: () => parts.changed.changedBytes,
      lastTime: recovery.lastPlanned,
      lastCommitted: recovery.lastCommitted,
      rerun: parts.rerun.map(batch => {
        const previousTime = previousTimeOf(batch.time, batch.previousTime, options.intervalMs);
        return rerunOf(batch, previousTime, world.clock.now());
      }),
      concurrentJobs: options.concurrentJobs,
      onBatchFailure: options.onBatchFailure,
      compute: (batch, done, turn) => {
        const bound = parts.planner.bind(batch);
        if ('failure' in bound) {
          done(bound);
          return NOTHING_COMPUTED;
        }
        const ended = (outcome: BatchResult | BatchFailure): void => {
          if (!('failure' in outcome)) small.note(outcome);
          done(outcome);
        };
        const request = { batch, bound, pool, turn, options, listener, store: recovery.store };
        const run = { ...runOptions, isSmall: small.isSmall(batch) };
        return computeBatch({ ...request, run, release: result => kept.releaseOthers(result) }, ended);
      },
      wake: () => pool.offer(),
      snapshot: time => this.#snapshot(parts, time),
      release: result => kept.releaseOthers(result),
      onSubmitted: ({ time, submittedMs, ranges }) =>
        listener({ kind: 'batchSubmitted', time, submittedMs, inputs: describeInputs(ranges, parts.compiled.plan) }),
      onStarted: ({ time }, startedMs) => listener({ kind: 'batchStarted', time, startedMs }),
      onCompleted: completed =>
        listener({
          kind: 'batchCompleted',
          batch: {
            ...counters.complete(completed, settings.once),
            rateLimits: rates.limits,
            ...(pool.blockFigures && { blocks: pool.blockFigures }),
          },
        }),
      onCheckpoint: (time, bytes, tookMs) => {
        for (const { driver } of parts.sources) driver.checkpointed?.(batchTime(time));
        listener({ kind: 'checkpointWritten', time, bytes, tookMs });
      },
      toError: failure => {
        const error = batchError(failure, options.onBatchFailure === 'continue');
        // What an abort cancels has not failed.
        if (this.#aborted) return error;
        listener({
          kind: 'batchFailed',
          time: failure.time,
          failedMs: world.clock.now(),
          message: error.message,
          location: String(error.detail['place'] ?? ''),
        });
        return error;
      },
      onSkipped: (batch, step, error) => {
        counters.skip();
        if (step === 'commit') {
          const location = String(error.detail['place'] ?? '');
          listener({
            kind: 'batchFailed',
            time: batch.time,
            failedMs: world.clock.now(),
            message: error.message,
            location,
          });
        }
        listener({
          kind: 'warning',
          message: `${error.message}. Later batches go on without it (onBatchFailure: continue)`,
        });
      },
    });
    this.done = this.#run();
  }

  /**
   * Lets the batches under way finish and commits them, then ends; resolves when all is closed. Receivers stop first, and
   * what they have stored still comes into a batch.
   * @param timeoutMs after this the run is aborted, and `done` rejects with `stopTimeout`; without it there is no limit
   */
  async stop({ timeoutMs }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#stopping = true;
    const cancel =
      timeoutMs === undefined
        ? undefined
        : this.#clock.setTimer(this.#clock.now() + timeoutMs, () => void this.#giveUp(timeoutMs));
    await Promise.race([this.#receivers.stop(), this.done.catch(() => undefined)]);
    this.#scheduler.stop();
    await this.#ended();
    cancel?.();
  }

  /** Ends at once, as a crash would, but with threads and handles closed. What is not committed is done again by the next run. */
  async abort(): Promise<void> {
    await this.#abort(new EngineError('contextState', 'the run was aborted, and what was under way is cancelled'));
  }

  async #giveUp(timeoutMs: number): Promise<void> {
    const waited = formatDuration(timeoutMs);
    this.#abortError = new EngineError(
      'stopTimeout',
      `the stop waited ${waited} for the batches under way, and they did not end: the run is aborted, and the next one begins with ` +
        'them. Give them more time with the option gracefulStopTimeout',
    );
    this.#listener({ kind: 'warning', message: `the batches under way did not end within ${waited}: aborting` });
    await this.#abort(this.#abortError);
  }

  async #abort(error: EngineError): Promise<void> {
    this.#aborted = true;
    this.#committer.abort(error);
    await this.#pool.stop();
    this.#scheduler.stop();
    await this.#ended();
  }

  #ended(): Promise<void> {
    return this.done.then(
      () => undefined,
      () => undefined,
    );
  }

  #tellStep(step: CommitStep, nowMs: number): void {
    const { kind, time } = step;
    switch (kind) {
      case 'outputStarted':
        return this.#listener({ kind, time, output: step.output, startedMs: nowMs });
      case 'outputCompleted':
        return this.#listener({ kind, time, output: step.output, completedMs: nowMs, failure: step.error?.message });
      case 'failed':
        // What an abort cancels has not failed.
        if (!this.#aborted)
          this.#listener({ kind: 'batchFailed', time, failedMs: nowMs, message: messageOf(step.error), location: '' });
        return;
      default:
        assertNever(step);
    }
  }

  /** Writes what changed since the last one; the rest stays in the files where it is. */
  async #snapshot(
    { changed, world, settings: { options } }: EngineParts,
    time: BatchTime,
  ): Promise<readonly SnapshotFileRef[]> {
    const store = this.#store;
    if (store === undefined) return [];
    const { kept, wanted, taken } = changed.begin();
    const limits = { maxFailures: options.maxTaskFailures, timeoutMs: stateTimeoutMs(options) };
    const written = await snapshotState({
      ...{ pool: this.#pool, fs: world.fs, ...limits, wanted, lockFile: store.lockPath },
      pathOf: ({ operator, partition, groups }) => store.snapshotPath(operator, partition, time, groups),
    });
    taken(written);
    return [...kept, ...written];
  }

  /** How many blocks the driver holds: 0 between batches. */
  get numBlocks(): number {
    return this.#pool.numBlocks;
  }

  async #run(): Promise<RunSummary> {
    try {
      this.#scheduler.start();
      await this.#scheduler.done;
      return this.#end(this.#stopping ? 'stopped' : 'finished');
    } catch (error) {
      if (!this.#aborted || this.#abortError !== undefined) this.#end('failed');
      throw this.#abortError ?? error;
    } finally {
      await this.#close();
    }
  }

  #end(reason: RunSummary['reason']): RunSummary {
    this.#kept.clear();
    const { spilledBytes, recomputedBlocks } = this.#pool.blockFigures ?? { spilledBytes: 0, recomputedBlocks: 0 };
    const summary: RunSummary = {
      ...this.#counters.summary(reason),
      ...(spilledBytes > 0 && { blocks: { spilledBytes, recomputedBlocks } }),
    };
    this.#listener({ kind: 'stopped', summary });
    return summary;
  }

  async #close(): Promise<void> {
    const closing = [
      this.#receivers.close(),
      this.#pool.stop(),
      ...this.#sources.map(source => source.driver.stop()),
      ...this.#outputs.map(output => output.close()),
    ];
    for (const { status, ...rest } of await Promise.allSettled(closing)) {
      if (status === 'rejected' && 'reason' in rest)
        this.#listener({ kind: 'warning', message: `while closing: ${String(rest.reason)}` });
    }
    // What the run ended with counts, not what goes wrong behind it: all that is committed is durable by now.
    for (const close of [
      () => this.#folders.remove(),
      () => this.#stateRooms.remove(),
      () => this.#blockFiles.close(),
      () => this.#store?.close(),
    ]) {
      try {
        await close();
      } catch (error) {
        this.#listener({ kind: 'warning', message: `while closing: ${messageOf(error)}` });
      }
    }
  }
}

/** Of a batch whose plan could not be made. */
const NOTHING_COMPUTED: BatchComputation = { cancel: () => undefined, apply: done => done(undefined) };

const speculationOf = (options: EngineOptions, clock: Clock, listener: RunListener): Speculation => ({
  clock,
  minTaskMs: options.speculationMinMs,
  onCopy: (task, runningMs) =>
    listener({
      kind: 'warning',
      message: `task ${task} takes ${formatDuration(Math.round(runningMs))}, three times as long as the others: a copy of it is started`,
    }),
});

const rerunOf = ({ time, ranges }: Recovery['batches'][number], previousTime: number, nowMs: number): Batch => ({
  time: batchTime(time),
  previousTime,
  ranges,
  submittedMs: nowMs,
  dueMs: nowMs,
  rerun: true,
  progress: undefined,
  sourceStates: undefined,
});
