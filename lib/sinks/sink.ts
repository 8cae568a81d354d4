import type { BatchTime } from '../core/time.js';
import type { Json } from '../core/json.js';
import type { Chunk } from '../columnar/chunk.js';
import type { Address } from '../columnar/slot-memory.js';

/**
 * A sink has a worker half that stages a task's output where nobody sees it, and a driver half that makes a batch's
 * staged output visible, all of it, once.
 *
 * Worker half, per task attempt: write(chunk)* then finish(). An attempt that is not accepted is dropped: its staged
 * bytes lie in memory blocks that are freed with it.
 *
 * Driver half, one call at a time, in order of batch time (but for a batch that failed: an older one may come later):
 *   open(last committed handle or undefined) once; commit(t, staged) per batch -> handle; close() once.
 *   open(handle) again when a batch failed after its commit and the run goes on without it: all since is taken back.
 *   The handle goes to the commit log AFTER commit returned, and is durable there before the next commit is called;
 *   when the process dies in between, the next process opens with the handle before, must undo or recognise what is
 *   beyond it, and sees commit(t) again with the same output. A batch without rows needs no commit at all, but
 *   for a sink that leaves something for each batch (`skipsEmpty` in sink-spec.ts).
 */
export interface SinkDriver {
  /**
   * Checks that the output can be written (throws `outputUnwritable` with the cure), and brings it to exactly the
   * state `handle` names: what is beyond is removed; less than that is `outputChanged`.
   */
  open(handle: Json | undefined): Promise<void>;
  /**
   * Makes the batch's rows visible and durable, staged parts in the given order.
   * @returns what identifies the output's state after this batch, for the commit log: all that is committed by then,
   * also where the batch is older than the one before
   */
  commit(time: BatchTime, staged: readonly StagedOutput[]): Promise<Json>;
  close(): Promise<void>;
}

/**
 * One task's output for one sink, ready to be committed: bytes in a slot's memory, readable from every thread. What
 * they mean is between the two halves of the sink.
 */
export interface StagedOutput {
  readonly numRows: number;
  readonly bytes: readonly Uint8Array[];
}

/** The worker half for one task attempt. */
export interface SinkWriter {
  /** Takes one chunk of the output stream; must not keep the chunk. */
  write(chunk: Chunk): void;
  /** Ends the attempt. The blocks belong to the caller from now on. */
  finish(): StagedBlocks;
}

/** What a writer staged: blocks allocated (not scratch) in the slot's memory, in order. */
export interface StagedBlocks {
  readonly numRows: number;
  readonly blocks: readonly { readonly address: Address; readonly byteLength: number }[];
}
