/**
 * A source may give no batch at all, which is not the same as an empty one: what is made from it has no batch either,
 * and its outputs do not run. Two things end that: an operation with state, which goes on with what it has, and a union
 * or a join, which fails.
 */
import { operatorIdOf, type NodeId, type OutputNode, type Plan, type PlanNode } from './node.js';

/** The source without whose batch an output has none; undefined where it has one in any case. */
export function sourceOfOutput({ nodes }: Plan, output: OutputNode): string | undefined {
  let node: PlanNode | undefined = nodes[output.parent];
  while (node !== undefined && operatorIdOf(node) === undefined) {
    if (node.operation.kind === 'source') return node.operation.sourceId;
    const parents: readonly NodeId[] = node.dependencies.map(({ parent }) => parent);
    node = parents.length === 1 && parents[0] !== undefined ? nodes[parents[0]] : undefined;
  }
  return undefined;
}

/** Of each output, whether it has a batch where these sources gave one. */
export function presentOutputs(
  plan: Plan,
): (outputId: string, ranges: { readonly [source: string]: unknown }) => boolean {
  const sources = new Map(plan.outputs.map(output => [output.id, sourceOfOutput(plan, output)]));
  return (outputId, ranges) => {
    const source = sources.get(outputId);
    return source === undefined || Object.hasOwn(ranges, source);
  };
}
