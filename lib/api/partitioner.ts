import { EngineError } from '../core/errors.js';

/** Says in which partition the pairs of a key go, where a job wants it otherwise than by the key's hash. */
export interface Partitioner<K = never> {
  readonly numPartitions: number;
  /** 0 to numPartitions - 1, the same for equal keys and in every thread. */
  partitionOf(key: K): number;
}

/** How many partitions a shuffle has, or which partitioner fills them; undefined: as many as there are workers. */
export type Partitions<K = never> = number | Partitioner<K> | undefined;

/** Throws `optionInvalid` unless there is one partition at least. */
export function requirePartitions(numPartitions: number): number {
  if (!Number.isInteger(numPartitions) || numPartitions < 1) {
    throw new EngineError('optionInvalid', `numPartitions wants an integer of at least 1, got ${numPartitions}`);
  }
  return numPartitions;
}

/** Throws `optionInvalid` for an object without `partitionOf`, which a job in JavaScript may give. */
export function partitionerOf(partitions: Partitions): Partitioner | undefined {
  if (typeof partitions !== 'object') return undefined;
  if (typeof partitions.partitionOf === 'function') return partitions;
  throw new EngineError(
    'optionInvalid',
    `a partitioner wants { numPartitions, partitionOf(key) }, got partitionOf as ${typeof partitions.partitionOf}`,
  );
}

/** @param otherwise where nothing is said */
export const countOf = (partitions: Partitions, otherwise: number): number =>
  requirePartitions(typeof partitions === 'object' ? partitions.numPartitions : (partitions ?? otherwise));
