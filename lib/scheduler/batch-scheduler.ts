/**
 * Cuts time into batches and sees each through: plan -> compute -> commit. One inbox; what takes time is started and
 * its end comes back as an event.
 *
 *   clock:     t1          t2          t3          t4 (t3 still waits: merged into the next plan)
 *   plan      [t1]        [t2]        [t3]                   [t5]
 *   compute        [t1]        [t2      ...     ][t3]
 *   commit              [t1]                  [t2]    [t3]
 *
 * At most `concurrentJobs` batches are being computed, one is planned and waiting, and two are computed and being
 * committed; a tick that finds a batch waiting plans nothing, so that input which arrived meanwhile becomes part of the
 * next batch: a slow job gets larger batches, never a longer queue. Batches that an earlier process planned come first,
 * with the input they had.
 *
 * Batches end, and are committed, in their order, whatever runs at once. The changes of state of a batch that is computed
 * are applied while it is committed; the next batch's state, and a snapshot, wait for them. A batch that fails ends the
 * run, after those before it are committed; or, under 'continue', it alone is left out: then changes of state wait until
 * their batch is committed, so that nothing of a batch that fails in its outputs is in the state of the next.
 */
import { assertNever } from '../core/assert-never.js';
import type { Clock } from '../core/clock.js';
import type { EngineError } from '../core/errors.js';
import { Inbox } from '../core/inbox.js';
import { alignDown, batchTime, type BatchTime } from '../core/time.js';
import type { SnapshotFileRef } from '../protocol/messages.js';
import type { Batch, BatchFailure, BatchResult, CompletedBatch } from './batch.js';
import type { BatchCommitter, Committed, Computed } from './batch-committer.js';
import type { BatchComputation, BatchTurn } from './batch-turn.js';
import { Checkpointer, type ById } from './checkpointer.js';
import { ComputingBatches, type ComputedBatch } from './computing-batches.js';
import { OpenBatches } from './open-batches.js';
import { planBatch } from './plan-batch.js';
import type { LogPort, SourcePort } from './ports.js';
import type { RateControllers } from './rate/rate-controllers.js';

export type BatchSchedulerEvent =
  | { readonly kind: 'tick' }
  | { readonly kind: 'planned'; readonly batch: Batch | undefined; readonly caughtUp: boolean }
  | { readonly kind: 'computed'; readonly computed: ComputedBatch; readonly outcome: BatchResult | BatchFailure }
  /** The changes of a batch are in the state, or will not be. */
  | { readonly kind: 'applied' }
  | { readonly kind: 'snapshotted' }
  | { readonly kind: 'committed'; readonly batch: Batch }
  | { readonly kind: 'failed'; readonly step: 'plan' | 'snapshot' | 'commit'; readonly error: EngineError }
  | { readonly kind: 'stop' };

export interface BatchSchedulerOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** How long after its time a batch starts, milliseconds, less than the interval. */
  readonly jitterOf: (time: number) => number;
  /** 'clock': a batch each interval until stopped. 'drain': batches one after another until every source is caught up. */
  readonly mode: 'clock' | 'drain';
  readonly sources: readonly SourcePort[];
  readonly parallelism: number;
  readonly maxBatchBytes: number;
  readonly maxBatchRecords: number;
  readonly log: LogPort | undefined;
  readonly committer: BatchCommitter;
  /** Bound what is planned; told the sources' limits when the scheduler starts. */
  readonly rates?: RateControllers;
  /** How often a checkpoint of the state is taken at the most. */
  readonly checkpointIntervalMs: number;
  /** Batch times start after this one. */
  readonly lastTime: number | undefined;
  /** The last batch that an earlier process committed. */
  readonly lastCommitted: number | undefined;
  readonly rerun: readonly Batch[];
  /** Batches that are computed at once. */
  readonly concurrentJobs: number;
  readonly onBatchFailure: 'stop' | 'continue';
  /** Starts the computation of a batch. One that ends before its turn is not looked at before that. */
  readonly compute: (
    batch: Batch,
    done: (outcome: BatchResult | BatchFailure) => void,
    turn: BatchTurn,
  ) => BatchComputation;
  /** The turn may have come to another batch. */
  readonly wake: () => void;
  /** Bytes of the files that a snapshot would replace; see `CheckpointerOptions`. */
  readonly changedBytes?: () => number;
  /** All state in files, each row as it is at some time until the promise resolves; some may be those of earlier snapshots. */
  readonly snapshot: (time: BatchTime) => Promise<readonly SnapshotFileRef[]>;
  readonly release: (result: BatchResult) => void;
  /** The batch's input is fixed and it waits for its turn; those to be run again are submitted at the start. */
  readonly onSubmitted?: (batch: Batch) => void;
  readonly onStarted?: (batch: Batch, startedMs: number) => void;
  readonly onCompleted: (completed: CompletedBatch) => void;
  readonly onCheckpoint: (time: BatchTime, bytes: number, tookMs: number) => void;
  readonly toError: (failure: BatchFailure) => EngineError;
  /** Under 'continue': a batch failed and the run goes on without it. */
  readonly onSkipped: (batch: Batch, step: 'compute' | 'commit', error: EngineError) => void;
}

