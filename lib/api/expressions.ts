/** The expressions of the public API: over columns, as data. */
export { col, lit, not } from '../expr/expr.js';
export { count, countIf, max, min, sum } from '../expr/aggregate.js';
