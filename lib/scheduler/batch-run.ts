/**
 * Computes one batch: runs its stages' tasks on the slots, parents before children, retries what fails, and at the end
 * has the accepted changes of state applied. One inbox; every reply of a worker is one event.
 *
 *   ready stage -> tasks pending -> running on a slot -> accepted (or pending again) -> all done -> deltas applied -> done
 *
 * A task reads state as it was before the batch; its change is a block of its own, applied only when every task of the
 * batch is accepted. So any task may run again at any time before that, and gives the same result.
 */
import { assertNever } from '../core/assert-never.js';
import { Inbox } from '../core/inbox.js';
import type { CompiledPlan, Stage } from '../plan/stages.js';
import type { BlockRef, WorkerReply } from '../protocol/messages.js';
import { countsAsAttempt, formatFailure, losesWorker, type TaskFailure } from '../protocol/task-failure.js';
import type { Batch, BatchFailure, BatchResult, PlanInputs } from './batch.js';
import { collectResults } from './batch-result.js';
import { acceptedDeltas, blockId, blocksOf, tasksOf, taskName, type Applying, type Task } from './batch-task.js';
import type { SlotPool } from './slot-pool.js';

export type BatchRunEvent =
  | { readonly kind: 'replied'; readonly task: Task; readonly reply: WorkerReply }
  | { readonly kind: 'applied'; readonly delta: Applying; readonly reply: WorkerReply }
  | { readonly kind: 'offered' }
  /** Blocks of an earlier batch were given back. */
  | { readonly kind: 'released' };

export interface BatchRunOptions {
  /** Default: the job's own plan. */
  readonly inputs?: PlanInputs;
  readonly maxTaskFailures: number;
  readonly taskTimeoutMs: number;
  readonly onRetry: (task: string, attempt: number, reason: string) => void;
  readonly onTableSize: (operator: string, partition: number, numRows: number, byteLength: number) => void;
}

/** Recomputing lost blocks does not count as a failed attempt, so it has a bound of its own. */
const MAX_LOST_BLOCKS = 64;

export class BatchRun {
  readonly #pool: SlotPool;
  readonly #options: BatchRunOptions;
  readonly #batch: Batch;
  readonly #inputs: PlanInputs;
  readonly #done: (outcome: BatchResult | BatchFailure) => void;
  readonly #inbox = new Inbox<BatchRunEvent>(event => this.#handle(event));
  readonly #tasks: Task[][];
  #applying: Applying[] | undefined;
  #failure: BatchFailure | undefined;
  readonly #replaced: BlockRef[] = [];
  #numTasks = 0;
  #failedTasks = 0;
  #lostBlocks = 0;
  #state: 'running' | 'applying' | 'done' = 'running';
  #unsubscribe: () => void = () => undefined;

  constructor(
    compiled: CompiledPlan,
    pool: SlotPool,
    batch: Batch,
    options: BatchRunOptions,
    done: (outcome: BatchResult | BatchFailure) => void,
  ) {
    this.#pool = pool;
    this.#batch = batch;
    this.#options = options;
    this.#inputs = options.inputs ?? { plan: null };
    this.#done = done;
    this.#tasks = compiled.stages.map(stage =>
      tasksOf(stage, batch, this.#inputs, partition => pool.homeOf(partition)),
    );
  }

