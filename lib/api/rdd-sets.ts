/** RDDs as sets and bags of rows. Rows are the same when they are the same key: by content, see `core/value-key.ts`. */
import { keyOf } from '../core/value-key.js';
import type { Builder } from './operations.js';
import * as operations from './operations.js';
import type { Lineage } from './lineage.js';
import type { Partitions } from './partitioner.js';

type Sides = readonly [unknown, readonly [readonly unknown[], readonly unknown[]]];

/** The row is its own key: as a value it comes through a shuffle as it was, while a key takes its canonical form. */
const byRow = (builder: Builder<Lineage>, parent: Lineage): Lineage =>
  builder.narrow('map', parent, (row: unknown) => [row, row]);

const values = (builder: Builder<Lineage>, pairs: Lineage): Lineage =>
  builder.narrow('map', pairs, ([, value]: readonly [unknown, unknown]) => value);

export const distinct = (builder: Builder<Lineage>, parent: Lineage, partitions: Partitions): Lineage =>
  values(
    builder,
    operations.reduceByKey(builder, byRow(builder, parent), (first: unknown) => first, partitions),
  );

/** Pairs whose key is not in the other. */
export function subtractByKey(
  builder: Builder<Lineage>,
  left: Lineage,
  right: Lineage,
  partitions: Partitions,
): Lineage {
  const keys = builder.narrow('map', right, ([key]: readonly [unknown, unknown]) => [key, null]);
  const both = operations.cogroup(builder, [left, once(builder, keys)], partitions);
  return builder.narrow('flatMap', both, ([key, [here, there]]: Sides) =>
    there.length > 0 ? [] : here.map(value => [key, value]),
  );
}

export const subtract = (builder: Builder<Lineage>, left: Lineage, right: Lineage, partitions: Partitions): Lineage =>
  values(builder, subtractByKey(builder, byRow(builder, left), byRow(builder, right), partitions));

export function intersection(
  builder: Builder<Lineage>,
  left: Lineage,
  right: Lineage,
  partitions: Partitions,
): Lineage {
  const keys = builder.narrow('map', right, (row: unknown) => [row, null]);
  const both = operations.cogroup(builder, [byRow(builder, left), once(builder, keys)], partitions);
  return builder.narrow('flatMap', both, ([, [here, there]]: Sides) => (there.length > 0 ? here.slice(0, 1) : []));
}

/** Of each partition each key once, so that less goes through the shuffle. */
const once = (builder: Builder<Lineage>, pairs: Lineage): Lineage =>
  builder.narrow('mapPartitions', pairs, (rows: Iterable<readonly [unknown, unknown]>) => firstOfEachKey(rows));

function* firstOfEachKey(rows: Iterable<readonly [unknown, unknown]>): Iterable<readonly [unknown, unknown]> {
  const seen = new Set<unknown>();
  for (const row of rows) {
    const identity = keyOf(row[0]);
    if (seen.has(identity)) continue;
    seen.add(identity);
    yield row;
  }
}
