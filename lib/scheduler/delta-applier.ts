import type { WorkerReply } from '../protocol/messages.js';
import { losesWorker, type TaskFailure } from '../protocol/task-failure.js';
import type { Applying } from './batch-task.js';
import type { SlotPool } from './slot-pool.js';

export interface DeltaApplierOptions {
  readonly maxTaskFailures: number;
  readonly taskTimeoutMs: number;
  readonly onTableSize: (operator: string, partition: number, numRows: number, byteLength: number) => void;
}

/**
 * Puts the accepted changes of a batch into their tables, each on the slot that has the table. Applying is idempotent:
 * a change whose thread was lost is applied again.
 */
export class DeltaApplier {
  readonly #pool: SlotPool;
  readonly #options: DeltaApplierOptions;
  readonly #deltas: readonly Applying[];
  readonly #post: (delta: Applying, reply: WorkerReply) => void;

  /** @param post takes each reply to the inbox of the batch, which hands it to `replied` */
  constructor(
    pool: SlotPool,
    options: DeltaApplierOptions,
    deltas: readonly Applying[],
    post: (delta: Applying, reply: WorkerReply) => void,
  ) {
    this.#pool = pool;
    this.#options = options;
    this.#deltas = deltas;
    this.#post = post;
  }

  get isDone(): boolean {
    return this.#deltas.every(delta => delta.status === 'done');
  }

  get isRunning(): boolean {
    return this.#deltas.some(delta => delta.status === 'running');
  }

  /** Starts what can be started on the slots that are idle. */
  offer(): void {
    for (const delta of this.#deltas) if (delta.status === 'pending') this.#apply(delta);
  }

  /** Memory was given back. */
  retry(): void {
    for (const delta of this.#deltas) if (delta.status === 'waiting') delta.status = 'pending';
  }

  /**
   * @param canWait whether a failure is only for want of memory that will be there
   * @returns the failure when the change cannot be applied at all
   */
  replied(delta: Applying, reply: WorkerReply, canWait: (failure: TaskFailure) => boolean): TaskFailure | undefined {
    if (reply.ok) {
      delta.status = 'done';
      if (reply.kind === 'applied')
        this.#options.onTableSize(delta.operator, delta.partition, reply.numRows, reply.byteLength);
      return undefined;
    }
    if (canWait(reply.failure)) {
      delta.status = 'waiting';
      return undefined;
    }
    delta.status = 'pending';
    delta.failures++;
    const retry = losesWorker(reply.failure) && delta.failures < this.#options.maxTaskFailures;
    return retry ? undefined : reply.failure;
  }

  #apply(delta: Applying): void {
    if (!this.#pool.isIdle(delta.slot)) return;
    delta.status = 'running';
    const { operator, partition } = delta;
    void this.#pool
      .run(delta.slot, { kind: 'applyDelta', operator, partition, delta: delta.delta }, this.#options.taskTimeoutMs)
      .then(reply => this.#post(delta, reply));
  }
}