  start(): void {
    this.#unsubscribe = this.#pool.subscribe({
      time: this.#batch.time,
      offer: () => this.#inbox.post({ kind: 'offered' }),
      released: () => this.#inbox.post({ kind: 'released' }),
    });
    this.#pool.offer();
  }

  #handle(event: BatchRunEvent): void {
    if (this.#state === 'done') return;
    switch (event.kind) {
      case 'replied':
        this.#replied(event.task, event.reply);
        break;
      case 'applied':
        this.#applied(event.delta, event.reply);
        break;
      case 'offered':
        this.#advance();
        break;
      case 'released':
        for (const item of this.#items()) if (item.status === 'waiting') item.status = 'pending';
        break;
      default:
        assertNever(event);
    }
  }

  /** Does whatever can be done now; ends the batch when nothing is left. */
  #advance(): void {
    if (this.#failure !== undefined) return this.#finishFailed();
    if (this.#state === 'running') {
      for (const tasks of this.#tasks) for (const task of tasks) if (task.status === 'pending') this.#launch(task);
      if (this.#tasks.every(tasks => tasks.every(task => task.status === 'done'))) {
        this.#state = 'applying';
        this.#applying = acceptedDeltas(this.#tasks.flat(), partition => this.#pool.homeOf(partition));
      }
    }
    if (this.#state === 'applying' && this.#applying !== undefined) {
      for (const delta of this.#applying) if (delta.status === 'pending') this.#apply(delta);
      if (this.#applying.every(delta => delta.status === 'done')) {
        this.#state = 'done';
        this.#unsubscribe();
        this.#pool.release(this.#replaced);
        this.#done(collectResults(this.#tasks.flat(), this.#numTasks, this.#failedTasks));
      }
    }
  }

  #launch(task: Task): void {
    const { stage } = task;
    const isDone = (id: number): boolean => (this.#tasks[id] ?? []).every(parent => parent.status === 'done');
    if (!stage.parents.every(isDone)) return;
    const readsBlocks = stage.leaf.operation.kind === 'blocks';
    const inputs = readsBlocks
      ? [task.kept]
      : stage.reads.map(shuffle => this.#mapOutputs(stage, shuffle.id, task.partition));
    if (inputs.length > 0 && !stage.runsEmpty && inputs.every(blocks => blocks.length === 0)) {
      task.status = 'done';
      return;
    }
    const preferred = task.home ?? inputs.flat()[0]?.slot ?? this.#pool.homeOf(task.partition);
    const slot = task.home === undefined ? this.#pool.idleSlot(preferred) : task.home;
    if (slot === undefined || !this.#pool.isIdle(slot)) return;
    task.status = 'running';
    task.attempts++;
    this.#numTasks++;
    const request = {
      kind: 'task',
      stage: stage.id,
      partition: task.partition,
      attempt: task.attempts,
      time: this.#batch.time,
      previousTime: this.#batch.previousTime,
      plan: this.#inputs.plan,
      broadcasts: this.#inputs.broadcasts ?? [],
      range: task.range,
      inputs,
    } as const;
    void this.#pool
      .run(slot, request, this.#options.taskTimeoutMs)
      .then(reply => this.#inbox.post({ kind: 'replied', task, reply }));
  }

  /** Blocks that the parent stages wrote for one partition of a shuffle, in order of stage and partition. */
  #mapOutputs(reader: Stage, shuffleId: string, partition: number): BlockRef[] {
    return reader.parents.flatMap(parent =>
      (this.#tasks[parent] ?? []).flatMap(task => task.result?.shuffles[shuffleId]?.[partition] ?? []),
    );
  }

  #replied(task: Task, reply: WorkerReply): void {
    if (reply.ok && reply.kind === 'task') {
      task.status = 'done';
      // A task that ran before, to make a lost block again, replaces all it had made by the same rows. Readers may
      // still be reading the old blocks: they are given back at the end.
      if (task.result !== undefined) this.#replaced.push(...blocksOf(task.result));
      task.result = reply.result;
      for (const block of blocksOf(reply.result)) this.#pool.adopt(block);
      for (const [operator, change] of Object.entries(reply.result.deltas)) {
        this.#pool.adoptTable(this.#pool.homeOf(task.partition), { ...change.table, operator });
      }
      return;
    }
    const failure: TaskFailure = reply.ok
      ? { kind: 'engineError', code: 'internal', message: `a task was answered '${reply.kind}'`, detail: '{}' }
      : reply.failure;
    task.status = 'pending';
    this.#failedTasks++;
    if (failure.kind === 'blockLost') return this.#recompute(task, failure);
    if (failure.kind === 'cancelled') return this.#fail(task, failure);
    // Giving blocks back has this task offered a slot again.
    if (isFull(failure) && this.#pool.evict()) return;
    if (this.#canWait(failure)) {
      task.status = 'waiting';
      return;
    }
    if (countsAsAttempt(failure)) task.failures++;
    if (task.failures >= this.#options.maxTaskFailures || isFinal(failure)) return this.#fail(task, failure);
    this.#options.onRetry(taskName(task, this.#batch.time), task.attempts, formatFailure(failure));
  }

  /** A memory that is full while batches that are being committed hold blocks will have room again without a failure. */
  #canWait(failure: TaskFailure): boolean {
    if (!isFull(failure)) return false;
    const own = this.#tasks
      .flat()
      .reduce((sum, { result }) => sum + (result === undefined ? 0 : blocksOf(result).length), 0);
    return this.#pool.numBlocks > own + this.#replaced.length;
  }

  /** Everything that is sent to a slot. */
  #items(): readonly (Task | Applying)[] {
    return [...this.#tasks.flat(), ...(this.#applying ?? [])];
  }

  /** A block that a task wanted is gone: the task that made it runs again, and the reader after it. */
  #recompute(reader: Task, failure: Extract<TaskFailure, { kind: 'blockLost' }>): void {
    const writer = reader.stage.parents
      .flatMap(parent => this.#tasks[parent] ?? [])
      .find(
        task => task.result !== undefined && blocksOf(task.result).some(block => blockId(block) === failure.blockId),
      );
    if (++this.#lostBlocks > MAX_LOST_BLOCKS) return this.#fail(reader, failure);
    if (writer !== undefined && writer.status === 'done') writer.status = 'pending';
    this.#options.onRetry(
      taskName(reader, this.#batch.time),
      reader.attempts,
      `${formatFailure(failure)}; it is computed again from its parents`,
    );
  }

  #apply(delta: Applying): void {
    if (!this.#pool.isIdle(delta.slot)) return;
    delta.status = 'running';
    const { operator, partition } = delta;
    void this.#pool
      .run(delta.slot, { kind: 'applyDelta', operator, partition, delta: delta.delta }, this.#options.taskTimeoutMs)
      .then(reply => this.#inbox.post({ kind: 'applied', delta, reply }));
  }

  #applied(delta: Applying, reply: WorkerReply): void {
    if (reply.ok) {
      delta.status = 'done';
      if (reply.kind === 'applied')
        this.#options.onTableSize(delta.operator, delta.partition, reply.numRows, reply.byteLength);
      return;
    }
    if (this.#canWait(reply.failure)) {
      delta.status = 'waiting';
      return;
    }
    delta.status = 'pending';
    delta.failures++;
    const retry = losesWorker(reply.failure) && delta.failures < this.#options.maxTaskFailures;
    if (retry) return;
    const task = this.#tasks.flat().find(candidate => candidate.result?.deltas[delta.operator]?.delta === delta.delta);
    if (task !== undefined) this.#fail(task, reply.failure);
  }

  #fail(task: Task, failure: TaskFailure): void {
    const { stage, partition } = task;
    this.#failure ??= {
      time: this.#batch.time,
      stage: stage.id,
      partition,
      attempts: task.attempts,
      label: stage.leaf.label,
      failure,
    };
  }

  /** Waits for the requests still under way, so that nothing of this batch runs on when the next thing is done. */
  #finishFailed(): void {
    const running = this.#items().some(item => item.status === 'running');
    if (running || this.#failure === undefined) return;
    this.#state = 'done';
    this.#unsubscribe();
    this.#pool.release(this.#replaced);
    for (const task of this.#tasks.flat()) if (task.result !== undefined) this.#pool.release(blocksOf(task.result));
    this.#done(this.#failure);
  }
}

const isFull = (failure: TaskFailure): boolean => failure.kind === 'engineError' && failure.code === 'memoryLimit';

/** A failure that the same input will meet again whatever is tried. */
function isFinal(failure: TaskFailure): boolean {
  return (
    failure.kind === 'engineError' &&
    ['badRecord', 'inputChanged', 'inputMissing', 'planMismatch', 'jobInvalid'].includes(failure.code)
  );
}