const MAX_COMMITTING = 2;

export class BatchScheduler {
  readonly #options: BatchSchedulerOptions;
  readonly #inbox = new Inbox<BatchSchedulerEvent>(event => this.#handle(event));
  readonly #waiting: Batch[];
  #state: 'running' | 'stopping' | 'failing' | 'stopped' = 'running';
  readonly #checkpointer: Checkpointer;
  #planning = false;
  readonly #computing = new ComputingBatches();
  #snapshotting = false;
  #committing = 0;
  readonly #settled = new OpenBatches();
  /** Batches whose changes of state are not in the tables yet, though the batch has ended. */
  #unapplied = 0;
  #drained = false;
  /** Of the last batch that was planned. */
  #lastTime: number;
  /** The interval that the last tick belonged to. */
  #lastTickMs = Number.NEGATIVE_INFINITY;
  #error: EngineError | undefined;
  #cancelTimer: () => void = () => undefined;
  #resolve: () => void = () => undefined;
  #reject: (error: EngineError) => void = () => undefined;
  /** Settles when everything has stopped: after a stop, a drain, or with the first error. */
  readonly done: Promise<void>;

  constructor(options: BatchSchedulerOptions) {
    this.#options = options;
    this.#waiting = [...options.rerun];
    this.#lastTime = options.lastTime ?? Number.NEGATIVE_INFINITY;
    const { lastCommitted } = options;
    this.#checkpointer = new Checkpointer(options, lastCommitted === undefined ? undefined : batchTime(lastCommitted));
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  start(): void {
    this.#options.rates?.start();
    for (const batch of this.#waiting) this.#options.onSubmitted?.(batch);
    this.#inbox.post({ kind: 'tick' });
  }

  /** Lets what is planned be computed and committed, then stops. */
  stop(): void {
    this.#inbox.post({ kind: 'stop' });
  }

  #handle(event: BatchSchedulerEvent): void {
    switch (event.kind) {
      case 'tick':
        this.#tick();
        break;
      case 'planned':
        this.#planning = false;
        if (event.batch === undefined) this.#drained = event.caughtUp;
        else {
          this.#waiting.push(event.batch);
          this.#options.onSubmitted?.(event.batch);
        }
        break;
      case 'computed':
        event.computed.outcome = event.outcome;
        for (let next = this.#computing.takeEnded(); next !== undefined; next = this.#computing.takeEnded())
          this.#computed(next, next.outcome);
        break;
      case 'applied':
        this.#unapplied--;
        break;
      case 'snapshotted':
        this.#snapshotting = false;
        break;
      case 'committed':
        this.#committing--;
        this.#settled.ended(event.batch);
        break;
      case 'failed':
        if (event.step === 'plan') this.#planning = false;
        if (event.step === 'snapshot') this.#snapshotting = false;
        if (event.step === 'commit') this.#committing--;
        this.#fail(event.error);
        break;
      case 'stop':
        if (this.#state === 'running') this.#state = 'stopping';
        this.#cancelTimer();
        break;
      default:
        assertNever(event);
    }
    this.#advance();
    if (this.#computing.size > 0) this.#options.wake();
  }

  #tick(): void {
    if (this.#state !== 'running') return;
    const { clock, intervalMs, mode, jitterOf } = this.#options;
    if (mode === 'drain') return;
    const dueMs = alignDown(clock.now(), intervalMs);
    if (dueMs > this.#lastTickMs && this.#mayPlan()) {
      const time = this.#nextTime(dueMs);
      // What the jitter takes is no delay.
      if (time !== undefined) this.#plan(time, Math.min(clock.now(), dueMs + jitterOf(dueMs)));
    }
    this.#lastTickMs = Math.max(this.#lastTickMs, dueMs);
    const nextMs = this.#lastTickMs + intervalMs;
    this.#cancelTimer = clock.setTimer(nextMs + jitterOf(nextMs), () => this.#inbox.post({ kind: 'tick' }));
  }

  /**
   * The tick's own time, or none when the batch of that time was planned before. Batch times always grow: where the last
   * one is ahead of the clock (a drain cuts batches faster than time passes; a clock was set back), they stay ahead
   * instead of waiting for the clock.
   */
  #nextTime(dueMs: BatchTime): BatchTime | undefined {
    const { intervalMs } = this.#options;
    if (dueMs > this.#lastTime) return dueMs;
    return this.#lastTime < dueMs + intervalMs ? undefined : batchTime(this.#lastTime + intervalMs);
  }

  #mayPlan(): boolean {
    return !this.#planning && this.#waiting.length === 0 && this.#state === 'running';
  }

  #plan(time: BatchTime, dueMs: number): void {
    this.#planning = true;
    const options = this.#options;
    const previousTime = previousTimeOf(time, this.#lastTime, options.intervalMs);
    this.#lastTime = time;
    planBatch({ ...options, time, previousTime, dueMs, checkpoint: this.#checkpointer.isDue() }).then(
      ({ batch, caughtUp }) => this.#inbox.post({ kind: 'planned', batch, caughtUp }),
      (error: EngineError) => this.#inbox.post({ kind: 'failed', step: 'plan', error }),
    );
  }

  /** Starts whatever may start now. */
  #advance(): void {
    const { mode, clock, intervalMs, concurrentJobs } = this.#options;
    const canCompute = (): boolean => this.#computing.size < concurrentJobs && this.#committing < MAX_COMMITTING;
    while (canCompute() && (this.#state === 'running' || this.#state === 'stopping')) {
      const batch = this.#waiting.shift();
      if (batch === undefined) break;
      this.#compute(batch);
    }
    if (mode === 'drain' && this.#mayPlan() && !this.#drained) {
      this.#plan(batchTime(Math.max(alignDown(clock.now(), intervalMs), this.#lastTime + intervalMs)), clock.now());
    }
    const idle = !this.#planning && this.#computing.size === 0 && !this.#snapshotting && this.#committing === 0;
    if (!idle || this.#state === 'stopped') return;
    if (this.#error !== undefined) {
      this.#state = 'stopped';
      this.#reject(this.#error);
    } else if (this.#waiting.length === 0 && (this.#state === 'stopping' || this.#drained)) {
      this.#state = 'stopped';
      this.#cancelTimer();
      this.#checkpointer.writeLast(this.#options.committer.sinks).then(this.#resolve, this.#reject);
    }
  }

  #compute(batch: Batch): void {
    const { clock, compute, onStarted } = this.#options;
    const computed = this.#computing.add(batch, clock.now());
    this.#settled.opened(batch);
    onStarted?.(batch, computed.startedMs);
    const turn = {
      isTurn: () => this.#computing.isFirst(computed) && this.#unapplied === 0,
    };
    computed.computation = compute(batch, outcome => this.#inbox.post({ kind: 'computed', computed, outcome }), turn);
  }

  #computed(computed: ComputedBatch, outcome: BatchResult | BatchFailure): void {
    const { batch, isCancelled } = computed;
    if ('failure' in outcome) return this.#notComputed(computed, outcome);
    if (isCancelled) {
      computed.computation?.cancel();
      return this.#options.release(outcome);
    }
    const holdsState = batch.sourceStates !== undefined || outcome.deltas.length > 0;
    if (holdsState) this.#unapplied++;
    this.#committing++;
    const timing = { startedMs: computed.startedMs, computedMs: this.#options.clock.now() };
    const committed =
      this.#options.onBatchFailure === 'continue'
        ? this.#commitThenApply(computed, outcome, holdsState, timing)
        : this.#commitAndApply(computed, outcome, holdsState, timing);
    committed.then(
      () => this.#inbox.post({ kind: 'committed', batch }),
      (error: EngineError) => this.#inbox.post({ kind: 'failed', step: 'commit', error }),
    );
  }

  /** What was computed after a batch that ends the run is of no use, and so is what its cancelling makes of it. */
  #notComputed({ batch, isCancelled }: ComputedBatch, failure: BatchFailure): void {
    if (isCancelled) return;
    const error = this.#options.toError(failure);
    if (this.#options.onBatchFailure === 'continue' && failure.failure.kind !== 'cancelled')
      return this.#skip(batch, 'compute', error);
    this.#fail(error);
    this.#computing.cancelAll();
  }

  #skip(batch: Batch, step: 'compute' | 'commit', error: EngineError): void {
    this.#checkpointer.leftOut(batch);
    this.#settled.ended(batch);
    this.#options.onSkipped(batch, step, error);
  }

  /**
   * Takes a snapshot while batches go on, and writes the checkpoint when nothing is in it that could still be undone: when
   * all batches that may have changed the state before the snapshot was done are committed.
   */
  #checkpoint(batch: Batch, sinks: ById): void {
    this.#snapshotting = true;
    const write = async (): Promise<void> => {
      const files = await this.#options.snapshot(batch.time);
      await this.#settled.all();
      await this.#checkpointer.write(batch, sinks, files);
    };
    write().then(
      () => this.#inbox.post({ kind: 'snapshotted' }),
      (error: EngineError) => this.#inbox.post({ kind: 'failed', step: 'snapshot', error }),
    );
  }

  /** Outputs and log beside the state. When either fails the run ends, and the next one has the state of the log. */
  async #commitAndApply(
    { batch, startedMs, computation }: ComputedBatch,
    result: BatchResult,
    holdsState: boolean,
    timing: Computed,
  ): Promise<void> {
    const { committer, clock, release, onCompleted } = this.#options;
    const applying = holdsState ? this.#applyNow(computation) : undefined;
    // Met below; until then a commit that fails is what ends the run.
    applying?.catch(() => undefined);
    let committed: Committed;
    let completedMs: number;
    try {
      committed = await committer.commit(batch, result, timing);
      completedMs = clock.now();
    } finally {
      // Given back even when it failed: the next batch may wait for the memory before it can end.
      await applying?.catch(() => undefined);
      release(result);
    }
    await applying;
    this.#checkpointer.committed(batch);
    onCompleted({ batch, result, outputRows: committed.outputRows, startedMs, completedMs });
    if (batch.sourceStates !== undefined) this.#checkpoint(batch, committed.sinks);
  }

  async #applyNow(computation: BatchComputation | undefined): Promise<void> {
    try {
      await this.#apply(computation);
    } finally {
      this.#inbox.post({ kind: 'applied' });
    }
  }

  /** Under 'continue': outputs, log, state, in this order; of a batch that fails in its outputs nothing is in the others. */
  async #commitThenApply(
    { batch, startedMs, computation }: ComputedBatch,
    result: BatchResult,
    holdsState: boolean,
    timing: Computed,
  ): Promise<void> {
    const { committer, clock, release, onCompleted } = this.#options;
    let committed: Committed;
    let isApplied = false;
    try {
      committed = await committer.commit(batch, result, timing);
      if (committed.failure !== undefined) return this.#skip(batch, 'commit', committed.failure);
      await this.#apply(computation);
      isApplied = true;
    } finally {
      // One that is not applied would wait for that for ever, and younger ones that gave it their memory for its end.
      if (!isApplied) computation?.cancel();
      release(result);
      if (holdsState) this.#inbox.post({ kind: 'applied' });
    }
    this.#checkpointer.committed(batch);
    onCompleted({ batch, result, outputRows: committed.outputRows, startedMs, completedMs: clock.now() });
    if (batch.sourceStates !== undefined) this.#checkpoint(batch, committed.sinks);
  }

  #apply(computation: BatchComputation | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (computation === undefined) return resolve();
      computation.apply(failure => (failure === undefined ? resolve() : reject(this.#options.toError(failure))));
    });
  }

  #fail(error: EngineError): void {
    this.#error ??= error;
    this.#settled.fail(error);
    this.#state = 'failing';
    this.#cancelTimer();
  }
}

/** The batch before a batch; before the very first one there was an interval without. @param lastTime undefined or -Infinity: none */
export const previousTimeOf = (time: number, lastTime: number | undefined, intervalMs: number): number =>
  lastTime === undefined || lastTime === Number.NEGATIVE_INFINITY ? time - intervalMs : lastTime;
