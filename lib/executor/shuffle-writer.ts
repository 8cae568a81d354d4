import type { WrittenBlock } from '../blocks/block-layout.js';
import type { Chunk } from '../columnar/chunk.js';
import type { PlanNode, Shuffle } from '../plan/node.js';
import type { BlockRef } from '../protocol/messages.js';
import type { Combiner } from '../api/closures.js';
import type { Partitioner } from '../api/partitioner.js';
import type { TaskContext } from './task-context.js';

/** An end of a stage that writes shuffle blocks: rows in, at the end one block (or null) for each reduce partition. */
export interface ShuffleWriter {
  push(chunk: Chunk): void;
  /** Another way in, for rows that are pairs. */
  readonly pairs?: PairTaker;
  finish(): (BlockRef | null)[];
}

/** Takes pairs as keys and values, without the pairs. */
export interface PairTaker {
  /** Filled from their start by who calls `take`. */
  readonly keys: unknown[];
  readonly values: unknown[];
  /** Takes the first n keys and values, n <= 4096. */
  take(n: number): void;
  /** Throws: the row is no pair. */
  refuse(row: unknown): never;
}

export interface ShuffleWriterOptions {
  readonly shuffle: Shuffle;
  /** Whose rows are written, for messages and declared columns. */
  readonly node: PlanNode;
  readonly combiner: Combiner | undefined;
  /** Of a shuffle whose keys do not go by their hash. */
  readonly partitioner: Partitioner | undefined;
  readonly numKeyGroups: number;
}

export const refsOf = (ctx: TaskContext, written: readonly (WrittenBlock | null)[]): (BlockRef | null)[] =>
  written.map(
    block =>
      block && { slot: ctx.memory.slot, address: block.address, byteLength: block.byteLength, numRows: block.numRows },
  );
