/**
 * No batch is not an empty batch. Where a source gives no batch, what is made from it has none either: its outputs do
 * not run. Operations with state go on with what they have; operations on several streams cannot do without one.
 */
import { operatorIdOf, type NodeId, type Plan, type PlanNode } from './node.js';

/** Nodes that have no batch when these sources give none. */
export function absentNodes(plan: Plan, sources: ReadonlySet<string>): ReadonlySet<NodeId> {
  const absent = new Set<NodeId>();
  if (sources.size === 0) return absent;
  for (const node of plan.nodes) {
    const { operation, dependencies } = node;
    const isAbsent =
      operation.kind === 'source'
        ? sources.has(operation.sourceId)
        : operatorIdOf(node) === undefined && dependencies.some(({ parent }) => absent.has(parent));
    if (isAbsent) absent.add(node.id);
  }
  return absent;
}

/** The first node that wants a batch of each of its streams and has none of this source's. */
export function needsBatchOf(plan: Plan, sourceId: string): PlanNode | undefined {
  const absent = absentNodes(plan, new Set([sourceId]));
  return plan.nodes.find(
    ({ id, operation }) => absent.has(id) && ['union', 'cogroup', 'transform'].includes(operation.kind),
  );
}
