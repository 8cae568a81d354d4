/**
 * When checkpoints are due and what goes into one: all as of one batch. Its planning fixes the sources' states, its commit
 * the outputs. The state is written while later batches go on, so the files have some of their changes too; the log has
 * all of them, and a restart applies them again from that batch on, which gives the same state.
 */
import type { Clock } from '../core/clock.js';
import type { Json } from '../core/json.js';
import type { BatchTime } from '../core/time.js';
import type { SnapshotFileRef } from '../protocol/messages.js';
import type { Batch } from './batch.js';
import type { LogPort, SourcePort } from './ports.js';
import type { RateControllers } from './rate/rate-controllers.js';

export interface CheckpointerOptions {
  readonly clock: Clock;
  readonly log: LogPort | undefined;
  /** What has learned something that a restart goes on with. */
  readonly rates?: RateControllers;
  readonly sources: readonly SourcePort[];
  /** How often a checkpoint of the state is taken at the most. */
  readonly checkpointIntervalMs: number;
  /** Bytes of the snapshot files that a new snapshot would replace; default those of all of the last one. */
  readonly changedBytes?: () => number;
  /** All state in files, as `BatchSchedulerOptions.snapshot`. */
  readonly snapshot: (time: BatchTime) => Promise<readonly SnapshotFileRef[]>;
  readonly onCheckpoint: (time: BatchTime, bytes: number, tookMs: number) => void;
}

/** States of sources, or handles of outputs, by id. */
export type ById = { readonly [id: string]: Json };

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  /** Times of batches that failed, under 'continue'. */
  readonly #leftOut = new Set<BatchTime>();
  #lastCommitted: BatchTime | undefined;
  /** One is under way, from the planning of its batch until it is written. */
  #isUnderWay = false;
  #lastMs: number;
  #lastBytes = 0;

  /** @param lastCommitted the last batch that an earlier process committed */
  constructor(options: CheckpointerOptions, lastCommitted: BatchTime | undefined) {
    this.#options = options;
    this.#lastCommitted = lastCommitted;
    this.#lastMs = options.clock.now();
  }

  /**
   * Whether the batch that is about to be planned is to have one. A snapshot costs what the files have in which something
   * changed: it is due when the log since the last one has half as much. So all of them together write at most twice what
   * the log does, and a restart never reads much more of the log than of the state.
   */
  isDue(): boolean {
    const { log, clock, checkpointIntervalMs, changedBytes } = this.#options;
    if (log === undefined || this.#isUnderWay || clock.now() - this.#lastMs < checkpointIntervalMs) return false;
    this.#isUnderWay = log.bytesSinceSnapshot > (changedBytes?.() ?? this.#lastBytes) / 2;
    return this.#isUnderWay;
  }

  /** A batch that an earlier run left out may be committed after later ones. */
  committed({ time }: Batch): void {
    if (this.#lastCommitted === undefined || time > this.#lastCommitted) this.#lastCommitted = time;
  }

  /** The batch failed, and later ones will be committed: none of them has its checkpoint now. */
  leftOut({ time, sourceStates }: Batch): void {
    this.#leftOut.add(time);
    if (sourceStates !== undefined) this.#isUnderWay = false;
  }

  /** Writes the checkpoint of a batch that is to have one; all that is in the snapshots is committed. @param sinks as of that batch */
  async write({ time, sourceStates }: Batch, sinks: ById, snapshots: readonly SnapshotFileRef[]): Promise<void> {
    if (sourceStates !== undefined) await this.#write(time, snapshots, sourceStates, sinks);
  }

  /** At a graceful end: the next start has nothing to read back but this. */
  async writeLast(sinks: ById): Promise<void> {
    const { log, snapshot, sources } = this.#options;
    if (log === undefined || this.#lastCommitted === undefined || log.bytesSinceSnapshot === 0) return;
    // Of the last batch that was planned, as the sources' states are.
    const time = [this.#lastCommitted, ...this.#leftOut].reduce((last, other) => (other > last ? other : last));
    const sourceStates = Object.fromEntries(sources.map(source => [source.id, source.state()]));
    await this.#write(time, await snapshot(time), sourceStates, sinks);
  }

  async #write(time: BatchTime, snapshots: readonly SnapshotFileRef[], sourceStates: ById, sinks: ById): Promise<void> {
    const { log, clock, onCheckpoint } = this.#options;
    if (log === undefined) return;
    const startMs = clock.now();
    this.#lastMs = startMs;
    this.#lastBytes = snapshots.reduce((sum, file) => sum + file.byteLength, 0);
    const leftOut = [...this.#leftOut].filter(left => left <= time);
    const rates = this.#options.rates?.state;
    const { bytes } = await log.writeManifest({
      time,
      snapshots,
      sourceStates,
      sinks,
      leftOut,
      ...(rates && { rates }),
    });
    this.#isUnderWay = false;
    onCheckpoint(time, bytes, clock.now() - startMs);
  }
}
