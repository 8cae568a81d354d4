/**
 * Which records a batch leaves out because the job fails on them. The choice is logged with the batch's offsets before
 * anything of the batch is put out, so that a batch that runs again after a crash leaves out the same:
 *
 *   offsets of t   { files: [range, range] }                                            when t is planned
 *                  { "#leftOut": [{ source: "files", range: 1, row: 17, reason }] }     when t is computed without them
 *
 * Records are named by the range that reads them and their number in it, which does not depend on workers or filters.
 */
import type { Json } from '../core/json.js';
import type { LeftOutRow, RowSelection } from '../protocol/messages.js';
import type { Batch } from './batch.js';

export type PoisonRecord = {
  readonly source: string;
  /** Which of the source's ranges in the batch, from 0. */
  readonly range: number;
  /** From 0, among the good records of the range. */
  readonly row: number;
  /** What the job failed with, for people. */
  readonly reason: string;
};

/** Stands among the sources of a batch in the log; no source has such an id. */
export const LEFT_OUT = '#leftOut';

type Ranges = { readonly [source: string]: readonly Json[] };

/** What an earlier process chose for the batch. */
export const choiceIn = (ranges: Ranges): readonly PoisonRecord[] =>
  (ranges[LEFT_OUT] ?? []) as readonly PoisonRecord[];

export const choiceRecord = (choice: readonly PoisonRecord[]): Ranges => ({ [LEFT_OUT]: choice });

/** Some rows of one range of a source. */
export interface RowWindow {
  readonly source: string;
  readonly range: number;
  readonly from: number;
  /** Infinity for all from there on. */
  readonly to: number;
}

/** All that the batch reads but for what is left out. */
export function withoutPoison(batch: Batch, choice: readonly PoisonRecord[]): Batch {
  if (choice.length === 0) return batch;
  const selections = selectionsBy(batch.ranges, (source, range) => {
    const leftOut = leftOutOf(choice, source, range);
    return leftOut.length === 0 ? undefined : { from: 0, to: Number.POSITIVE_INFINITY, leftOut };
  });
  return { ...batch, selections };
}

/** These windows of it and nothing else, but for what is left out of them. */
export function onlyWindows(batch: Batch, choice: readonly PoisonRecord[], windows: readonly RowWindow[]): Batch {
  const selections = selectionsBy(batch.ranges, (source, range) => {
    const window = windows.find(candidate => candidate.source === source && candidate.range === range);
    return {
      from: window?.from ?? 0,
      to: window?.to ?? 0,
      leftOut: window === undefined ? [] : leftOutOf(choice, source, range),
    };
  });
  return { ...batch, selections };
}

function selectionsBy(
  ranges: Ranges,
  select: (source: string, range: number) => RowSelection | undefined,
): ReadonlyMap<string, readonly (RowSelection | undefined)[]> {
  return new Map(
    Object.entries(ranges).map(([source, own]) => [source, own.map((_, range) => select(source, range))] as const),
  );
}

const leftOutOf = (choice: readonly PoisonRecord[], source: string, range: number): readonly LeftOutRow[] =>
  choice
    .filter(record => record.source === source && record.range === range)
    .map(({ row, reason }) => ({ row, reason }))
    .toSorted((a, b) => a.row - b.row);
