/**
 * Tasks of a small batch that go to a slot in one request: every task that can run there, and every task that then can.
 *
 *   stage 0 task 0 -+-> stage 1 task 0        four requests and two round trips, or one request and one round trip
 *   stage 0 task 1 -+-> stage 1 task 1
 */
import type { BlockRef, GroupedTask, WorkerReply } from '../protocol/messages.js';
import { losesWorker, type TaskFailure } from '../protocol/task-failure.js';
import type { Attempt, Task } from './batch-task.js';
import type { TaskSet } from './task-set.js';

/** A request under way with tasks of a batch, in order of stage and partition. */
export interface TaskGroup {
  readonly slot: number;
  readonly attempts: readonly Attempt[];
  readonly tasks: readonly GroupedTask[];
}

/** Pending tasks, each after those that it reads of, which are done or in the list. @param mayRun whether the slot is one for a task */
export function groupable(set: TaskSet, mayRun: (task: Task) => boolean): readonly Task[] {
  const members = new Set<Task>();
  for (const task of set.all) {
    if (task.status !== 'pending' || !mayRun(task)) continue;
    if (set.parentsOf(task).every(parent => parent.status === 'done' || members.has(parent))) members.add(task);
  }
  return [...members];
}

/** What a request says of each member. The numbers of attempts are those of the next ones. */
export function groupedTasks(set: TaskSet, members: readonly Task[]): readonly GroupedTask[] {
  const places = new Map(members.map((task, place) => [task, place]));
  return members.map(task => ({
    stage: task.stage.id,
    partition: task.partition,
    attempt: task.attempts + 1,
    range: task.range,
    inputs: inputsOf(set, task, places),
    isInner: set.readersOf(task).every(reader => places.has(reader) || reader.status === 'done'),
    ...(task.rows && { rows: task.rows }),
  }));
}

/** In the order of `TaskSet.inputsOf`. */
function inputsOf(set: TaskSet, task: Task, places: ReadonlyMap<Task, number>): (readonly (BlockRef | number)[])[] {
  const { stage, partition } = task;
  const parents = set.parentsOf(task);
  if (!parents.some(parent => places.has(parent))) return set.inputsOf(task);
  return stage.reads.map(({ id }) =>
    parents.flatMap(parent => {
      if (!parent.stage.writes.some(({ shuffle }) => shuffle.id === id)) return [];
      return places.get(parent) ?? parent.result?.shuffles[id]?.[partition] ?? [];
    }),
  );
}

/** How an attempt of a group ended: `done` had nothing to read, `pending` did not run, or nobody knows whether it did. */
export interface GroupOutcome {
  readonly attempt: Attempt;
  readonly outcome: WorkerReply | 'done' | 'pending';
  /** Its shuffle blocks are given up. */
  readonly isInner: boolean;
}

/** Takes a reply apart, task by task. `isLost`: with its thread, and so it is not known which of its tasks is to blame. */
export function outcomesOf(
  { attempts, tasks }: TaskGroup,
  reply: WorkerReply,
): {
  readonly outcomes: readonly GroupOutcome[];
  readonly failure: TaskFailure | undefined;
  readonly isLost: boolean;
} {
  const isAnswer = reply.ok && reply.kind === 'tasks';
  const results = isAnswer ? reply.results : [];
  const failure = isAnswer ? reply.failure : failureOf(reply);
  const isLost = failure !== undefined && losesWorker(failure);
  const failed: WorkerReply | 'pending' = failure === undefined || isLost ? 'pending' : { ok: false, failure };
  const outcomes = attempts.map((attempt, i): GroupOutcome => {
    const result = results[i];
    if (result === undefined) return { attempt, outcome: i === results.length ? failed : 'pending', isInner: false };
    if (result === null) return { attempt, outcome: 'done', isInner: false };
    const isInner = failure === undefined && tasks[i]?.isInner === true;
    return { attempt, outcome: { ok: true, kind: 'task', result }, isInner };
  });
  return { outcomes, failure, isLost };
}

/** Why a request for tasks was not answered with their results. */
export const failureOf = (reply: WorkerReply): TaskFailure =>
  reply.ok
    ? { kind: 'engineError', code: 'internal', message: `a task was answered '${reply.kind}'`, detail: '{}' }
    : reply.failure;
