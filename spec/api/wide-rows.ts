/** Rows of all kinds for aggregates, and what a plain evaluator makes of them. */
import { DistinctEstimates } from '../../lib/columnar/wide/hyper-log-log.js';
import { Percentiles } from '../../lib/columnar/wide/percentile-sketch.js';
import type { Scalar, WideAccumulators } from '../../lib/columnar/wide/wide-aggregate.js';
import { compareText } from '../../lib/core/compare-text.js';
import { bool, float64, int32, int64, nullable, schema, timestamp, utf8, type RowOf } from '../../lib/core/schema.js';
import {
  approxCountDistinct,
  approxPercentile,
  avg,
  collectList,
  count,
  countDistinct,
  first,
  last,
  max,
  min,
  stddev,
  variance,
} from '../../lib/expr/aggregate.js';
import { col } from '../../lib/expr/expr.js';
import { concat } from '../../lib/expr/functions.js';
import { intBelow, pick, randomString, SPECIAL_NUMBERS, type Random } from '../helpers/random-values.js';

export const rowSchema = schema({
  k: utf8(),
  c: nullable(int32()),
  x: nullable(float64()),
  y: float64(),
  t: nullable(utf8()),
  i: int64(),
  at: nullable(timestamp()),
  b: nullable(bool()),
});
export type Row = RowOf<typeof rowSchema>;

const KEYS = ['', 'a', 'user-17', 'Ören \u{1f600}', '__proto__', 'a key of more than sixteen bytes'];

/** Text as it is once it was UTF-8. */
const text = (random: Random): string => Buffer.from(randomString(random)).toString();
const orNull = <T>(random: Random, value: T): T | null => (random() < 0.25 ? null : value);

export const randomRows = (random: Random, numRows: number): Row[] =>
  Array.from({ length: numRows }, () => ({
    k: pick(random, KEYS),
    c: orNull(random, intBelow(random, 2)),
    x: orNull(random, random() < 0.5 ? pick(random, SPECIAL_NUMBERS) : (random() - 0.5) * 1000),
    y: random() < 0.02 ? Number.NaN : 1e6 + random(),
    t: orNull(random, random() < 0.5 ? pick(random, ['one', 'two', '\u{1f600}', '\uffff']) : text(random)),
    i: pick(random, [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, intBelow(random, 5)]),
    at: orNull(random, 1.7e12 + intBelow(random, 1e6)),
    b: orNull(random, random() < 0.5),
  }));

/** In an order in which wide ones and others alternate. */
export const columnAggregates = () => ({
  firstX: first('x'),
  n: count(),
  lastT: last('t'),
  meanI: avg('c'),
  firstB: first('b'),
  lastI: last('i'),
  lastAt: last('at').where(col('i').lt(3)),
  leastT: min('t'),
  greatestT: max(concat(col('t'), '!')),
  leastAt: min('at'),
  differentX: countDistinct('x'),
  differentT: countDistinct('t').where(col('b')),
  aboutT: approxCountDistinct('t'),
  aboutI: approxCountDistinct('i'),
  medianX: approxPercentile('x', 0.5),
  highY: approxPercentile(col('y').mul(2), 0.9),
  spread: stddev('y'),
  square: variance('c'),
});

export const listAggregates = () => ({
  ...columnAggregates(),
  ts: collectList('t'),
  is: collectList('i').where(col('b')),
});

/** Within the rounding of another order of additions. */
export const rounded = (value: number | null): number | null =>
  value === null || Number.isNaN(value) ? value : Number(value.toPrecision(6));

const present = <T>(values: readonly (T | null)[]): T[] => values.filter(value => value !== null);
const filled = (made: WideAccumulators, values: readonly Scalar[]): unknown => {
  for (const value of values) made.add(1, value);
  return made.result(1);
};
const least = (values: readonly string[]): string | null => values.toSorted(compareText)[0] ?? null;
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

function sampleVariance(values: readonly number[]): number | null {
  const middle = mean(values);
  return values.length < 2 ? null : values.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (values.length - 1);
}

/** What `listAggregates` are of rows in this order, with `spread` and `square` rounded. */
export function evaluate(rows: readonly Row[]): { readonly [name: string]: unknown } {
  const t = present(rows.map(row => row.t));
  const x = present(rows.map(row => row.x));
  const c = present(rows.map(row => row.c));
  const at = present(rows.map(row => row.at));
  const ys = rows.map(row => row.y);
  const spread = sampleVariance(ys);
  return {
    firstX: x[0] ?? null,
    n: rows.length,
    lastT: t.at(-1) ?? null,
    meanI: c.length === 0 ? null : mean(c),
    firstB: present(rows.map(row => row.b))[0] ?? null,
    lastI: rows.at(-1)?.i ?? null,
    lastAt: present(rows.filter(row => row.i < 3).map(row => row.at)).at(-1) ?? null,
    leastT: least(t),
    greatestT:
      t.length === 0
        ? null
        : t
            .map(value => `${value}!`)
            .toSorted(compareText)
            .at(-1),
    leastAt: at.length === 0 ? null : Math.min(...at),
    differentX: new Set(x).size,
    differentT: new Set(present(rows.filter(row => row.b === true).map(row => row.t))).size,
    aboutT: filled(new DistinctEstimates(), t),
    aboutI: filled(
      new DistinctEstimates(),
      rows.map(row => row.i),
    ),
    medianX: filled(new Percentiles(0.5), x),
    highY: filled(
      new Percentiles(0.9),
      ys.map(y => y * 2),
    ),
    spread: rounded(spread === null ? null : Math.sqrt(spread)),
    square: rounded(sampleVariance(c)),
    ts: t,
    is: rows.filter(row => row.b === true).map(row => row.i),
  };
}

/** Rows by key, in order. */
export function byKey(rows: readonly Row[], into = new Map<string, Row[]>()): Map<string, Row[]> {
  for (const row of rows) {
    const key = JSON.stringify([row.k, row.c]);
    into.set(key, [...(into.get(key) ?? []), row]);
  }
  return into;
}
