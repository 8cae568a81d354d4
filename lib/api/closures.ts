/** What a job's closures are to the engine: looked up by the node of the plan that calls them. */
import type { NodeId, PlanNode } from '../plan/node.js';
import type { Partitioner } from './partitioner.js';

/** Any closure of a job, by the id of the node that calls it. Its real type is known to the operation's code only. */
export type UserFunction = (...args: never[]) => unknown;

/** The closures of a combineByKey node. */
export interface Combiner {
  readonly create: UserFunction;
  readonly merge: UserFunction;
  readonly mergeCombiners: UserFunction;
}

/** The closures of a window of totals beside its combiner. */
export interface WindowTotals {
  readonly inverse: UserFunction;
  readonly filter: UserFunction | undefined;
}

/** The nodes of a plan with the closures that belong to them, as an executor looks them up. */
export interface GraphView {
  node(id: NodeId): PlanNode;
  readonly functions: ReadonlyMap<NodeId, UserFunction>;
  readonly combiners: ReadonlyMap<NodeId, Combiner>;
  readonly windowTotals: ReadonlyMap<NodeId, WindowTotals>;
  readonly partitioners: ReadonlyMap<NodeId, Partitioner>;
}
