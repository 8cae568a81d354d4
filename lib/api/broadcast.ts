/**
 * Values of the driver that closures read in every worker. A value may be replaced while the job runs; the new one counts
 * from the next batch that is planned, for all of it, and is in the offset log, so that a batch that runs again reads what
 * it read the first time.
 */
import { EngineError, messageOf } from '../core/errors.js';
import { sharedCopy } from '../core/shared-bytes.js';
import { decodeValue, encodeValue } from '../core/value-codec.js';

/** One value as all threads have it. */
export interface BroadcastVersion {
  /** Counts from 0, the value that the job declares. */
  readonly version: number;
  /** Encoded, in shared memory. */
  readonly bytes: Uint8Array;
}

export class Broadcast<T> {
  readonly id: string;
  #latest: BroadcastVersion;
  /** What a batch reads that is being planned, put out or computed in this thread. */
  #scope: BroadcastVersion | undefined;
  #isInTask = false;
  #decoded: { readonly of: BroadcastVersion; readonly value: T } | undefined;

  constructor(id: string, value: T) {
    this.id = id;
    this.#latest = { version: 0, bytes: encoded(id, value) };
  }

  /** The value: in closures and in functions of transform and foreachRDD that of their batch, elsewhere the latest. */
  get value(): T {
    const at = this.#scope ?? this.#latest;
    if (this.#decoded?.of !== at) this.#decoded = { of: at, value: decodeValue(at.bytes) as T };
    return this.#decoded.value;
  }

  /**
   * Replaces the value, in the driver: from foreachRDD, a timer or a listener. Throws `typeMismatch` for what is not plain
   * data, and `jobInvalid` in closures, which have a worker's copy.
   */
  replace(value: T): void {
    if (this.#isInTask) {
      throw new EngineError(
        'jobInvalid',
        `broadcast '${this.id}' can be replaced in the driver only, and this closure runs in a worker: replace it in foreachRDD, ` +
          'with what its actions give',
      );
    }
    this.#latest = { version: this.#latest.version + 1, bytes: encoded(this.id, value) };
  }

  /** @internal */
  get latest(): BroadcastVersion {
    return this.#latest;
  }

  /** @internal Goes on with what an earlier run had. */
  restore(latest: BroadcastVersion): void {
    this.#latest = latest;
  }

  /** @internal What is read from now on; undefined: the latest. */
  enterScope(at: BroadcastVersion | undefined): void {
    // Within a run a version is one value, in whatever message it comes.
    this.#scope = at !== undefined && at.version === this.#decoded?.of.version ? this.#decoded.of : at;
  }

  /** @internal Whether closures of a task run: a function of foreachRDD that runs again in a worker has replaced it in the driver. */
  setInTask(isInTask: boolean): void {
    this.#isInTask = isInTask;
  }

  /** @internal Runs `f` with another value. */
  within<R>(at: BroadcastVersion, f: () => R): R {
    const before = this.#scope;
    this.enterScope(at);
    try {
      return f();
    } finally {
      this.#scope = before;
    }
  }
}

function encoded(id: string, value: unknown): Uint8Array {
  try {
    return sharedCopy(encodeValue(value));
  } catch (error) {
    throw new EngineError(
      'typeMismatch',
      `broadcast '${id}' wants plain data, as the rows of a stream: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
