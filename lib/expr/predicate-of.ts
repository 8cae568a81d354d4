import type { ComparisonOp, Predicate } from '../columnar/predicate.js';
import type { BoundCall, BoundColumn, BoundExpr, BoundLiteral } from './expr-data.js';

/** The same comparison with its sides exchanged. */
const EXCHANGED: Record<ComparisonOp, ComparisonOp> = { eq: 'eq', ne: 'ne', lt: 'gt', le: 'ge', gt: 'lt', ge: 'le' };

/** One pass over the rows for each constant: a generated loop that stops at the first is better for more. */
const MAX_CHOICES = 8;

const isComparison = (fn: string): fn is ComparisonOp => Object.hasOwn(EXCHANGED, fn);

/** The condition as the kernels take it, comparisons of columns with constants; undefined for any other. */
export function predicateOf(expr: BoundExpr): Predicate | undefined {
  if (expr.op === 'column') return expr.kind === 'bool' ? { op: 'eq', column: expr.name, value: true } : undefined;
  return expr.op === 'call' ? predicateOfCall(expr) : undefined;
}

function predicateOfCall({ fn, args }: BoundCall): Predicate | undefined {
  const [a, b] = args;
  if (a === undefined) return undefined;
  if (fn === 'isNull') return a.op === 'column' ? { op: 'isNull', column: a.name } : undefined;
  if (fn === 'not') {
    const input = predicateOf(a);
    return input && { op: 'not', input };
  }
  if (b === undefined) return undefined;
  if (fn === 'isIn') return a.op === 'column' && args.length <= MAX_CHOICES ? oneOf(a, args.slice(1)) : undefined;
  if (fn === 'and' || fn === 'or') {
    const [left, right] = [predicateOf(a), predicateOf(b)];
    return left && right && { op: fn, left, right };
  }
  if (!isComparison(fn)) return undefined;
  if (a.op === 'column' && b.op === 'literal') return comparison(fn, a, b);
  return a.op === 'literal' && b.op === 'column' ? comparison(EXCHANGED[fn], b, a) : undefined;
}

function oneOf(column: BoundColumn, choices: readonly BoundExpr[]): Predicate | undefined {
  let any: Predicate | undefined;
  for (const choice of choices) {
    const one = choice.op === 'literal' ? comparison('eq', column, choice) : undefined;
    if (one === undefined) return undefined;
    any = any === undefined ? one : { op: 'or', left: any, right: one };
  }
  return any;
}

function comparison(op: ComparisonOp, { name, kind }: BoundColumn, { value }: BoundLiteral): Predicate | undefined {
  if (value === null) return undefined;
  const predicate: Predicate = { op, column: name, value };
  switch (kind) {
    case 'int32':
      return Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 31 ? predicate : undefined;
    case 'int64':
    case 'timestamp':
      return Number.isSafeInteger(value) ? predicate : undefined;
    case 'utf8':
    case 'bool':
    case 'float64':
      return predicate;
  }
}
