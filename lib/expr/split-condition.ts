import type { Predicate } from '../columnar/predicate.js';
import { andOf, type BoundExpr } from './expr-data.js';
import { predicateOf } from './predicate-of.js';

/** A condition in two parts, of which a row must fulfil both: what the kernels can test, and what they cannot. */
export interface SplitCondition {
  readonly predicate: Predicate | undefined;
  readonly rest: BoundExpr | undefined;
}

const made = new WeakMap<BoundExpr, SplitCondition>();

/** The parts of a condition, the same objects for the same condition. A row is kept where all it is made of by `and` is true. */
export function splitCondition(condition: BoundExpr): SplitCondition {
  const known = made.get(condition);
  if (known !== undefined) return known;
  const split = splitParts(partsOf(condition));
  made.set(condition, split);
  return split;
}

function splitParts(parts: readonly BoundExpr[]): SplitCondition {
  let predicate: Predicate | undefined;
  let rest: BoundExpr | undefined;
  for (const part of parts) {
    const tested = predicateOf(part);
    if (tested !== undefined)
      predicate = predicate === undefined ? tested : { op: 'and', left: predicate, right: tested };
    else rest = rest === undefined ? part : andOf(rest, part);
  }
  return { predicate, rest };
}

const partsOf = (expr: BoundExpr): readonly BoundExpr[] =>
  expr.op === 'call' && expr.fn === 'and' ? expr.args.flatMap(partsOf) : [expr];
