import { EngineError } from '../../core/errors.js';
import type { Column } from '../../core/schema.js';
import { described, Misfit, valueOfJson, type CellValue } from '../../columnar/decode-value.js';

/**
 * The row with the declared columns, each of its type, and nothing else. Checked when it is received, because a row in
 * the log cannot be refused any more: every batch that holds it would fail.
 *
 * @returns a Misfit whose reason says which column wants what
 */
function checkedRow(columns: readonly Column[], row: unknown): { readonly [name: string]: CellValue } | Misfit {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    return new Misfit(`an object wanted, got ${described(row)}`);
  }
  const given = row as { readonly [name: string]: unknown };
  const checked: [string, CellValue][] = [];
  for (const column of columns) {
    // Own fields only: an object inherits names such as `constructor`.
    const value = valueOfJson(column, Object.hasOwn(given, column.name) ? given[column.name] : undefined);
    if (value instanceof Misfit) return value;
    checked.push([column.name, value]);
  }
  return Object.fromEntries(checked);
}

/** All rows checked. Throws `typeMismatch` naming the first that does not fit. */
export function checkedRows(columns: readonly Column[], rows: readonly unknown[], source: string): unknown[] {
  return rows.map((row, i) => {
    const checked = checkedRow(columns, row);
    if (!(checked instanceof Misfit)) return checked;
    throw new EngineError(
      'typeMismatch',
      `source ${source} cannot store item ${i} of ${rows.length}: ${checked.reason}; none of them is stored`,
    );
  });
}
