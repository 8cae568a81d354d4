import { assertNever } from '../core/assert-never.js';
import { EngineError } from '../core/errors.js';
import { numberFits } from '../columnar/decode-value.js';
import type { BoundCall, BoundExpr, BoundUdf, CallUdf, Literal, Value } from './expr-data.js';
import { applyOf, hashOf, isStrict } from './function-table.js';
import { show } from './literal.js';
import { wellFormed } from './text.js';

/**
 * The value of an expression for one row of JavaScript values, node by node: the plain meaning that the loops over
 * columns are held against, and what folds constants. A column that the row lacks is null.
 *
 * @param udf calls the job's own functions
 */
export function evalOnRow(expr: BoundExpr, row: { readonly [column: string]: unknown }, udf: CallUdf): Value {
  switch (expr.op) {
    case 'column':
      // Own properties only: a column may be called `constructor`.
      return Object.hasOwn(row, expr.name) ? ((row[expr.name] as Value | undefined) ?? null) : null;
    case 'literal':
      return expr.value;
    case 'udf': {
      const args = expr.args.map(arg => evalOnRow(arg, row, udf));
      return args.includes(null) ? null : checkedResult(expr, udf(expr.index, args));
    }
    case 'call':
      return evalCall(expr, row, udf);
    default:
      return assertNever(expr);
  }
}

function evalCall(call: BoundCall, row: { readonly [column: string]: unknown }, udf: CallUdf): Value {
  const { fn, args } = call;
  const value = (i: number): Value => {
    const arg = args[i];
    return arg === undefined ? null : evalOnRow(arg, row, udf);
  };
  if (isStrict(fn)) {
    const values = args.map((_, i) => value(i));
    return values.includes(null) ? null : applyOf(call, fn)(...(values as never[]));
  }
  switch (fn) {
    case 'and': {
      const left = value(0);
      if (left === false) return false;
      const right = value(1);
      return right === false ? false : left === null || right === null ? null : true;
    }
    case 'or': {
      const left = value(0);
      if (left === true) return true;
      const right = value(1);
      return right === true ? true : left === null || right === null ? null : false;
    }
    case 'isNull':
      return value(0) === null;
    case 'eqNullSafe':
      return value(0) === value(1);
    case 'coalesce': {
      for (let i = 0; i < args.length; i++) {
        const found = value(i);
        if (found !== null) return found;
      }
      return null;
    }
    case 'when': {
      let i = 0;
      for (; i + 1 < args.length; i += 2) if (value(i) === true) return value(i + 1);
      return value(i);
    }
    case 'hash':
      return hashOf(args.map((_, i) => value(i)));
    default:
      return assertNever(fn);
  }
}

/** What a function of the job gave, as a value of its kind. Throws `typeMismatch` for what is none. */
export function checkedResult({ kind, index }: BoundUdf, value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (kind === 'utf8' && typeof value === 'string') return wellFormed(value);
  if (kind === 'bool' && typeof value === 'boolean') return value;
  if (typeof value === 'number' && numberFits(kind, value)) return kind === 'float64' ? value : value + 0;
  throw new EngineError(
    'typeMismatch',
    `the job's function ${index + 1} of this operation wants to give ${kind} or null, it gave ${show(value as Literal)}`,
  );
}
