/** Random rows, by a seed: each partition draws on its own, and draws the same whenever it is computed. */
import { EngineError } from '../core/errors.js';
import { drawPoisson, seededDraw, type Draw } from '../core/random.js';
import type { Builder } from './operations.js';
import type { Lineage } from './lineage.js';
import { partitionKey, type Place } from './rdd-partitions.js';

type Rows = Iterable<unknown>;

/** Throws `optionInvalid` for a fraction below 0, or above 1 without replacement. */
export function sample(
  builder: Builder<Lineage>,
  parent: Lineage,
  withReplacement: boolean,
  fraction: number,
  seed: number,
): Lineage {
  if (!(fraction >= 0 && (withReplacement ? Number.isFinite(fraction) : fraction <= 1))) {
    const range = withReplacement ? 'a number of at least 0' : 'a number from 0 to 1';
    throw new EngineError('optionInvalid', `sample wants a fraction that is ${range}, got ${fraction}`);
  }
  return builder.narrow('mapPartitionsWithPlace', parent, (place: Place, rows: Rows) =>
    withReplacement
      ? repeated(rows, fraction, drawAt(parent, seed, place))
      : between(rows, 0, fraction, drawAt(parent, seed, place)),
  );
}

/** One lineage for each weight. Throws `optionInvalid` for a weight below 0 and when all are 0. */
export function randomSplit(
  builder: Builder<Lineage>,
  parent: Lineage,
  weights: readonly number[],
  seed: number,
): Lineage[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!weights.every(weight => weight >= 0) || !(total > 0) || !Number.isFinite(total)) {
    throw new EngineError(
      'optionInvalid',
      `randomSplit wants weights of at least 0 and one above, got [${weights.join(', ')}]`,
    );
  }
  let sum = 0;
  const ends = weights.map(weight => (sum += weight) / total);
  const last = weights.findLastIndex(weight => weight > 0);
  return ends.map((end, i) => {
    const from = i === 0 ? 0 : (ends[i - 1] ?? 0);
    // The sum of the weights may be rounded to a little less than the whole.
    const to = i === last ? 1 : end;
    return builder.narrow('mapPartitionsWithPlace', parent, (place: Place, rows: Rows) =>
      between(rows, from, to, drawAt(parent, seed, place)),
    );
  });
}

const drawAt = (parent: Lineage, seed: number, place: Place): Draw => seededDraw(seed, ...partitionKey(parent, place));

/** Rows whose draw is in [from, to). Every row takes one draw, so that ranges side by side share the rows out. */
function* between(rows: Rows, from: number, to: number, draw: Draw): Rows {
  for (const row of rows) {
    const drawn = draw();
    if (drawn >= from && drawn < to) yield row;
  }
}

/** Each row as often as drawn, `mean` times on the average. */
function* repeated(rows: Rows, mean: number, draw: Draw): Rows {
  for (const row of rows) for (let left = drawPoisson(draw, mean); left > 0; left--) yield row;
}

/** What a partition puts forward for a sample of a fixed size. */
export interface Candidates<T> {
  readonly numRows: number;
  readonly drawn: readonly (readonly [priority: number, row: T])[];
}

/** At most `size` rows of one partition; with replacement `size` draws of it, unless it is empty. */
export function candidates<T>(rows: readonly T[], withReplacement: boolean, size: number, draw: Draw): Candidates<T> {
  const numRows = rows.length;
  if (!withReplacement) {
    const drawn = rows.map(row => [draw(), row] as const).sort(byPriority);
    return { numRows, drawn: drawn.slice(0, size) };
  }
  const one = (): readonly [number, T] => [0, rows[Math.floor(draw() * numRows)] as T];
  return { numRows, drawn: Array.from({ length: numRows === 0 ? 0 : size }, one) };
}

/** The sample of all partitions together, in random order. */
export function choose<T>(parts: readonly Candidates<T>[], withReplacement: boolean, size: number, draw: Draw): T[] {
  if (!withReplacement) {
    return parts
      .flatMap(({ drawn }) => drawn)
      .sort(byPriority)
      .slice(0, size)
      .map(([, row]) => row);
  }
  const total = parts.reduce((sum, { numRows }) => sum + numRows, 0);
  if (total === 0) return [];
  // Draw i is draw i of a partition, which is chosen by how many rows it has.
  return Array.from({ length: size }, (_, i) => {
    let left = Math.floor(draw() * total);
    const part = parts.find(({ numRows }) => (left -= numRows) < 0);
    return part?.drawn[i]?.[1] as T;
  });
}

const byPriority = ([a]: readonly [number, unknown], [b]: readonly [number, unknown]): number => a - b;

/** Throws `optionInvalid` for a size that is no integer of at least 0. */
export function requireSize(size: number): number {
  if (Number.isInteger(size) && size >= 0) return size;
  throw new EngineError('optionInvalid', `takeSample wants an integer of at least 0, got ${size}`);
}
