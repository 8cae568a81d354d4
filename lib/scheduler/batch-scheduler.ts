/**
 * Cuts time into batches and sees each through: plan -> compute -> commit. One inbox; what takes time is started and
 * its end comes back as an event.
 *
 *   clock:     t1          t2          t3          t4 (t3 still waits: merged into the next plan)
 *   plan      [t1]        [t2]        [t3]                   [t5]
 *   compute        [t1]        [t2      ...     ][t3]
 *   commit              [t1]                  [t2]    [t3]
 *
 * At most one batch is being computed, one planned and waiting, and two computed and being committed; a tick that finds
 * a batch waiting plans nothing, so that input which arrived meanwhile becomes part of the next batch: a slow job gets
 * larger batches, never a longer queue. Batches that an earlier process planned come first, with the input they had.
 */
import { assertNever } from '../core/assert-never.js';
import type { Clock } from '../core/clock.js';
import type { EngineError } from '../core/errors.js';
import { Inbox } from '../core/inbox.js';
import { alignDown, batchTime, type BatchTime } from '../core/time.js';
import type { SnapshotFileRef } from '../protocol/messages.js';
import type { Batch, BatchFailure, BatchResult, CompletedBatch } from './batch.js';
import type { BatchCommitter } from './batch-committer.js';
import { planBatch } from './plan-batch.js';
import type { LogPort, SourcePort } from './ports.js';

export type BatchSchedulerEvent =
  | { readonly kind: 'tick' }
  | { readonly kind: 'planned'; readonly batch: Batch | undefined; readonly caughtUp: boolean }
  | {
      readonly kind: 'computed';
      readonly batch: Batch;
      readonly startedMs: number;
      readonly outcome: BatchResult | BatchFailure;
    }
  | { readonly kind: 'snapshotted' }
  | { readonly kind: 'committed' }
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
  /** How often a checkpoint of the state is taken at the most. */
  readonly checkpointIntervalMs: number;
  /** Batch times start after this one. */
  readonly lastTime: number | undefined;
  /** The last batch that an earlier process committed. */
  readonly lastCommitted: number | undefined;
  readonly rerun: readonly Batch[];
  readonly compute: (batch: Batch, done: (outcome: BatchResult | BatchFailure) => void) => void;
  /** Writes all state as it is between two batches. */
  readonly snapshot: (time: BatchTime) => Promise<readonly SnapshotFileRef[]>;
  readonly release: (result: BatchResult) => void;
  readonly onCompleted: (completed: CompletedBatch) => void;
  readonly onCheckpoint: (time: BatchTime, bytes: number, tookMs: number) => void;
  readonly toError: (failure: BatchFailure) => EngineError;
}

const MAX_COMMITTING = 2;

export class BatchScheduler {
  readonly #options: BatchSchedulerOptions;
  readonly #inbox = new Inbox<BatchSchedulerEvent>(event => this.#handle(event));
  readonly #waiting: Batch[];
  #state: 'running' | 'stopping' | 'failing' | 'stopped' = 'running';
  #planning = false;
  #computing = false;
  #snapshotting = false;
  #committing = 0;
  #drained = false;
  /** Of the last batch that was planned. */
  #lastTime: number;
  /** The interval that the last tick belonged to. */
  #lastTickMs = Number.NEGATIVE_INFINITY;
  #lastCommitted: BatchTime | undefined;
  #checkpointing = false;
  #lastCheckpointMs: number;
  #lastSnapshotBytes = 0;
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
    this.#lastCommitted = options.lastCommitted === undefined ? undefined : batchTime(options.lastCommitted);
    this.#lastCheckpointMs = options.clock.now();
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  start(): void {
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
        else this.#waiting.push(event.batch);
        break;
      case 'computed':
        this.#computed(event.batch, event.startedMs, event.outcome);
        break;
      case 'snapshotted':
        this.#snapshotting = false;
        break;
      case 'committed':
        this.#committing--;
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
  }

