/**
 * Which slots are given work. One that loses its thread or fails tasks again and again, for whatever reason, would fail
 * those that come next as well: it gets no tasks for a while. Tasks with state still go to the slot that has their
 * table, and the last slot that is left is never excluded.
 */
import type { Clock } from '../core/clock.js';
import { formatDuration } from '../core/time.js';
import type { TaskGroupRequest, TaskRequest, WorkerReply, WorkerRequest } from '../protocol/messages.js';
import { countsAsAttempt, formatFailure, isMetAgain, type TaskFailure } from '../protocol/task-failure.js';

export interface SlotHealthOptions {
  readonly clock: Clock;
  readonly numSlots: number;
  /** Different tasks that must fail on a slot in a row, within `excludeMs`. */
  readonly maxFailures: number;
  readonly excludeMs: number;
  readonly onExcluded: (message: string) => void;
}

interface Health {
  /** When which task failed, since the last one that did not. */
  readonly failures: Map<string, number>;
  excluded: boolean;
}

/** How a request failed, and which of its tasks: that of a group which was lost with its thread is not known. */
function failureIn(
  request: TaskRequest | TaskGroupRequest,
  reply: WorkerReply,
): { readonly failure: TaskFailure; readonly task: string } | undefined {
  const failure = reply.ok ? (reply.kind === 'tasks' ? reply.failure : undefined) : reply.failure;
  if (failure === undefined) return undefined;
  const tasks = request.kind === 'task' ? [request] : request.tasks;
  const failed = tasks[reply.ok && reply.kind === 'tasks' ? reply.results.length : 0];
  return { failure, task: `${failed?.stage}/${failed?.partition}` };
}

export class SlotHealth {
  readonly #options: SlotHealthOptions;
  readonly #slots: readonly Health[];
  readonly #cancels = new Set<() => void>();
  #onBack: () => void = () => undefined;

  constructor(options: SlotHealthOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.numSlots }, () => ({ failures: new Map(), excluded: false }));
  }

  isExcluded(slot: number): boolean {
    return this.#slots[slot]?.excluded === true;
  }

  /** Has `listener` called when a slot may be given work again. */
  onBack(listener: () => void): void {
    this.#onBack = listener;
  }

  /** Takes note of how a request ended. */
  note(slot: number, request: WorkerRequest, reply: WorkerReply): void {
    const health = this.#slots[slot];
    if (health === undefined || (request.kind !== 'task' && request.kind !== 'tasks')) return;
    const failed = failureIn(request, reply);
    if (failed === undefined) return health.failures.clear();
    const { failure } = failed;
    if (!countsAsAttempt(failure) || isMetAgain(failure)) return;
    const { clock, maxFailures, excludeMs, onExcluded } = this.#options;
    const nowMs = clock.now();
    for (const [task, atMs] of health.failures) if (nowMs - atMs > excludeMs) health.failures.delete(task);
    // One task that fails wherever it runs must not take slot after slot out: it counts once on each.
    health.failures.set(`${request.time}/${failed.task}`, nowMs);
    if (health.failures.size < maxFailures || health.excluded || this.#isLast(slot)) return;
    this.#exclude(health, nowMs + excludeMs);
    onExcluded(
      `slot ${slot} failed ${health.failures.size} tasks in a row and gets none but those of its own state for ` +
        `${formatDuration(excludeMs)}; the last: ${formatFailure(failure)}`,
    );
  }

  /** Cancels its timers. */
  stop(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  #exclude(health: Health, untilMs: number): void {
    health.excluded = true;
    const cancel = this.#options.clock.setTimer(untilMs, () => {
      this.#cancels.delete(cancel);
      health.excluded = false;
      health.failures.clear();
      this.#onBack();
    });
    this.#cancels.add(cancel);
  }

  #isLast(slot: number): boolean {
    return this.#slots.every((health, index) => index === slot || health.excluded);
  }
}
