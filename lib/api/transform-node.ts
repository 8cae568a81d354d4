/** transform as a plan node: one function for the RDDs of all its streams. */
import type { NodeId } from '../plan/node.js';
import type { UserFunction } from './closures.js';
import type { Rdd } from './rdd.js';
import type { StreamGraph } from './stream-graph.js';

export function addTransformNode(
  graph: StreamGraph,
  parents: readonly NodeId[],
  f: (rdds: readonly Rdd<unknown>[], time: number) => Rdd<unknown>,
): NodeId {
  const dependencies = parents.map(parent => ({ kind: 'narrow', parent }) as const);
  const id = graph.addNode({ kind: 'transform' }, dependencies, undefined);
  graph.functions.set(id, f as UserFunction);
  return id;
}
