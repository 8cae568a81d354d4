/**
 * Computes one batch: runs its stages' tasks on the slots, parents before children, retries what fails, tells the outcome,
 * and when it is told to has the accepted changes of state applied. One inbox; every reply of a worker is one event.
 *
 *   ready stage -> tasks pending -> running on a slot -> accepted (or pending again) -> all done: outcome -> deltas applied
 *
 * A task reads state as it was before the batch; its change is a block of its own, applied only when every task of the
 * batch is accepted. So any task may run again at any time before that, and gives the same result.
 *
 * Several batches may be computed at once. Until its turn comes a batch runs only what needs no state, and does not end;
 * when an older one is short of memory it gives up all it has made, and begins again when it is the oldest.
 */
import { assertNever } from '../core/assert-never.js';
import { Inbox } from '../core/inbox.js';
import type { CompiledPlan } from '../plan/stages.js';
import type { BlockRef, TaskResult, WorkerReply } from '../protocol/messages.js';
import { countsAsAttempt, formatFailure, isMetAgain, type TaskFailure } from '../protocol/task-failure.js';
import type { Batch, BatchFailure, BatchResult, PlanInputs } from './batch.js';
import { collectResults } from './batch-result.js';
import {
  acceptedDeltas,
  blockId,
  blocksOf,
  failureContext,
  taskName,
  type Applying,
  type Attempt,
  type Task,
} from './batch-task.js';
import { ALWAYS, type BatchTurn } from './batch-turn.js';
import { DeltaApplier, type DeltaApplierOptions } from './delta-applier.js';
import type { SlotClient } from './slot-clients.js';
import type { SlotPool } from './slot-pool.js';
import { movableBlocks } from './movable-blocks.js';
import { takeShuffles } from './spent-blocks.js';
import { stragglersOf, type Speculation } from './speculation.js';
import { failureOf, groupable, outcomesOf, type TaskGroup } from './task-group.js';
import { TaskRequests } from './task-requests.js';
import { TaskSet } from './task-set.js';

export type BatchRunEvent =
  | { readonly kind: 'replied'; readonly attempt: Attempt; readonly reply: WorkerReply }
  | { readonly kind: 'groupReplied'; readonly group: TaskGroup; readonly reply: WorkerReply }
  | { readonly kind: 'applied'; readonly request: Applying; readonly reply: WorkerReply }
  | { readonly kind: 'offered' }
  /** Blocks of another batch were given back. */
  | { readonly kind: 'released' };

export interface BatchRunOptions {
  /** Default: the job's own plan. */
  readonly inputs?: PlanInputs;
  /** False: a full memory is a failure when no later batch can make room, because what else would waits for this. */
  readonly mayWait?: boolean;
  /** Its tasks go to a slot in one request, as many as can. */
  readonly isSmall?: boolean;
  readonly maxTaskFailures: number;
  readonly taskTimeoutMs: number;
  /** Without it no task has a copy. */
  readonly speculation?: Speculation;
  readonly onRetry: (task: string, attempt: number, reason: string) => void;
  readonly onTableSize: DeltaApplierOptions['onTableSize'];
}

/** Recomputing lost blocks does not count as a failed attempt, so it has a bound of its own: these, and one for each task. */
const MAX_LOST_BLOCKS = 64;

export class BatchRun {
  readonly #pool: SlotPool;
  readonly #options: BatchRunOptions;
  readonly #batch: Batch;
  readonly #inputs: PlanInputs;
  readonly #turn: BatchTurn;
  readonly #done: (outcome: BatchResult | BatchFailure) => void;
  readonly #inbox = new Inbox<BatchRunEvent>(event => this.#handle(event));
  readonly #client: SlotClient;
  readonly #tasks: TaskSet;
  readonly #requests: TaskRequests;
  #applier: DeltaApplier | undefined;
  #failure: BatchFailure | undefined;
  #replaced: BlockRef[] = [];
  #numTasks = 0;
  #failedTasks = 0;
  #lostBlocks = 0;
  /** Until something goes wrong: then each task runs alone, so that it is known which one it is. */
  #mayGroup: boolean;
  /** computed: its outcome is told, and its changes of state wait for `apply`. */
  #state: 'running' | 'computed' | 'applying' | 'done' = 'running';
  #hadTurn = false;
  /** Gave its memory to older ones; nothing runs before it is the oldest. */
  #hasYielded = false;
  #onApplied: (failure: BatchFailure | undefined) => void = () => undefined;
  #unsubscribe: () => void = () => undefined;
  #cancelTimer: () => void = () => undefined;

