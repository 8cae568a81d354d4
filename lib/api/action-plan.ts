/**
 * The plan of one action of an RDD: the nodes of its lineage, down to the rows that are there already, and outputs for
 * its result and for what is to be kept. Driver and worker make it from the same lineage.
 */
import { EngineError } from '../core/errors.js';
import type { NodeId, OutputNode, Plan } from '../plan/node.js';
import type { GraphView } from './closures.js';
import { Fragment, type Materialized } from './lower-lineage.js';
import type { Lineage } from './lineage.js';

export interface ActionPlan {
  readonly plan: Plan;
  readonly view: GraphView;
  readonly fragment: Fragment;
  readonly fingerprint: string;
  /** Outputs whose rows are to be kept, with the lineage that they are of. */
  readonly keeps: ReadonlyMap<string, Lineage>;
}

/** Id of the output that the result of an action comes by. */
export const RESULT = 'result';

/**
 * @param limit of each partition the first so many rows; null: all
 * @param index number of the action in its session: names what it keeps
 */
export function planOfAction(
  lineage: Lineage,
  limit: number | null,
  index: number,
  materialized: (node: Lineage) => Materialized | undefined,
): ActionPlan {
  const fragment = new Fragment(0, null, materialized);
  const parent = fragment.add(lineage);
  const label = lineage.label;
  const outputs: OutputNode[] = [{ id: RESULT, parent, label, operation: { kind: 'collect', limit } }];
  const keeps = new Map<string, Lineage>();
  for (const [node, id] of fragment.lineages) {
    if (!node.isCached || materialized(node) !== undefined) continue;
    const name = `cache-${index}-${id}`;
    keeps.set(name, node);
    outputs.push({ id: name, parent: id, label: node.label, operation: { kind: 'persist', level: node.storageLevel } });
  }
  const plan: Plan = Object.freeze({ job: 'action', nodes: Object.freeze([...fragment.nodes]), outputs });
  const fingerprint = `${fragment.fingerprint(parent)} ${limit} ${[...keeps.keys()].join(' ')}`;
  return { plan, view: viewOf(fragment), fragment, fingerprint, keeps };
}

function viewOf(fragment: Fragment): GraphView {
  const byId = new Map(fragment.nodes.map(node => [node.id, node]));
  const node = (id: NodeId) => {
    const found = byId.get(id);
    if (found === undefined) throw new EngineError('internal', `no node ${id} in the plan of an action`);
    return found;
  };
  return {
    node,
    functions: fragment.functions,
    combiners: fragment.combiners,
    windowTotals: new Map(),
    partitioners: fragment.partitioners,
  };
}

/** A lineage with all it is made from, parents first: the numbers by which driver and worker name its nodes. */
export function walkLineage(lineage: Lineage): readonly Lineage[] {
  const seen = new Set<Lineage>();
  const visit = (node: Lineage): void => {
    if (seen.has(node)) return;
    for (const dependency of node.dependencies) visit(dependency.node);
    seen.add(node);
  };
  visit(lineage);
  return [...seen];
}
