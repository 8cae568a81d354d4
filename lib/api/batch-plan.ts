/**
 * The plan of one batch. A job without transform has the same in every batch; else each transform's function is called
 * with the batch's RDDs, in the driver and again in each worker that takes part, and the lineage that it gives takes the
 * place between the node and its parents.
 */
import { EngineError } from '../core/errors.js';
import type { NodeId, Plan, PlanNode } from '../plan/node.js';
import { endsSlide, slidesOf } from '../plan/slides.js';
import { Fragment, type Collection } from './lower-lineage.js';
import { Lineage } from './lineage.js';
import { isRdd, Rdd } from './rdd.js';
import { walkLineage } from './action-plan.js';
import type { Captured } from './captured-variables.js';
import type { GraphView } from './closures.js';
import type { StreamGraph } from './stream-graph.js';

export interface BatchPlan {
  readonly plan: Plan;
  readonly view: GraphView;
  /** Values of the driver, by the node that gives them. */
  readonly collections: ReadonlyMap<NodeId, Collection>;
  /** What driver and worker compare; empty for a plan that is the same in every batch. */
  readonly fingerprint: string;
  /** What the closures that the batch's own functions made take from around them. */
  readonly captured: readonly Captured[];
}

export const hasTransforms = (plan: Plan): boolean =>
  plan.nodes.some(({ operation }) => operation.kind === 'transform');

/**
 * Throws what a transform's function throws, and `jobInvalid` for one that gives no RDD.
 *
 * @param previousTime time of the engine's batch before
 */
export function planOfBatch(graph: StreamGraph, plan: Plan, time: number, previousTime: number): BatchPlan {
  const slides = slidesOf(plan);
  const nodes: PlanNode[] = [];
  const fragments: Fragment[] = [];
  const prints: string[] = [];
  let nextId = plan.nodes.length;
  for (const node of plan.nodes) {
    const slideMs = slides[node.id] ?? null;
    if (node.operation.kind !== 'transform' || !endsSlide(slideMs, time, previousTime)) {
      nodes.push(node);
      continue;
    }
    const fragment = new Fragment(nextId, slideMs);
    const { lineage } = resultOf(graph, node, time);
    refuseBlocks(lineage, node);
    const parent = fragment.add(lineage);
    nextId += fragment.nodes.length;
    fragments.push(fragment);
    prints.push(fragment.fingerprint(parent));
    nodes.push(
      ...fragment.nodes,
      Object.freeze({ ...node, operation: { kind: 'union' }, dependencies: [{ kind: 'narrow', parent }] } as const),
    );
  }
  const byId = new Map(nodes.map(node => [node.id, node]));
  const view: GraphView = {
    node(id) {
      const node = byId.get(id);
      if (node === undefined) throw new EngineError('internal', `no node ${id} in the batch's plan of ${plan.job}`);
      return node;
    },
    functions: new Map([...graph.functions, ...fragments.flatMap(({ functions }) => [...functions])]),
    combiners: new Map([...graph.combiners, ...fragments.flatMap(({ combiners }) => [...combiners])]),
    windowTotals: graph.windowTotals,
    partitioners: new Map([...graph.partitioners, ...fragments.flatMap(({ partitioners }) => [...partitioners])]),
  };
  return {
    plan: Object.freeze({ ...plan, nodes: Object.freeze(nodes) }),
    view,
    collections: new Map(fragments.flatMap(({ collections }) => [...collections])),
    fingerprint: prints.join(' '),
    captured: fragments.flatMap(fragment => fragment.captured()),
  };
}

function resultOf(graph: StreamGraph, node: PlanNode, time: number): Rdd<unknown> {
  const f = graph.functions.get(node.id) as ((rdds: readonly Rdd<unknown>[], time: number) => unknown) | undefined;
  if (f === undefined) throw new EngineError('internal', `no function for ${node.label}`);
  const rdds = node.dependencies.map(({ parent }) => {
    const { columns } = graph.node(parent);
    return new Rdd<unknown>(new Lineage({ leaf: { kind: 'stream', node: parent }, columns }), graph.rdds);
  });
  const result = graph.rdds.withoutActions(() => f(rdds, time));
  if (isRdd(result)) return result;
  const got = result instanceof Promise ? 'a promise: it must not be async' : typeof result;
  throw new EngineError('jobInvalid', `the function of ${node.label} must return an RDD, it returned ${got}`);
}

/** Rows that another function has kept are gone, or will be, when the batch is computed. */
function refuseBlocks(lineage: Lineage, { label }: PlanNode): void {
  if (!walkLineage(lineage).some(({ leaf }) => leaf?.kind === 'blocks')) return;
  throw new EngineError(
    'jobInvalid',
    `the function of ${label} uses an RDD of foreachRDD or slice: keep rows from batch to batch with window or state`,
  );
}
