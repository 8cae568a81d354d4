import type { Predicate } from '../columnar/predicate.js';
import { andOf, type BoundExpr } from './expr-data.js';
import { hoist, type Hoisted } from './hoist-text.js';
import { predicateOf } from './predicate-of.js';

/**
 * A condition in three parts, of which a row must fulfil all: what kernels test of the columns themselves, what they test
 * once functions of text are columns too, and what they cannot.
 */
export interface SplitCondition {
  readonly predicate: Predicate | undefined;
  readonly text:
    | {
        readonly hoisted: Hoisted;
        readonly predicate: Predicate;
        /** What it is made of. */
        readonly condition: BoundExpr;
      }
    | undefined;
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
  const tested: Predicate[] = [];
  const ofText: BoundExpr[] = [];
  const others: BoundExpr[] = [];
  for (const part of parts) {
    const predicate = predicateOf(part);
    if (predicate !== undefined) tested.push(predicate);
    else (testOf(part) === undefined ? others : ofText).push(part);
  }
  const texts = allOf(ofText);
  return {
    predicate: tested.length === 0 ? undefined : tested.reduce((left, right) => ({ op: 'and', left, right })),
    // Hoisted together, so that what several of them read is computed once.
    text: texts && testOf(texts),
    rest: allOf(others),
  };
}

const allOf = (parts: readonly BoundExpr[]): BoundExpr | undefined =>
  parts.length === 0 ? undefined : parts.reduce((a, b) => andOf(a, b));

/** The condition as a test of the columns that its functions of text become. Comparisons with constants are tests as they are. */
function testOf(condition: BoundExpr): SplitCondition['text'] {
  const hoisted = hoist(condition, call => predicateOf(call) !== undefined);
  const predicate = predicateOf(hoisted.expr);
  return predicate && { condition, hoisted, predicate };
}

const partsOf = (expr: BoundExpr): readonly BoundExpr[] =>
  expr.op === 'call' && expr.fn === 'and' ? expr.args.flatMap(partsOf) : [expr];