  #tick(): void {
    if (this.#state !== 'running') return;
    const { clock, intervalMs, mode, jitterOf } = this.#options;
    if (mode === 'drain') return;
    const dueMs = alignDown(clock.now(), intervalMs);
    if (dueMs > this.#lastTickMs && this.#mayPlan()) {
      const time = this.#nextTime(dueMs);
      if (time !== undefined) this.#plan(time, dueMs);
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
    planBatch({ ...options, time, previousTime, dueMs, checkpoint: this.#checkpointDue() }).then(
      ({ batch, caughtUp }) => this.#inbox.post({ kind: 'planned', batch, caughtUp }),
      (error: EngineError) => this.#inbox.post({ kind: 'failed', step: 'plan', error }),
    );
  }

  /**
   * A snapshot costs in proportion to the state: it is due when the log has grown by half of the last one. One is under
   * way at a time, from the planning of its batch until it is written.
   */
  #checkpointDue(): boolean {
    const { log, clock, checkpointIntervalMs } = this.#options;
    if (log === undefined || this.#checkpointing || clock.now() - this.#lastCheckpointMs < checkpointIntervalMs)
      return false;
    this.#checkpointing = log.bytesSinceSnapshot > this.#lastSnapshotBytes / 2;
    return this.#checkpointing;
  }

  /** Starts whatever may start now. */
  #advance(): void {
    const { mode, clock, intervalMs } = this.#options;
    const canCompute = !this.#computing && !this.#snapshotting && this.#committing < MAX_COMMITTING;
    if (canCompute && (this.#state === 'running' || this.#state === 'stopping')) {
      const batch = this.#waiting.shift();
      if (batch !== undefined) this.#compute(batch);
    }
    if (mode === 'drain' && this.#mayPlan() && !this.#drained) {
      this.#plan(batchTime(Math.max(alignDown(clock.now(), intervalMs), this.#lastTime + intervalMs)), clock.now());
    }
    const idle = !this.#planning && !this.#computing && !this.#snapshotting && this.#committing === 0;
    if (!idle || this.#state === 'stopped') return;
    if (this.#error !== undefined) {
      this.#state = 'stopped';
      this.#reject(this.#error);
    } else if (this.#waiting.length === 0 && (this.#state === 'stopping' || this.#drained)) {
      this.#state = 'stopped';
      this.#cancelTimer();
      this.#finalCheckpoint().then(this.#resolve, this.#reject);
    }
  }

  #compute(batch: Batch): void {
    this.#computing = true;
    const startedMs = this.#options.clock.now();
    this.#options.compute(batch, outcome => this.#inbox.post({ kind: 'computed', batch, startedMs, outcome }));
  }

  #computed(batch: Batch, startedMs: number, outcome: BatchResult | BatchFailure): void {
    this.#computing = false;
    if ('failure' in outcome) return this.#fail(this.#options.toError(outcome));
    const { sourceStates } = batch;
    const snapshot = sourceStates === undefined ? undefined : this.#snapshot(batch);
    this.#committing++;
    this.#commit(batch, startedMs, outcome, snapshot).then(
      () => this.#inbox.post({ kind: 'committed' }),
      (error: EngineError) => this.#inbox.post({ kind: 'failed', step: 'commit', error }),
    );
  }

  /** Between two batches, so that the files hold exactly the state after this one. */
  #snapshot(batch: Batch): Promise<readonly SnapshotFileRef[]> {
    this.#snapshotting = true;
    const files = this.#options.snapshot(batch.time);
    files.then(
      () => this.#inbox.post({ kind: 'snapshotted' }),
      (error: EngineError) => this.#inbox.post({ kind: 'failed', step: 'snapshot', error }),
    );
    return files;
  }

  async #commit(
    batch: Batch,
    startedMs: number,
    result: BatchResult,
    snapshot: Promise<readonly SnapshotFileRef[]> | undefined,
  ): Promise<void> {
    const { committer, clock } = this.#options;
    // Given back even when it failed: the next batch may wait for the memory before it can end.
    const committed = committer.commit(batch, result).finally(() => this.#options.release(result));
    const { outputRows, sinks } = await committed;
    this.#lastCommitted = batch.time;
    this.#options.onCompleted({ batch, result, outputRows, startedMs, completedMs: clock.now() });
    if (snapshot !== undefined && batch.sourceStates !== undefined) {
      await this.#writeCheckpoint({
        time: batch.time,
        snapshots: await snapshot,
        sourceStates: batch.sourceStates,
        sinks,
      });
    }
  }

  /** All of it as of one batch: the next may be committed before this is written. */
  async #writeCheckpoint(checkpoint: Parameters<LogPort['writeManifest']>[0]): Promise<void> {
    const { log, clock } = this.#options;
    if (log === undefined) return;
    const startMs = clock.now();
    this.#lastCheckpointMs = startMs;
    this.#lastSnapshotBytes = checkpoint.snapshots.reduce((sum, file) => sum + file.byteLength, 0);
    await log.writeManifest(checkpoint);
    this.#checkpointing = false;
    this.#options.onCheckpoint(checkpoint.time, this.#lastSnapshotBytes, clock.now() - startMs);
  }

  /** At a graceful end: the next start has nothing to read back but this. */
  async #finalCheckpoint(): Promise<void> {
    const { log, snapshot, sources, committer } = this.#options;
    const time = this.#lastCommitted;
    if (log === undefined || time === undefined || log.bytesSinceSnapshot === 0) return;
    const sourceStates = Object.fromEntries(sources.map(source => [source.id, source.state()]));
    await this.#writeCheckpoint({ time, snapshots: await snapshot(time), sourceStates, sinks: committer.sinks });
  }

  #fail(error: EngineError): void {
    this.#error ??= error;
    this.#state = 'failing';
    this.#cancelTimer();
  }
}

/** The batch before a batch; before the very first one there was an interval without. @param lastTime undefined or -Infinity: none */
export const previousTimeOf = (time: number, lastTime: number | undefined, intervalMs: number): number =>
  lastTime === undefined || lastTime === Number.NEGATIVE_INFINITY ? time - intervalMs : lastTime;
