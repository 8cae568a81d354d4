/**
 * What the RDDs of a job have in common: how operations are added to them, and the session in which their actions run.
 * There is a session while a function of foreachRDD runs, one at a time.
 */
import { EngineError, type ErrorCode } from '../core/errors.js';
import { LineageBuilder, type Lineage } from './lineage.js';
import { TaskWaits } from './task-waits.js';

/** The first rows of one partition, and how many it has. */
export interface PartitionRows {
  readonly numRows: number;
  readonly rows: readonly unknown[];
}

/** How an action ended in the driver: workers that come the same way meet the same. */
export type ActionOutcome =
  | { readonly result: unknown }
  /** It threw an error with this code. */
  | { readonly code: ErrorCode; readonly message: string };

/** Computes RDDs. */
export interface RddSession {
  /**
   * The rows of each partition, in order of partition.
   *
   * @param limit of each partition the first so many rows at the most; null: all
   */
  collect(rdd: Lineage, limit: number | null): Promise<readonly PartitionRows[]>;
  /**
   * Makes a folder of text files: see `sinks/text-folder.ts`.
   *
   * @param texts rows are the contents of the files, one in each partition
   */
  writeFolder(path: string, texts: Lineage): Promise<void>;
  /** The remembered RDDs of a stream, for batches from `from` to `to`, both included. */
  slice(stream: string, from: number, to: number): readonly Lineage[];
}

export class RddRuntime {
  readonly builder: LineageBuilder;
  readonly numPartitions: number;
  /** In a worker: what the task under way has begun. */
  readonly waits = new TaskWaits();
  /** Set while a function of foreachRDD runs. */
  session: RddSession | undefined;
  /** In the driver while the job runs: for RDDs of `slice` that are asked for outside of foreachRDD. */
  outside: RddSession | undefined;
  #isRefusing = false;
  #refused: EngineError | undefined;

  constructor(numPartitions: number) {
    this.numPartitions = numPartitions;
    this.builder = new LineageBuilder(numPartitions);
  }

  /** Throws `jobInvalid` outside of foreachRDD. */
  current(what: string): RddSession {
    if (this.#isRefusing) {
      this.#refused ??= outsideError(what);
      return REFUSING;
    }
    const session = this.session ?? this.outside;
    if (session !== undefined) return session;
    throw outsideError(what);
  }

  /** Whoever reads what was kept of batches; undefined while the job does not run. Throws nothing in transform, as actions. */
  reader(what: string): RddSession | undefined {
    return this.#isRefusing ? this.current(what) : (this.session ?? this.outside);
  }

  /** Runs `f`, in which actions are refused: asking for one throws `jobInvalid` when `f` has ended, and gives nothing. */
  withoutActions<R>(f: () => R): R {
    this.#isRefusing = true;
    this.#refused = undefined;
    try {
      const result = f();
      if (this.#refused !== undefined) throw this.#refused as EngineError;
      return result;
    } finally {
      this.#isRefusing = false;
    }
  }
}

/** An action of transform would wait for what is not computed yet: its promise is never settled. */
const REFUSING: RddSession = {
  collect: () => new Promise(() => undefined),
  writeFolder: () => new Promise(() => undefined),
  slice: () => [],
};

const outsideError = (what: string): EngineError =>
  new EngineError(
    'jobInvalid',
    `${what} computes an RDD, which only a function of foreachRDD can do while its batch is put out. ` +
      'In transform, return the RDD and let an output operation compute it',
  );
