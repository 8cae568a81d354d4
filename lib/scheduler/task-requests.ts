import type { BlockRef, WorkerReply } from '../protocol/messages.js';
import type { Batch, PlanInputs } from './batch.js';
import type { Attempt, Task } from './batch-task.js';
import type { SlotPool } from './slot-pool.js';
import { groupedTasks, type TaskGroup } from './task-group.js';
import type { TaskSet } from './task-set.js';

export interface TaskRequestsOptions {
  readonly pool: SlotPool;
  readonly batch: Batch;
  readonly inputs: PlanInputs;
  readonly tasks: TaskSet;
  readonly taskTimeoutMs: number;
  /** When attempts begin; epoch milliseconds. */
  readonly now: () => number;
  readonly onReply: (attempt: Attempt, reply: WorkerReply) => void;
  readonly onGroupReply: (group: TaskGroup, reply: WorkerReply) => void;
}

/** Sends the tasks of one batch to slots that are idle, alone or together, each as a new attempt. */
export class TaskRequests {
  readonly #options: TaskRequestsOptions;

  constructor(options: TaskRequestsOptions) {
    this.#options = options;
  }

  run(task: Task, slot: number, inputs: readonly (readonly BlockRef[])[]): void {
    const { pool, batch, taskTimeoutMs, onReply } = this.#options;
    const { time, previousTime } = batch;
    const { stage, partition, range, rows } = task;
    const attempt = this.#begin(task, slot, inputs.flat());
    const place = { stage: stage.id, partition, attempt: attempt.number, time, previousTime };
    const { plan, broadcasts = [] } = this.#options.inputs;
    void pool
      .run(slot, { kind: 'task', ...place, plan, broadcasts, range, inputs, ...(rows && { rows }) }, taskTimeoutMs)
      .then(reply => onReply(attempt, reply));
  }

  /** @param members as `groupable` gives them. They have no copies: what takes long may be any of them */
  runTogether(members: readonly Task[], slot: number): void {
    const { pool, batch, taskTimeoutMs, onGroupReply } = this.#options;
    const { time, previousTime } = batch;
    const { plan, broadcasts = [] } = this.#options.inputs;
    const tasks = groupedTasks(this.#options.tasks, members);
    const attempts = members.map((task, i) => {
      task.copied = true;
      const inputs = (tasks[i]?.inputs ?? []).flat();
      return this.#begin(
        task,
        slot,
        inputs.filter(input => typeof input !== 'number'),
      );
    });
    void pool
      .run(slot, { kind: 'tasks', time, previousTime, plan, broadcasts, tasks }, taskTimeoutMs)
      .then(reply => onGroupReply({ slot, attempts, tasks }, reply));
  }

  #begin(task: Task, slot: number, inputs: readonly BlockRef[]): Attempt {
    const startedMs = this.#options.now();
    const number = ++task.attempts;
    const attempt = { task, number, slot, startedMs, inputs, dropped: false, unpin: () => undefined };
    task.status = 'running';
    task.running = [...task.running, attempt];
    return attempt;
  }
}
