import { compareText } from '../../lib/expr/text.js';
import type { SortColumn } from '../../lib/columnar/sort-keys.js';

type Row = Readonly<Record<string, unknown>>;

/** The plain meaning of an order: null before everything, NaN behind every number, false before true, texts by UTF-8. */
export function compareRows(order: readonly SortColumn[]): (a: Row, b: Row) => number {
  return (a, b) => {
    for (const { column, descending } of order) {
      const result = compareValues(a[column], b[column]);
      if (result !== 0) return descending ? -result : result;
    }
    return 0;
  };
}

function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x < y ? -1 : x > y ? 1 : 0;
}
