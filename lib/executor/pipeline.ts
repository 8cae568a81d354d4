/**
 * One stage, ready to run one task: the operators that hang on the leaf, wired by narrow dependencies, and the ends
 * they lead to. Rows are pushed from the leaf through all of it in one pass, chunk by chunk, while they are in cache.
 */
import { EngineError } from '../core/errors.js';
import type { Chunk } from '../columnar/chunk.js';
import type { NodeId } from '../plan/node.js';
import { isShuffle, type Stage } from '../plan/stages.js';
import type { BlockRef, TaskResult } from '../protocol/messages.js';
import type { StreamGraph } from '../api/stream-graph.js';
import { makeOutput, type OutputEnd } from './outputs.js';
import { rowOperator, type Emit, type Operator } from './row-operators.js';
import { makeShuffleWriter, type ShuffleWriter } from './shuffle-writers.js';
import type { TaskContext } from './task-context.js';

export interface Pipeline {
  /** Where the leaf's chunks go. */
  readonly emit: Emit;
  /** After the last chunk: ends every operator in order of the plan and gives what the ends hold. */
  finish(): Pick<TaskResult, 'shuffles' | 'staged' | 'collected'>;
}

export function buildPipeline(ctx: TaskContext, stage: Stage, graph: StreamGraph, numKeyGroups: number): Pipeline {
  const targets = new Map<NodeId, ((chunk: Chunk) => void)[]>(stage.nodes.map(node => [node.id, []]));
  const targetsOf = (id: NodeId): ((chunk: Chunk) => void)[] => {
    const found = targets.get(id);
    if (found === undefined) throw new EngineError('internal', `node ${id} is not in stage ${stage.id}`);
    return found;
  };
  const emitOf = (id: NodeId): Emit => {
    const list = targetsOf(id);
    return chunk => {
      for (const push of list) push(chunk);
    };
  };
  const operators: Operator[] = [];
  for (const node of stage.nodes) {
    if (node.id === stage.leaf.id) continue;
    const f = graph.functions.get(node.id) as ((...args: unknown[]) => unknown) | undefined;
    const operator = rowOperator(ctx, node, f, emitOf(node.id));
    operators.push(operator);
    // One push for each dependency: a stream united with itself is there twice.
    for (const dependency of node.dependencies) {
      if (!isShuffle(dependency) && targets.has(dependency.parent)) {
        targetsOf(dependency.parent).push(chunk => operator.push(chunk));
      }
    }
  }
  const writers = stage.writes.map(({ node, shuffle, reader }): { id: string; writer: ShuffleWriter } => {
    const writer = makeShuffleWriter(ctx, {
      shuffle,
      node: graph.node(node),
      combiner: graph.combiners.get(reader),
      numKeyGroups,
    });
    targetsOf(node).push(chunk => writer.push(chunk));
    return { id: shuffle.id, writer };
  });
  const outputs = stage.outputs.map((output): OutputEnd => {
    const end = makeOutput(ctx, output);
    targetsOf(output.parent).push(chunk => end.push(chunk));
    return end;
  });
  return { emit: emitOf(stage.leaf.id), finish: () => finishPipeline(operators, writers, outputs) };
}

function finishPipeline(
  operators: readonly Operator[],
  writers: readonly { readonly id: string; readonly writer: ShuffleWriter }[],
  outputs: readonly OutputEnd[],
): Pick<TaskResult, 'shuffles' | 'staged' | 'collected'> {
  for (const operator of operators) operator.finish();
  const shuffles: { [id: string]: readonly (BlockRef | null)[] } = {};
  const staged: { [id: string]: TaskResult['staged'][string] } = {};
  const collected: { [id: string]: TaskResult['collected'][string] } = {};
  for (const { id, writer } of writers) shuffles[id] = writer.finish();
  for (const output of outputs) {
    const end = output.finish();
    if (end.kind === 'staged') staged[output.id] = end.part;
    else collected[output.id] = end.part;
  }
  return { shuffles, staged, collected };
}

/**
 * Columns of a source that the stage's plan reads, or undefined when a closure may look at any: all that hangs on the
 * leaf must be aggregation by columns.
 */
export function columnsUsed(stage: Stage): readonly string[] | undefined {
  const { columns } = stage.leaf;
  if (columns === undefined || stage.outputs.length > 0) return undefined;
  if (!stage.nodes.every(node => node.id === stage.leaf.id || node.operation.kind === 'union')) return undefined;
  const names = new Set<string>();
  for (const { shuffle } of stage.writes) {
    if (shuffle.mode.kind !== 'groups') return undefined;
    for (const index of shuffle.mode.keys) names.add(columns[index]?.name ?? '');
    for (const aggregate of shuffle.mode.aggregates) {
      if (aggregate.column !== undefined) names.add(aggregate.column);
      if (aggregate.filter !== undefined) for (const name of predicateColumns(aggregate.filter)) names.add(name);
    }
  }
  return [...names];
}

type Predicate = NonNullable<
  Extract<Stage['writes'][number]['shuffle']['mode'], { kind: 'groups' }>['aggregates'][number]['filter']
>;

function predicateColumns(predicate: Predicate): readonly string[] {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return [...predicateColumns(predicate.left), ...predicateColumns(predicate.right)];
    case 'not':
      return predicateColumns(predicate.input);
    default:
      return [predicate.column];
  }
}
