/**
 * Cuts a plan into stages. There is one stage for each leaf: a source, or a node that reads shuffles. A task of the
 * stage takes one partition of the leaf and pushes its rows through everything that hangs on it by narrow
 * dependencies, all of it in one pass, up to the stage's ends: shuffles to write and outputs to stage.
 *
 *   source -> map -+-> filter -> [shuffle 1]        stage 0: leaf = source, ends = shuffle 1, print
 *                  +-> (print)
 *   [shuffle 1] => reduceByKey -> map -> (save)      stage 1: leaf = reduceByKey, ends = save
 *
 * A union needs no stage of its own: it is downstream of each of its parents' leaves.
 */
import {
  operatorIdOf,
  type Dependency,
  type NodeId,
  type Operation,
  type OutputNode,
  type Plan,
  type PlanNode,
  type Shuffle,
} from './node.js';
import { inputSlide, slidesOf, type SlideMs } from './slides.js';

export interface Stage {
  /** Position in `CompiledPlan.stages`, parents before children. */
  readonly id: number;
  readonly leaf: PlanNode;
  /** The leaf and what is pushed to, each node after the nodes it gets rows from in this stage. */
  readonly nodes: readonly PlanNode[];
  /** Shuffles this stage writes, with the node whose rows go there. */
  readonly writes: readonly { readonly node: NodeId; readonly shuffle: Shuffle; readonly reader: NodeId }[];
  readonly outputs: readonly OutputNode[];
  /** Shuffles its leaf reads, in the order of the leaf's dependencies; none for a source. */
  readonly reads: readonly Shuffle[];
  /** Stages that write what it reads. */
  readonly parents: readonly number[];
  /** Number of partitions, or undefined for a source: as many as the batch has ranges. */
  readonly numPartitions: number | undefined;
  /** False when nothing comes of it: no output, no state, and no stage that is needed reads what it writes. */
  readonly isNeeded: boolean;
  /** True when a partition without any input must be computed all the same. */
  readonly runsEmpty: boolean;
  /** When its tasks run: where what it reads has a batch. */
  readonly inputSlideMs: SlideMs;
  /** When rows leave its leaf: the same, but for a window. In between nothing after the leaf runs. */
  readonly slideMs: SlideMs;
}

export interface CompiledPlan {
  readonly plan: Plan;
  readonly stages: readonly Stage[];
  /** By node id. */
  readonly slides: readonly SlideMs[];
}

type ShuffleDependency = Extract<Dependency, { kind: 'shuffle' }>;

export const isShuffle = (dependency: Dependency): dependency is ShuffleDependency => dependency.kind === 'shuffle';

export const isLeaf = (node: PlanNode): boolean =>
  ['source', 'collection', 'blocks'].includes(node.operation.kind) || node.dependencies.some(isShuffle);

/** Whether the operation gives rows, or changes state, even when its partition gets none. */
function runsEmpty(operation: Operation): boolean {
  if (operation.kind === 'mapWithState') return operation.timeoutMs !== null;
  return ['mapPartitions', 'mapPartitionsWithPlace', 'glom', 'updateState', 'window', 'stateSnapshots'].includes(
    operation.kind,
  );
}

/** Partitions of a leaf that reads no shuffle; undefined for a source. */
function ownPartitions(operation: Operation): number | undefined {
  return operation.kind === 'collection' || operation.kind === 'blocks' ? operation.numPartitions : undefined;
}

export function compileStages(plan: Plan): CompiledPlan {
  const stageOfLeaf = new Map<NodeId, number>();
  const leaves = plan.nodes.filter(isLeaf);
  // A plan has its nodes after what they depend on, so its leaves are in order: parents before children.
  leaves.forEach((leaf, index) => stageOfLeaf.set(leaf.id, index));
  const reached = leaves.map(leaf => downstream(plan, leaf));
  const slides = slidesOf(plan);
  const needed = neededStages(plan, leaves, reached);
  const stages = leaves.map((leaf, id): Stage => {
    const nodes = reached[id] as readonly PlanNode[];
    const ids = new Set(nodes.map(node => node.id));
    const reads = leaf.dependencies.filter(isShuffle);
    const parents = reached.flatMap((others, stage) =>
      reads.some(read => others.some(node => node.id === read.parent)) ? [stage] : [],
    );
    return Object.freeze({
      id,
      leaf,
      nodes,
      writes: plan.nodes.flatMap(reader =>
        reader.dependencies
          .filter(isShuffle)
          .filter(dependency => ids.has(dependency.parent))
          .map(dependency => ({ node: dependency.parent, shuffle: dependency.shuffle, reader: reader.id })),
      ),
      outputs: plan.outputs.filter(output => ids.has(output.parent)),
      reads: reads.map(read => read.shuffle),
      parents,
      numPartitions: reads[0]?.shuffle.numPartitions ?? ownPartitions(leaf.operation),
      isNeeded: needed.has(id),
      runsEmpty: nodes.some(node => runsEmpty(node.operation)),
      inputSlideMs: inputSlide(leaf, slides) ?? (leaf.operation.kind === 'collection' ? leaf.operation.slideMs : null),
      slideMs: slides[leaf.id] ?? null,
    });
  });
  return Object.freeze({ plan, stages: Object.freeze(stages), slides });
}

/** Stages that lead to an output or a state, from the last to the first. */
function neededStages(
  plan: Plan,
  leaves: readonly PlanNode[],
  reached: readonly (readonly PlanNode[])[],
): ReadonlySet<number> {
  const needed = new Set<number>();
  const wanted = new Set<NodeId>(plan.outputs.map(output => output.parent));
  for (let stage = leaves.length - 1; stage >= 0; stage--) {
    const leaf = leaves[stage];
    const isWanted = (reached[stage] ?? []).some(({ id }) => wanted.has(id));
    if (leaf === undefined || !(isWanted || operatorIdOf(leaf) !== undefined)) continue;
    needed.add(stage);
    for (const { parent } of leaf.dependencies.filter(isShuffle)) wanted.add(parent);
  }
  return needed;
}

/** The leaf and every node that its rows reach without a shuffle, in order of the plan. */
function downstream(plan: Plan, leaf: PlanNode): readonly PlanNode[] {
  const reached = new Set<NodeId>([leaf.id]);
  return plan.nodes.filter(node => {
    const hangsOn = node.dependencies.some(dependency => !isShuffle(dependency) && reached.has(dependency.parent));
    if (hangsOn) reached.add(node.id);
    return reached.has(node.id);
  });
}

/** The slide of the stream that an output takes. */
export function outputSlide({ plan, slides }: CompiledPlan, outputId: string): SlideMs {
  const output = plan.outputs.find(({ id }) => id === outputId);
  return output === undefined ? null : (slides[output.parent] ?? null);
}