  /** @param turn when it may touch state and end; without it at any time, as befits the only batch there is */
  constructor(
    compiled: CompiledPlan,
    pool: SlotPool,
    batch: Batch,
    options: BatchRunOptions,
    done: (outcome: BatchResult | BatchFailure) => void,
    turn: BatchTurn = ALWAYS,
  ) {
    this.#pool = pool;
    this.#batch = batch;
    this.#options = options;
    this.#done = done;
    this.#turn = turn;
    this.#inputs = options.inputs ?? { plan: null };
    // Of a group that is lost nobody knows whose the failed attempt was: where the first is the last, it must be known.
    this.#mayGroup = options.isSmall === true && options.maxTaskFailures > 1;
    this.#tasks = new TaskSet(compiled, batch, this.#inputs, partition => pool.homeOf(partition));
    const now = (): number => options.speculation?.clock.now() ?? 0;
    this.#requests = new TaskRequests({
      ...{ pool, batch, inputs: this.#inputs, tasks: this.#tasks, taskTimeoutMs: options.taskTimeoutMs, now },
      onReply: (attempt, reply) => this.#inbox.post({ kind: 'replied', attempt, reply }),
      onGroupReply: (group, reply) => this.#inbox.post({ kind: 'groupReplied', group, reply }),
    });
    this.#client = {
      time: batch.time,
      offer: () => this.#inbox.post({ kind: 'offered' }),
      released: () => this.#inbox.post({ kind: 'released' }),
      yieldMemory: () => this.#yieldMemory(),
    };
  }

  start(): void {
    this.#unsubscribe = this.#pool.subscribe(this.#client);
    this.#pool.offer();
  }

  /** Has the changes of state applied; `done` comes once. The blocks of the outcome must stay until then. */
  apply(done: (failure: BatchFailure | undefined) => void): void {
    if (this.#state === 'done') return done(undefined);
    this.#onApplied = done;
    this.#state = 'applying';
    this.#pool.offer();
  }

  /** Its outcome is not wanted any more. What runs is waited for; the outcome is then a failure of kind `cancelled`. */
  cancel(): void {
    if (this.#state === 'done') return;
    if (this.#state === 'computed') this.#end();
    else this.#failure = this.#failureOf(undefined, { kind: 'cancelled' });
    this.#pool.offer();
  }

  #handle(event: BatchRunEvent): void {
    switch (event.kind) {
      case 'replied':
        return this.#replied(event.attempt, event.reply);
      case 'groupReplied':
        return this.#groupReplied(event.group, event.reply);
      case 'applied':
        return this.#applied(event.request, event.reply);
      case 'offered':
        return this.#state === 'done' ? undefined : this.#advance();
      case 'released':
        return this.#retryWaiting();
      default:
        assertNever(event);
    }
  }

  /** Does whatever can be done now; ends the batch when nothing is left. */
  #advance(): void {
    if (this.#failure !== undefined) return this.#finishFailed();
    const isTurn = this.#isTurn;
    if (isTurn && !this.#hadTurn) {
      this.#hadTurn = true;
      this.#retryWaiting();
    }
    // Who gave memory up takes none before those it gave it to have ended.
    if (this.#hasYielded && isTurn && this.#pool.isOldest(this.#client)) this.#hasYielded = false;
    if (this.#state === 'running' && !this.#hasYielded) {
      if (isTurn && this.#mayGroup) this.#launchGroups();
      else for (const task of this.#tasks.all) if (task.status === 'pending') this.#launch(task);
      this.#speculate();
      if (isTurn && this.#tasks.isDone) this.#computed();
    }
    if (this.#state === 'applying' && this.#applier !== undefined) {
      this.#applier.offer();
      if (!this.#applier.isDone) return;
      this.#end();
      this.#onApplied(undefined);
    }
  }

  /** Once it is computed, no other batch comes before it. */
  get #isTurn(): boolean {
    return this.#state !== 'running' || this.#turn.isTurn();
  }

  #launch(task: Task): void {
    const { stage } = task;
    if (!this.#tasks.isReady(task)) return;
    const inputs = this.#tasks.inputsOf(task);
    if (inputs.length > 0 && !stage.runsEmpty && inputs.every(blocks => blocks.length === 0)) {
      task.status = 'done';
      return;
    }
    // Before its turn the table is not yet what the batch before makes of it.
    if (task.home !== undefined && !this.#isTurn) return;
    const preferred = task.home ?? inputs.flat()[0]?.slot ?? this.#pool.homeOf(task.partition);
    const slot = task.home === undefined ? this.#pool.idleSlot(preferred, task.failedOn) : task.home;
    if (slot === undefined || !this.#pool.isIdle(slot)) return;
    task.copied = false;
    this.#run(task, slot, inputs);
  }

  #run(task: Task, slot: number, inputs: readonly (readonly BlockRef[])[]): void {
    this.#numTasks++;
    this.#requests.run(task, slot, inputs);
  }

  /** Gives each idle slot all that can run there one after another: on a quiet machine the first of them gets nearly all. */
  #launchGroups(): void {
    let mayBeMore = true;
    while (mayBeMore) {
      mayBeMore = false;
      for (const { slot, takesAny } of this.#pool.idleSlots) {
        const members = groupable(this.#tasks, task => (task.home === undefined ? takesAny : task.home === slot));
        if (members.length > 1) this.#requests.runTogether(members, slot);
        const [alone] = members.length === 1 ? members : [];
        if (alone === undefined) continue;
        this.#launch(alone);
        // It had nothing to read: what reads of it may be ready now.
        mayBeMore ||= alone.status === 'done';
      }
    }
  }

  /** What the tasks before a failure left is accepted; the one that failed is what failed, and those after it did not run. */
  #groupReplied(group: TaskGroup, reply: WorkerReply): void {
    const { outcomes, failure, isLost } = outcomesOf(group, reply);
    if (failure !== undefined) this.#mayGroup = false;
    for (const { attempt, outcome, isInner } of outcomes) {
      if (typeof outcome === 'string') {
        this.#withdraw(attempt, outcome);
        continue;
      }
      this.#numTasks++;
      this.#replied(attempt, outcome);
      attempt.task.isInner = isInner && !attempt.dropped;
    }
    const [first] = group.attempts;
    if (failure === undefined || !isLost || first === undefined) return;
    this.#numTasks++;
    this.#failedTasks++;
    for (const { task } of group.attempts) task.failedOn.add(group.slot);
    this.#options.onRetry(taskName(first.task, this.#batch.time), first.number, formatFailure(failure));
  }

  /** Ends an attempt that did not run: it had nothing to read and is done, or its turn did not come. */
  #withdraw({ task, dropped, unpin }: Attempt, status: 'pending' | 'done'): void {
    task.running = [];
    unpin();
    task.status = dropped ? 'pending' : status;
    if (dropped) this.#pool.released();
  }

  /** Starts copies of tasks that take too long, and sees to it that the next one is thought of in time. */
  #speculate(): void {
    const { speculation } = this.#options;
    if (speculation === undefined) return;
    const { clock, minTaskMs, onCopy } = speculation;
    this.#cancelTimer();
    const nowMs = clock.now();
    const found = this.#tasks.stages.map(stage => stragglersOf(stage, minTaskMs, nowMs));
    for (const task of found.flatMap(({ due }) => due)) {
      const slot = this.#pool.idleSlot(this.#pool.homeOf(task.partition), task.failedOn);
      if (slot === undefined) return;
      onCopy(taskName(task, this.#batch.time), nowMs - (task.running[0]?.startedMs ?? nowMs));
      task.copied = true;
      this.#run(task, slot, this.#tasks.inputsOf(task));
    }
    const next = Math.min(...found.map(({ nextMs }) => nextMs ?? Number.POSITIVE_INFINITY));
    if (next < Number.POSITIVE_INFINITY) this.#cancelTimer = clock.setTimer(next, () => this.#pool.offer());
  }

  #replied(attempt: Attempt, reply: WorkerReply): void {
    const { task } = attempt;
    task.running = task.running.filter(other => other !== attempt);
    attempt.unpin();
    const isOpen = task.running.length === 0 && task.status === 'running';
    if (attempt.dropped || task.status === 'done') {
      if (isOpen) task.status = 'pending';
      if (reply.ok && reply.kind === 'task') this.#pool.discard(blocksOf(reply.result));
      this.#pool.released();
    } else if (reply.ok && reply.kind === 'task') {
      this.#accept(attempt, reply.result);
    } else {
      if (isOpen) task.status = 'pending';
      this.#failed(attempt, failureOf(reply));
    }
  }

  #accept({ task, startedMs }: Attempt, result: TaskResult): void {
    task.status = 'done';
    task.durationMs = (this.#options.speculation?.clock.now() ?? 0) - startedMs;
    for (const other of task.running) this.#drop(other);
    // A task that ran before, to make a lost block again, replaces all it had made by the same rows. Readers may
    // still be reading the old blocks: they are given back at the end.
    if (task.result !== undefined) this.#replaced.push(...blocksOf(task.result));
    task.result = result;
    task.isInner = false;
    for (const block of blocksOf(result)) this.#pool.adopt(block);
    for (const [block, use] of movableBlocks(task.stage, result)) this.#pool.admit(block, use);
    for (const [operator, change] of Object.entries(result.deltas)) {
      this.#pool.adoptTable(this.#pool.homeOf(task.partition), { ...change.table, operator });
    }
  }

  /** The attempt goes on, and reads what the batch may have given back by then. */
  #drop(attempt: Attempt): void {
    attempt.dropped = true;
    attempt.unpin = this.#pool.pin(attempt.inputs);
  }

  #failed({ task, slot, number }: Attempt, failure: TaskFailure): void {
    this.#failedTasks++;
    if (failure.kind === 'blockLost') return this.#recompute(task, failure);
    if (failure.kind === 'cancelled') return this.#fail(task, failure);
    if (this.#makesRoom(failure, slot)) {
      if (task.status === 'pending') task.status = 'waiting';
      return;
    }
    // Giving blocks back has this task offered a slot again.
    if (isFull(failure) && this.#pool.evict()) return;
    if (this.#canWait(failure)) {
      if (task.status === 'pending') task.status = 'waiting';
      return;
    }
    task.failedOn.add(slot);
    task.history.push(`attempt ${number} on worker ${slot}: ${formatFailure(failure)}`);
    if (countsAsAttempt(failure)) task.failures++;
    if (task.failures >= this.#options.maxTaskFailures || isMetAgain(failure)) return this.#fail(task, failure);
    this.#options.onRetry(taskName(task, this.#batch.time), number, formatFailure(failure));
  }

  /**
   * Whether a full memory will have room again without a failure: batches that are being committed or come first hold
   * blocks, or batches that come later do and give them up.
   */
  #canWait(failure: TaskFailure): boolean {
    if (!isFull(failure)) return false;
    if (!this.#isTurn || this.#pool.reclaim(this.#client)) return true;
    const own = [...this.#tasks.blocks, ...this.#replaced].filter(({ file }) => file === undefined);
    return this.#options.mayWait !== false && this.#pool.numInMemory > own.length;
  }

  /** Whether a full memory will have room because blocks are on their way to a file; whoever waits is told. */
  #makesRoom(failure: TaskFailure, slot: number): boolean {
    return isFull(failure) && this.#pool.makeRoom(slot);
  }

  #yieldMemory(): boolean {
    if (this.#state !== 'running' || this.#failure !== undefined) return false;
    // It could not begin again before its own batch, which waits for it, has ended.
    if (this.#options.mayWait === false) return false;
    const { wanted } = this.#tasks;
    const blocks = [...this.#tasks.blocks, ...this.#replaced];
    if (wanted.length + blocks.length === 0) return false;
    this.#hasYielded = true;
    for (const attempt of wanted) this.#drop(attempt);
    this.#tasks.forgetResults();
    this.#replaced = [];
    this.#pool.release(blocks);
    return true;
  }

  #retryWaiting(): void {
    this.#tasks.retryWaiting();
    this.#applier?.retry();
  }

  /** A block that a task wanted is gone: the task that made it runs again, and the reader after it. */
  #recompute(reader: Task, failure: Extract<TaskFailure, { kind: 'blockLost' }>): void {
    const writer = this.#tasks.writerOf(reader, failure.blockId);
    const isOf = (block: BlockRef): boolean => blockId(block) === failure.blockId;
    const lost = [...this.#tasks.blocks, ...this.#replaced, ...reader.kept].find(isOf);
    if (lost?.file !== undefined) this.#pool.blockFileLost();
    // What was kept of another batch, nobody of this one can make again.
    const isLast = ++this.#lostBlocks > MAX_LOST_BLOCKS + this.#tasks.all.length || reader.kept.some(isOf);
    if (isLast) return this.#fail(reader, failure);
    if (writer !== undefined) this.#tasks.reopen(writer);
    this.#options.onRetry(
      taskName(reader, this.#batch.time),
      reader.attempts,
      `${formatFailure(failure)}; it is computed again from its parents`,
    );
  }

  /** Every task is accepted: only now may a change of state be applied, and that is begun by who is told of the outcome. */
  #computed(): void {
    const requests = acceptedDeltas(this.#tasks.all, partition => this.#pool.homeOf(partition));
    this.#cancelTimer();
    // Attempts that nobody waits for, and that still read, have theirs pinned.
    this.#pool.release(takeShuffles(this.#tasks.all));
    if (requests.length === 0) {
      this.#end();
    } else {
      const post = (request: Applying, reply: WorkerReply): void =>
        this.#inbox.post({ kind: 'applied', request, reply });
      this.#applier = new DeltaApplier(this.#pool, this.#options, requests, post);
      this.#state = 'computed';
    }
    this.#done(this.#result());
  }

  #applied(request: Applying, reply: WorkerReply): void {
    const failed = this.#applier?.replied(
      request,
      reply,
      met => this.#makesRoom(met, request.slot) || this.#canWait(met),
    );
    if (failed === undefined) return;
    const { delta, failure } = failed;
    const isOf = ({ result }: Task): boolean => result?.deltas[delta?.operator ?? '']?.delta === delta?.delta;
    this.#fail(delta === undefined ? undefined : this.#tasks.all.find(isOf), failure);
  }

  #fail(task: Task | undefined, failure: TaskFailure): void {
    this.#failure ??= this.#failureOf(task, failure);
  }

  #failureOf(task: Task | undefined, failure: TaskFailure): BatchFailure {
    return {
      time: this.#batch.time,
      stage: task?.stage.id ?? 0,
      partition: task?.partition ?? 0,
      attempts: task?.attempts ?? 0,
      label: task?.stage.leaf.label ?? '',
      failure,
      ...(task && failureContext(task)),
    };
  }

  /** Waits for the requests still under way, so that nothing of this batch runs on when the next thing is done. */
  #finishFailed(): void {
    const failure = this.#failure;
    const isRunning = this.#tasks.isRunning || this.#applier?.isRunning === true;
    if (failure === undefined || isRunning) return;
    // Failures too are told in order of the batches; a cancelled one is not waited for.
    if (failure.failure.kind !== 'cancelled' && !this.#isTurn) return;
    const isTold = this.#applier !== undefined;
    this.#end();
    if (isTold) return this.#onApplied(failure);
    this.#pool.release(this.#tasks.blocks);
    this.#done(failure);
  }

  #end(): void {
    this.#state = 'done';
    this.#cancelTimer();
    this.#unsubscribe();
    this.#pool.release(this.#replaced);
  }

  #result(): BatchResult {
    return collectResults(this.#tasks.all, this.#numTasks, this.#failedTasks);
  }
}

const isFull = (failure: TaskFailure): boolean => failure.kind === 'engineError' && failure.code === 'memoryLimit';
