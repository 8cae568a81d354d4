/** Narrow operations that hang on one another and on nothing else, run as one loop (`chain-code.ts`). */
import { rowChunk } from '../columnar/chunk.js';
import { rowsOf } from '../columnar/rows.js';
import type { GraphView } from '../api/closures.js';
import type { NodeId, PlanNode } from '../plan/node.js';
import { isShuffle, type Stage } from '../plan/stages.js';
import { chainOf, type ChainHost, type RowFunction, type StepKind } from './chain-code.js';
import { isKept, refusePair, type Emit, type Operator } from './row-operators.js';
import type { PairTaker } from './shuffle-writer.js';
import type { TaskContext } from './task-context.js';

export interface Chain {
  readonly nodes: readonly PlanNode[];
  readonly kinds: readonly StepKind[];
  readonly functions: readonly RowFunction[];
  readonly last: NodeId;
}

const KINDS: readonly string[] = ['map', 'filter', 'flatMap', 'mapValues', 'flatMapValues'] satisfies StepKind[];
/** Loops inside one another are bounded; what follows begins another chain. */
const MAX_STEPS = 16;

/** The chain that begins with a node: as far as rows have one way to go. Undefined when the node calls no closure row by row. */
export function chainFrom(stage: Stage, graph: GraphView, node: PlanNode): Chain | undefined {
  const nodes: PlanNode[] = [];
  const functions: RowFunction[] = [];
  for (let next: PlanNode | undefined = node; next !== undefined && nodes.length < MAX_STEPS;) {
    const f = graph.functions.get(next.id) as RowFunction | undefined;
    if (f === undefined || !KINDS.includes(next.operation.kind)) break;
    nodes.push(next);
    functions.push(f);
    next = onlyChild(stage, next.id);
  }
  const last = nodes.at(-1);
  if (last === undefined) return undefined;
  return { nodes, functions, kinds: nodes.map(({ operation }) => operation.kind as StepKind), last: last.id };
}

/** The node that gets the rows of another, if nothing else does. */
function onlyChild(stage: Stage, id: NodeId): PlanNode | undefined {
  if (stage.outputs.some(output => output.parent === id) || stage.writes.some(({ node }) => node === id))
    return undefined;
  const children = stage.nodes.filter(
    child =>
      child.id !== stage.leaf.id &&
      child.dependencies.some(dependency => !isShuffle(dependency) && dependency.parent === id),
  );
  const [only] = children;
  return children.length === 1 && only?.dependencies.length === 1 ? only : undefined;
}

/** @param target where the rows go: to whatever follows, or, as keys and values, to the one shuffle writer that does */
export function chainOperator(ctx: TaskContext, chain: Chain, target: Emit | PairTaker): Operator {
  const { nodes, kinds, functions } = chain;
  const lastLabel = nodes[nodes.length - 1].label;
  const taker = typeof target === 'function' ? undefined : target;
  const emit = typeof target === 'function' ? target : undefined;
  const run = chainOf(kinds, functions, taker === undefined ? 'rows' : 'pairs');
  const host: ChainHost = {
    isKept: (step, answer) => isKept(answer, nodes[step]),
    refuse: (step, row) =>
      taker !== undefined && step === nodes.length ? taker.refuse(row) : refusePair(row, nodes[step], 'wants'),
    failed(step) {
      // What follows the last closure says itself whose failure it is.
      if (step < nodes.length) ctx.label = nodes[step].label;
    },
    keys: taker?.keys ?? [],
    values: taker?.values ?? [],
    take: n => taker?.take(n),
    emit(rows) {
      ctx.label = lastLabel;
      emit?.(rowChunk(rows));
    },
  };
  return { push: chunk => run(rowsOf(chunk), host), finish: () => undefined };
}
