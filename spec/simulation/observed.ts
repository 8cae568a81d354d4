/** What is seen of a simulated run from outside, beside the files it leaves. */
import { newSeen, type Seen } from '../helpers/combination-job.js';

export class Observed {
  /** Records of each batch, in the order in which the job's tap saw them, by batch time. */
  readonly batches = new Map<number, readonly string[]>();
  readonly seen: Seen = newSeen();
  /** Records that were acknowledged, or lie in files: each must be in exactly one batch. */
  readonly certain = new Set<string>();
  /** Records that were handed over without an answer: each may be in one batch at the most. */
  readonly possible = new Set<string>();

  /** A batch that is run again reads what it read the first time. */
  tap(time: number, records: readonly string[]): void {
    const before = this.batches.get(time);
    if (before !== undefined && before.join('\n') !== records.join('\n'))
      this.seen.problems.push(
        `batch ${time} read [${before.join(', ')}], and [${records.join(', ')}] when it ran again`,
      );
    this.batches.set(time, records);
  }
}

/** The part of a record that says which it is. */
export const idOf = (record: string): string => record.slice(0, record.indexOf('|'));
/** The part that jobs work with. */
export const wordOf = (record: string): string => record.slice(record.indexOf('|') + 1);
