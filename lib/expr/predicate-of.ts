import type { ComparisonOp, Predicate } from '../columnar/predicate.js';
import type { BoundCall, BoundColumn, BoundExpr, BoundLiteral } from './expr-data.js';

/** The same comparison with its sides exchanged. */
const EXCHANGED: Record<ComparisonOp, ComparisonOp> = { eq: 'eq', ne: 'ne', lt: 'gt', le: 'ge', gt: 'lt', ge: 'le' };

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
  if (fn === 'isIn') return isOneOf(a, args.slice(1));
  if (fn === 'and' || fn === 'or') {
    const [left, right] = [predicateOf(a), predicateOf(b)];
    return left && right && { op: fn, left, right };
  }
  if (!isComparison(fn)) return undefined;
  if (a.op === 'column' && b.op === 'literal') return comparison(fn, a, b);
  return a.op === 'literal' && b.op === 'column' ? comparison(EXCHANGED[fn], b, a) : undefined;
}

/** Above this many, one look into a set costs less than a comparison with each. */
const MAX_LIST = 8;

function isOneOf(a: BoundExpr, list: readonly BoundExpr[]): Predicate | undefined {
  if (a.op !== 'column' || list.length > MAX_LIST) return undefined;
  const tests = list.map(item => (item.op === 'literal' ? comparison('eq', a, item) : undefined));
  return tests.reduce((left, right) => left && right && { op: 'or', left, right });
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
