import type { CompiledPlan } from '../plan/stages.js';
import type { BlockRef } from '../protocol/messages.js';
import type { Batch, PlanInputs } from './batch.js';
import { blockId, blocksOf, tasksOf, type Attempt, type Task } from './batch-task.js';

/** All tasks of a batch, by stage, and how they hang together. */
export class TaskSet {
  /** By stage id, in order of partition. */
  readonly stages: readonly (readonly Task[])[];
  /** In order of stage and partition. */
  readonly all: readonly Task[];

  constructor({ stages }: CompiledPlan, batch: Batch, inputs: PlanInputs, homeOf: (partition: number) => number) {
    this.stages = stages.map(stage => tasksOf(stage, batch, inputs, homeOf));
    this.all = this.stages.flat();
  }

  get isDone(): boolean {
    return this.all.every(task => task.status === 'done');
  }

  get isRunning(): boolean {
    return this.all.some(task => task.status === 'running');
  }

  /** Whether all that it reads has been made. */
  isReady(task: Task): boolean {
    return this.parentsOf(task).every(parent => parent.status === 'done');
  }

  /** The tasks whose shuffle blocks it may read, in order of stage and partition. */
  parentsOf({ stage }: Task): readonly Task[] {
    return stage.parents.flatMap(id => this.stages[id] ?? []);
  }

  /** The tasks that may read its shuffle blocks. */
  readersOf({ stage }: Task): readonly Task[] {
    return this.stages.flatMap(tasks => (tasks[0]?.stage.parents.includes(stage.id) === true ? tasks : []));
  }

  /** Has a task run again, and before it those that it reads of and whose blocks are given up. */
  reopen(task: Task): void {
    if (task.status !== 'done') return;
    task.status = 'pending';
    for (const parent of this.parentsOf(task)) if (parent.isInner) this.reopen(parent);
  }

  /**
   * What a task reads: for each shuffle the blocks that the parent stages wrote for its partition, in order of stage and
   * partition; rows that were kept; nothing for a source.
   */
  inputsOf(task: Task): (readonly BlockRef[])[] {
    const { stage, partition, kept } = task;
    if (stage.leaf.operation.kind === 'blocks') return [kept];
    const parents = this.parentsOf(task);
    return stage.reads.map(shuffle =>
      parents.flatMap(parent => parent.result?.shuffles[shuffle.id]?.[partition] ?? []),
    );
  }

  /** The task that made a block which `reader` wants. */
  writerOf(reader: Task, id: string): Task | undefined {
    return this.parentsOf(reader).find(
      ({ result }) => result !== undefined && blocksOf(result).some(block => blockId(block) === id),
    );
  }

  /** All blocks of accepted results. */
  get blocks(): readonly BlockRef[] {
    return this.all.flatMap(({ result }) => (result === undefined ? [] : blocksOf(result)));
  }

  /** Attempts under way whose result is wanted. */
  get wanted(): readonly Attempt[] {
    return this.all.flatMap(task => task.running).filter(attempt => !attempt.dropped);
  }

  /** Forgets every result: what had one is to be computed again. */
  forgetResults(): void {
    for (const task of this.all) {
      if (task.result !== undefined && task.status === 'done') task.status = 'pending';
      task.result = undefined;
    }
  }

  /** Memory was given back. */
  retryWaiting(): void {
    for (const task of this.all) if (task.status === 'waiting') task.status = 'pending';
  }
}
