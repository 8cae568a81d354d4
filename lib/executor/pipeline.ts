/**
 * One stage, ready to run one task: the operators that hang on the leaf, wired by narrow dependencies, and the ends
 * they lead to. Rows are pushed from the leaf through all of it in one pass, chunk by chunk, while they are in cache.
 */
import type { NodeId, PlanNode } from '../plan/node.js';
import { isShuffle, type Stage } from '../plan/stages.js';
import type { BlockRef, Branch, CollectedPart, KeptPart, StagedPart, TaskResult } from '../protocol/messages.js';
import type { GraphView } from '../api/closures.js';
import { chainFrom, chainOperator } from './chain-operator.js';
import { columnOperator, isColumnOperation } from './column-operators.js';
import { makeOutput, type OutputEnd } from './outputs.js';
import { rowOperator, type Emit, type Operator } from './row-operators.js';
import type { PairTaker, ShuffleWriter } from './shuffle-writer.js';
import { makeShuffleWriter } from './shuffle-writers.js';
import type { TaskContext } from './task-context.js';

export interface Pipeline {
  /** Where the leaf's chunks go. */
  readonly emit: Emit;
  /** Where all states of the leaf go; undefined when the plan does not want them. */
  readonly emitSnapshot: Emit | undefined;
  /** After the last chunk: ends every operator in order of the plan and gives what the ends hold. */
  finish(): Pick<TaskResult, 'shuffles' | 'staged' | 'collected' | 'kept'>;
}

/**
 * Operators are made once for each branch, the way by which rows come through the unions: so each sees the partitions
 * of one of the united streams, one after another, as if each stream had tasks of its own, in one pass over the input.
 */
export function buildPipeline(ctx: TaskContext, stage: Stage, graph: GraphView, numKeyGroups: number): Pipeline {
  const operators: Operator[] = [];
  const outputs: OutputEnd[] = [];
  const writers = stage.writes.map(({ node, shuffle, reader }) => {
    const writer = makeShuffleWriter(ctx, {
      shuffle,
      node: graph.node(node),
      combiner: graph.combiners.get(reader),
      partitioner: graph.partitioners.get(reader),
      numKeyGroups,
    });
    return { id: shuffle.id, node, writer };
  });
  /** Makes all that hangs on a node, for the rows that come to it by one branch. */
  const emitOf = (id: NodeId, branch: Branch): Emit => {
    const targets: Emit[] = [];
    // Outputs see rows first: a closure that changes the rows it is given spoils them for those after it.
    for (const output of stage.outputs) {
      if (output.parent !== id) continue;
      const end = makeOutput(ctx, output, branch);
      outputs.push(end);
      targets.push(chunk => end.push(chunk));
    }
    for (const node of stage.nodes) {
      if (node.id === stage.leaf.id) continue;
      node.dependencies.forEach((dependency, stream) => {
        if (isShuffle(dependency) || dependency.parent !== id) return;
        // Gets no rows of its parent, but its states.
        if (node.operation.kind === 'stateSnapshots') return;
        if (node.operation.kind === 'union')
          targets.push(asUnited(graph.node(id), node, emitOf(node.id, [stream, ...branch])));
        else targets.push(push(node, id, branch));
      });
    }
    for (const { node, writer } of writers) if (node === id) targets.push(chunk => writer.push(chunk));
    return chunk => {
      for (const target of targets) target(chunk);
    };
  };
  const push = (node: PlanNode, parent: NodeId, branch: Branch): Emit => {
    const f = graph.functions.get(node.id) as ((...args: unknown[]) => unknown) | undefined;
    // Its place is before those that hang on it, which are made on the way: they finish after it.
    const at = operators.push({ push: () => undefined, finish: () => undefined }) - 1;
    // Partitions of a node are in order of their places, compared number by number: the way through its unions first.
    const place = [...branch, ctx.request.partition];
    // The code of a loop is worth making for closures that come again with every batch only.
    const chain = ctx.request.plan === null ? chainFrom(stage, graph, node) : undefined;
    if (chain !== undefined) {
      const taker = pairTakerOf(stage, writers, chain.last);
      const looped = chainOperator(ctx, chain, taker ?? emitOf(chain.last, branch));
      operators[at] = looped;
      return chunk => looped.push(chunk);
    }
    const operator = isColumnOperation(node)
      ? columnOperator(ctx, stage, graph, node, graph.node(parent).columns, id => emitOf(id, branch))
      : rowOperator(ctx, node, f, emitOf(node.id, branch), place);
    operators[at] = operator;
    return chunk => operator.push(chunk);
  };
  const emit = emitOf(stage.leaf.id, []);
  const snapshots = stage.nodes.find(node => node.operation.kind === 'stateSnapshots');
  const emitSnapshot = snapshots === undefined ? undefined : emitOf(snapshots.id, []);
  return { emit, emitSnapshot, finish: () => finishPipeline(operators, writers, outputs) };
}

/** Columns of one of the united streams that are never null there have the form of those that may be. */
function asUnited({ columns: own }: PlanNode, { columns }: PlanNode, emit: Emit): Emit {
  if (columns === undefined || JSON.stringify(own) === JSON.stringify(columns)) return emit;
  return chunk => emit(chunk.kind === 'columns' ? { ...chunk, schema: columns } : chunk);
}

/** The shuffle writer that alone gets a node's rows, where it takes pairs. */
function pairTakerOf(
  stage: Stage,
  writers: readonly { readonly node: NodeId; readonly writer: ShuffleWriter }[],
  id: NodeId,
): PairTaker | undefined {
  const isReadOn =
    stage.outputs.some(({ parent }) => parent === id) ||
    stage.nodes.some(node => node.dependencies.some(dependency => !isShuffle(dependency) && dependency.parent === id));
  const [only, other] = writers.filter(({ node }) => node === id);
  return isReadOn || other !== undefined ? undefined : only?.writer.pairs;
}

function finishPipeline(
  operators: readonly Operator[],
  writers: readonly { readonly id: string; readonly writer: ShuffleWriter }[],
  outputs: readonly OutputEnd[],
): Pick<TaskResult, 'shuffles' | 'staged' | 'collected' | 'kept'> {
  for (const operator of operators) operator.finish();
  const shuffles: { [id: string]: readonly (BlockRef | null)[] } = {};
  const staged: { [id: string]: StagedPart[] } = {};
  const collected: { [id: string]: CollectedPart[] } = {};
  const kept: { [id: string]: KeptPart[] } = {};
  for (const { id, writer } of writers) shuffles[id] = writer.finish();
  for (const output of outputs) {
    const end = output.finish();
    if (end.kind === 'staged') (staged[output.id] ??= []).push(end.part);
    else if (end.kind === 'kept') (kept[output.id] ??= []).push(end.part);
    else (collected[output.id] ??= []).push(end.part);
  }
  return { shuffles, staged, collected, kept };
}
