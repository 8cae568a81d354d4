/**
 * Remembers which blocks a batch may still read, and so which segments of the log can go.
 *
 * A block is needed until its batch is committed, also when later ones are committed before. With a checkpoint it stays
 * until a manifest of that batch's time or a later one is written too: a restart may begin at the manifest before.
 */
import type { FoundSegment } from './scan-log.js';

export class BlockRetention {
  readonly #hasCheckpoint: boolean;
  /** Of batches that are planned and not committed: their first block, by batch time. */
  readonly #open = new Map<number, number>();
  /** The number after the last block of each batch, by batch time, ascending. */
  readonly #ends = new Map<number, number>();
  /** First blocks of the segments, in order. */
  readonly #segments = new Map<number, number>();
  /** Nothing before this block is needed by any checkpoint. */
  #floor = 0;

  constructor(hasCheckpoint: boolean) {
    this.#hasCheckpoint = hasCheckpoint;
  }

  addSegment({ segment, firstBlock }: FoundSegment): void {
    if (!this.#segments.has(segment)) this.#segments.set(segment, firstBlock);
  }

  /** @param first number of the batch's first block; undefined when it has none @param end the number after its last one, and after all before */
  planned(time: number, first: number | undefined, end: number): void {
    if (first !== undefined) this.#open.set(time, first);
    this.#ends.set(time, end);
  }

  /** A batch that an earlier process planned begins with this block. */
  held(time: number, first: number): void {
    this.#open.set(time, first);
  }

  committed(time: number): void {
    this.#open.delete(time);
    if (!this.#hasCheckpoint) this.checkpointed(time);
  }

  /** A checkpoint holds all up to the batch of this time. */
  checkpointed(time: number): void {
    for (const [planned, end] of this.#ends) {
      if (planned > time) continue;
      this.#floor = Math.max(this.#floor, end);
      this.#ends.delete(planned);
    }
  }

  /** Forgets the segments of which nothing is needed, and returns them. The last one stays: it is written to. */
  dropUnused(): number[] {
    const needed = Math.min(this.#floor, ...this.#open.values());
    const segments = [...this.#segments].toSorted(([a], [b]) => a - b);
    const unused: number[] = [];
    for (let i = 0; i + 1 < segments.length; i++) {
      const [segment] = segments[i] ?? [0];
      // A segment that was torn at its birth has no block: then the one after it says where it would end.
      const following = segments.slice(i + 1).find(([, first]) => !Number.isNaN(first));
      if (following === undefined || following[1] > needed) break;
      unused.push(segment);
      this.#segments.delete(segment);
    }
    return unused;
  }
}
