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
  isReady({ stage }: Task): boolean {
    return stage.parents.every(id => (this.stages[id] ?? []).every(parent => parent.status === 'done'));
  }

  /**
   * What a task reads: for each shuffle the blocks that the parent stages wrote for its partition, in order of stage and
   * partition; rows that were kept; nothing for a source.
   */
  inputsOf({ stage, partition, kept }: Task): (readonly BlockRef[])[] {
    if (stage.leaf.operation.kind === 'blocks') return [kept];
    return stage.reads.map(shuffle =>
      stage.parents.flatMap(parent =>
        (this.stages[parent] ?? []).flatMap(task => task.result?.shuffles[shuffle.id]?.[partition] ?? []),
      ),
    );
  }

  /** The task that made a block which `reader` wants. */
  writerOf(reader: Task, id: string): Task | undefined {
    return reader.stage.parents
      .flatMap(parent => this.stages[parent] ?? [])
      .find(({ result }) => result !== undefined && blocksOf(result).some(block => blockId(block) === id));
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
