/** The tasks of a batch and what is done with their results, as the run keeps book of them. */
import type { Json } from '../core/json.js';
import { operatorIdOf } from '../plan/node.js';
import { endsSlide } from '../plan/slides.js';
import type { Stage } from '../plan/stages.js';
import type { BlockRef, DeltaRef, RowSelection, TaskResult } from '../protocol/messages.js';
import { NO_BATCH } from './ports.js';
import type { Batch, BatchFailure, PlanInputs } from './batch.js';

/** One partition of one stage. */
export interface Task {
  readonly stage: Stage;
  readonly partition: number;
  readonly range: Json;
  /** Of a source's range; undefined for all of it. */
  readonly rows: RowSelection | undefined;
  /** Of a leaf that reads rows kept as blocks. */
  readonly kept: readonly BlockRef[];
  /** State lives on one slot; other tasks take any. */
  readonly home: number | undefined;
  /** waiting: for memory that other batches still hold. */
  status: 'pending' | 'running' | 'waiting' | 'done';
  attempts: number;
  failures: number;
  /** Under way; two when one of them is a copy of the other, which takes long. A task that is done may still have one. */
  running: readonly Attempt[];
  /** Whether it had its copy since it was last pending. */
  copied: boolean;
  /** Slots where attempts failed: the next one is tried elsewhere when there is a choice. */
  readonly failedOn: Set<number>;
  /** Its shuffle blocks are given up, because all that read them are done. */
  isInner: boolean;
  /** How long the accepted attempt took. */
  durationMs: number | undefined;
  result: TaskResult | undefined;
  /** How its attempts ended that failed, in order. */
  readonly history: string[];
}

/** One request to a slot to compute a task. */
export interface Attempt {
  readonly task: Task;
  readonly number: number;
  readonly slot: number;
  readonly startedMs: number;
  readonly inputs: readonly BlockRef[];
  /** Its result is not wanted any more: another attempt was first, or the batch gave its memory up. */
  dropped: boolean;
  /** Gives back what it reads, when that is kept for its sake alone. */
  unpin: () => void;
}

/** Accepted changes of state on their way into the tables of one slot, in one request. */
export interface Applying {
  readonly slot: number;
  readonly deltas: readonly DeltaRef[];
  status: 'pending' | 'running' | 'waiting' | 'done';
  failures: number;
}

/** The tasks of a stage: one for each range of a source, else one for each partition; none between its slides. @param homeOf the slot of a partition's state */
export function tasksOf(stage: Stage, batch: Batch, inputs: PlanInputs, homeOf: (partition: number) => number): Task[] {
  if (!stage.isNeeded || inputs.absent?.has(stage.leaf.id) === true) return [];
  if (!endsSlide(stage.inputSlideMs, batch.time, batch.previousTime)) return [];
  const operation = stage.leaf.operation;
  const make = (partition: number, range: Json, home: number | undefined, kept: readonly BlockRef[] = []): Task => ({
    stage,
    partition,
    range,
    rows: operation.kind === 'source' ? batch.selections?.get(operation.sourceId)?.[partition] : undefined,
    kept,
    home,
    status: 'pending',
    attempts: 0,
    failures: 0,
    running: [],
    copied: false,
    isInner: false,
    failedOn: new Set(),
    durationMs: undefined,
    result: undefined,
    history: [],
  });
  if (operation.kind === 'source') {
    const ranges = batch.ranges[operation.sourceId] ?? [];
    return ranges.flatMap((range, partition) => (range === NO_BATCH ? [] : [make(partition, range, undefined)]));
  }
  if (operation.kind === 'collection') {
    const ranges = inputs.collections?.get(stage.leaf.id) ?? [];
    return ranges.map((range, partition) => make(partition, range, undefined));
  }
  if (operation.kind === 'blocks') {
    const parts = inputs.kept?.get(operation.name) ?? [];
    return parts.map((block, partition) => make(partition, null, undefined, block === null ? [] : [block]));
  }
  const stateful = operatorIdOf(stage.leaf) !== undefined;
  return Array.from({ length: stage.numPartitions ?? 0 }, (_, partition) =>
    make(partition, null, stateful ? homeOf(partition) : undefined),
  );
}

/** What is to be applied when every task is done, by slot. */
export function acceptedDeltas(tasks: readonly Task[], homeOf: (partition: number) => number): Applying[] {
  const bySlot = new Map<number, DeltaRef[]>();
  for (const { partition, result } of tasks) {
    for (const [operator, { delta }] of Object.entries(result?.deltas ?? {})) {
      if (delta === null) continue;
      const slot = homeOf(partition);
      const deltas = bySlot.get(slot);
      if (deltas === undefined) bySlot.set(slot, [{ operator, partition, delta }]);
      else deltas.push({ operator, partition, delta });
    }
  }
  return [...bySlot].map(([slot, deltas]) => ({ slot, deltas, status: 'pending', failures: 0 }));
}

/** All blocks that a result refers to. */
export function blocksOf(result: TaskResult): BlockRef[] {
  const blocks: BlockRef[] = [];
  for (const refs of Object.values(result.shuffles)) for (const ref of refs) if (ref !== null) blocks.push(ref);
  for (const parts of Object.values(result.staged)) for (const part of parts) blocks.push(...part.blocks);
  for (const parts of Object.values(result.kept)) for (const { block } of parts) if (block !== null) blocks.push(block);
  for (const { delta, ipc } of Object.values(result.deltas)) {
    if (delta !== null) blocks.push(delta);
    if (ipc !== null) blocks.push(ipc);
  }
  blocks.push(...result.deadLetters.blocks);
  return blocks;
}

/** `block_SLOT_ADDRESS`: the one way in which blocks are named. */
export const blockId = (block: { readonly slot: number; readonly address: number }): string =>
  `block_${block.slot}_${block.address}`;

/** `task_STAGE_PARTITION of batch TIME`. */
export const taskName = (task: Task, time: number): string =>
  `task_${task.stage.id}_${task.partition} of batch ${time}`;

/** What is told of a task that failed for the last time. */
export function failureContext({
  stage,
  range,
  history,
}: Task): Pick<BatchFailure, 'history' | 'input' | 'operations'> {
  const { operation } = stage.leaf;
  const operations = [...new Set(stage.nodes.map(({ label }) => label))];
  if (operation.kind !== 'source') return { history, operations };
  return { history, operations, input: { source: operation.sourceId, kind: operation.spec.kind, range } };
}
