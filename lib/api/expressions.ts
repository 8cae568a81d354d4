/** The expressions of the public API: over columns, as data. */
export { col, lit, not } from '../expr/expr.js';
export type { ColumnExpr, ConditionExpr, Expr } from '../expr/expr.js';
export { avg, count, countIf, max, min, sum } from '../expr/aggregate.js';
export {
  approxCountDistinct,
  approxPercentile,
  collectList,
  countDistinct,
  first,
  last,
  stddev,
  variance,
} from '../expr/aggregate.js';
export {
  coalesce,
  concat,
  dateFormat,
  datePart,
  dateTrunc,
  hash,
  length,
  lower,
  replace,
  split,
  substring,
  toTimestamp,
  trim,
  udf,
  upper,
  when,
  windowStart,
} from '../expr/functions.js';
export { asc, desc } from './ordered-rows.js';
export type { OrderKey } from './ordered-rows.js';
