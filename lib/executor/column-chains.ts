/**
 * Which operations on columns follow one another with nothing else in between: they are one operator. Made once for a
 * stage, because loops are kept by the expressions that they are made of.
 */
import type { Predicate } from '../columnar/predicate.js';
import { splitCondition } from '../expr/split-condition.js';
import { isShuffle, type Stage } from '../plan/stages.js';
import { isStep, simplified, stepOf, wantedOf, type ColumnStep } from '../plan/rules/column-steps.js';
import type { NodeId, PlanNode } from '../plan/node.js';
import { columnsUsed } from './columns-used.js';

export interface ColumnChain {
  /** Each with the columns of its rows that are read behind it; undefined = any. */
  readonly steps: readonly (ColumnStep & { readonly wanted: ReadonlySet<string> | undefined })[];
  /** The node whose rows come out. */
  readonly last: PlanNode;
}

const chains = new WeakMap<Stage, Map<NodeId, ColumnChain>>();

/** The chain that begins with a node that is a filter or a projection. */
export function chainFrom(stage: Stage, first: PlanNode): ColumnChain {
  const known = chains.get(stage) ?? new Map<NodeId, ColumnChain>();
  chains.set(stage, known);
  let chain = known.get(first.id);
  if (chain === undefined) known.set(first.id, (chain = makeChain(stage, first)));
  return chain;
}

/** What the kernels test of a node's rows before anything else is done with them, if there is such a condition. */
export function firstPredicate(stage: Stage, node: PlanNode): Predicate | undefined {
  const child = onlyChild(stage, node);
  if (child === undefined || !isStep(child)) return undefined;
  const operation = chainFrom(stage, child).steps[0]?.operation;
  return operation?.kind === 'where' ? splitCondition(operation.condition).predicate : undefined;
}

function makeChain(stage: Stage, first: PlanNode): ColumnChain {
  const nodes = [first];
  let last = first;
  for (let next = onlyChild(stage, last); next !== undefined && isStep(next); next = onlyChild(stage, last)) {
    nodes.push(next);
    last = next;
  }
  const steps = simplified(nodes.map(stepOf));
  const wanted = wantedOf(steps, columnsUsed(stage, last));
  return { steps: steps.map((step, i) => ({ ...step, wanted: wanted[i] })), last };
}

/** The node that alone gets a node's rows, or undefined where there are several, an output or a shuffle. */
function onlyChild(stage: Stage, { id }: PlanNode): PlanNode | undefined {
  if (stage.outputs.some(output => output.parent === id) || stage.writes.some(write => write.node === id))
    return undefined;
  const children = stage.nodes.flatMap(node =>
    node.dependencies
      .filter(dependency => !isShuffle(dependency) && dependency.parent === id && node.id !== stage.leaf.id)
      .map(() => node),
  );
  return children.length === 1 ? children[0] : undefined;
}
