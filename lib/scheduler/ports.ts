/**
 * What the scheduler needs from the world, as interfaces: `driver/` passes the real things in, specs their own.
 */
import type { Json } from '../core/json.js';
import type { BatchTime } from '../core/time.js';
import type { KeptPart, SnapshotFileRef } from '../protocol/messages.js';

/** In place of a source's ranges: it gives no batch, which is not an empty one. */
export const NO_BATCH = 'no batch';

/** The driver half of a source, as the job generator sees it (contract: `sources/source.ts`). */
export interface SourcePort {
  readonly id: string;
  /** False: what it plans goes along with a batch and makes none. */
  readonly isInput?: boolean;
  plan(limit: {
    readonly time: BatchTime;
    readonly parallelism: number;
    readonly maxBytes: number;
    readonly maxRecords: number;
    readonly drain: boolean;
  }): Promise<PlannedRanges>;
  commit(time: BatchTime): Promise<void>;
  state(): Json;
  /** Records per second that the job gives the source at the most. */
  readonly maxRate?: number;
  setRateLimit?(recordsPerSecond: number | undefined): void;
}

export interface PlannedRanges {
  readonly ranges: readonly Json[];
  readonly bytes: number;
  readonly records: number;
  readonly caughtUp: boolean;
  readonly progress?: Progress;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly unit: 'bytes' | 'records';
}

/** One output operation's end in the driver. Called in order of batch time, but for a batch that an earlier run left out; within a batch in order of declaration. */
export interface OutputPort {
  readonly id: string;
  /** Whether a batch without rows for it needs no call. */
  readonly skipsEmpty: boolean;
  /** @returns what goes to the commit log for it; undefined for outputs that have nothing to recover */
  commit(time: BatchTime, output: BatchOutput): Promise<Json | undefined>;
  /** Whether a commit runs the job's own code, which may never come to an end. */
  readonly runsUserCode?: boolean;
  /**
   * Takes back what was put out since the commit that gave `handle`, because its batch failed and the run goes on.
   * Without it, what was put out stays.
   */
  rollBack?(handle: Json | undefined): Promise<void>;
}

/** A batch's rows for one output, in order of stage and partition. */
export interface BatchOutput {
  readonly staged: readonly { readonly numRows: number; readonly bytes: readonly Uint8Array[] }[];
  readonly collected: readonly { readonly numRows: number; readonly bytes: Uint8Array }[];
  /** Rows kept as blocks until the batch is committed: one entry a partition. */
  readonly kept: readonly KeptPart[];
}

export interface DeltaBytes {
  readonly operator: string;
  readonly partition: number;
  /** Partitions of the operator, where they are known. */
  readonly numPartitions?: number;
  readonly bytes: Uint8Array;
  /** Changed and removed keys. */
  readonly numRows: number;
}

/** The durable log of offsets and commits (`checkpoint/`), or nothing at all when checkpointing is off. */
export interface LogPort {
  logOffsets(time: BatchTime, ranges: { readonly [source: string]: readonly Json[] }): void;
  syncOffsets(): Promise<void>;
  /** Throws `checkpointFenced` once another driver has the checkpoint: then nothing more may be put out. */
  checkOwner?(): Promise<void>;
  logCommit(
    time: BatchTime,
    commit: {
      readonly sinks: { readonly [output: string]: Json };
      readonly deltas: readonly DeltaBytes[];
      readonly info: Json;
    },
  ): Promise<void>;
  /** Bytes in the log that a new snapshot would make superfluous. */
  readonly bytesSinceSnapshot: number;
  snapshotPath(operator: string, partition: number, time: BatchTime): string;
  writeManifest(checkpoint: {
    readonly time: BatchTime;
    readonly snapshots: readonly SnapshotFileRef[];
    readonly sourceStates: { readonly [source: string]: Json };
    readonly sinks: { readonly [output: string]: Json };
    /** By source id, what its rate controller goes on with. */
    readonly rates?: { readonly [source: string]: Json };
    /** Batches up to `time` that failed and are not in the snapshots: they stay planned. */
    readonly leftOut: readonly BatchTime[];
  }): Promise<{ readonly bytes: number }>;
}
