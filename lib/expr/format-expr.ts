import type { Predicate } from '../columnar/predicate.js';
import { assertNever } from '../core/assert-never.js';
import { AggExpr } from './aggregate.js';
import type { Expr } from './expr.js';

const SIGNS = { eq: '=', ne: '<>', lt: '<', le: '<=', gt: '>', ge: '>=' } as const;

/** Higher binds tighter; equal ones that are nested on the right keep their parentheses. */
const RANK = { or: 1, and: 2, not: 3 } as const;

/** One line for plans and messages, the same for the same data: `action = "click" and not size < 10`, `sum(size) where ...`. */
export function formatExpr(expr: Expr | AggExpr): string {
  if (expr instanceof AggExpr) {
    const call = `${expr.kind}(${expr.column === undefined ? '' : formatName(expr.column)})`;
    return expr.filter === undefined ? call : `${call} where ${formatPredicate(expr.filter)}`;
  }
  switch (expr.kind) {
    case 'column':
      return formatName(expr.name);
    case 'literal':
      return JSON.stringify(expr.value);
    case 'condition':
      return formatPredicate(expr.predicate);
    default:
      return assertNever(expr);
  }
}

export function formatPredicate(predicate: Predicate): string {
  return format(predicate, 0);
}

/** @param rank that of the operator around it: what binds less tightly is put in parentheses */
function format(predicate: Predicate, rank: number): string {
  switch (predicate.op) {
    case 'and':
    case 'or': {
      const own = RANK[predicate.op];
      const text = `${format(predicate.left, own)} ${predicate.op} ${format(predicate.right, own + 1)}`;
      return own < rank ? `(${text})` : text;
    }
    case 'not':
      return `not ${format(predicate.input, RANK.not)}`;
    case 'isNull':
      return `${formatName(predicate.column)} is null`;
    default:
      return `${formatName(predicate.column)} ${SIGNS[predicate.op]} ${JSON.stringify(predicate.value)}`;
  }
}

/** A name as it is where it reads as one, else in quotes. */
function formatName(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) ? name : JSON.stringify(name);
}
