import type { DeltaRef, WorkerReply } from '../protocol/messages.js';
import { losesWorker, type TaskFailure } from '../protocol/task-failure.js';
import type { Applying } from './batch-task.js';
import type { SlotPool } from './slot-pool.js';

export interface DeltaApplierOptions {
  readonly maxTaskFailures: number;
  readonly taskTimeoutMs: number;
  /** @param changed the key groups whose rows changed, a bit each; undefined: it may be all */
  readonly onTableSize: (
    operator: string,
    partition: number,
    numRows: number,
    changed: Uint32Array | undefined,
  ) => void;
}

/** A change that cannot be applied. */
export interface ApplyFailure {
  readonly delta: DeltaRef | undefined;
  readonly failure: TaskFailure;
}

/**
 * Puts the accepted changes of a batch into their tables, in one request to each slot that has tables of them. Applying
 * is idempotent: changes whose thread was lost, and those of a request that was not done to its end, are applied again.
 */
export class DeltaApplier {
  readonly #pool: SlotPool;
  readonly #options: DeltaApplierOptions;
  readonly #requests: readonly Applying[];
  readonly #post: (request: Applying, reply: WorkerReply) => void;

  /** @param post takes each reply to the inbox of the batch, which hands it to `replied` */
  constructor(
    pool: SlotPool,
    options: DeltaApplierOptions,
    requests: readonly Applying[],
    post: (request: Applying, reply: WorkerReply) => void,
  ) {
    this.#pool = pool;
    this.#options = options;
    this.#requests = requests;
    this.#post = post;
  }

  get isDone(): boolean {
    return this.#requests.every(request => request.status === 'done');
  }

  get isRunning(): boolean {
    return this.#requests.some(request => request.status === 'running');
  }

  /** Starts what can be started on the slots that are idle. */
  offer(): void {
    for (const request of this.#requests) if (request.status === 'pending') this.#apply(request);
  }

  /** Memory was given back. */
  retry(): void {
    for (const request of this.#requests) if (request.status === 'waiting') request.status = 'pending';
  }

  /**
   * @param canWait whether a failure is only for want of memory that will be there
   * @returns the failure when a change cannot be applied at all
   */
  replied(request: Applying, reply: WorkerReply, canWait: (failure: TaskFailure) => boolean): ApplyFailure | undefined {
    const { numRows, changed } = reply.ok && reply.kind === 'applied' ? reply : NOTHING_APPLIED;
    numRows.forEach((rows, i) => {
      const applied = request.deltas[i];
      if (applied !== undefined) this.#options.onTableSize(applied.operator, applied.partition, rows, changed?.[i]);
    });
    const failure = failureIn(reply);
    if (failure === undefined) {
      request.status = 'done';
      return undefined;
    }
    if (canWait(failure)) {
      request.status = 'waiting';
      return undefined;
    }
    request.status = 'pending';
    request.failures++;
    const retry = losesWorker(failure) && request.failures < this.#options.maxTaskFailures;
    return retry ? undefined : { delta: request.deltas[numRows.length], failure };
  }

  #apply(request: Applying): void {
    if (!this.#pool.isIdle(request.slot)) return;
    request.status = 'running';
    const { slot, deltas } = request;
    void this.#pool
      .run(slot, { kind: 'applyDeltas', deltas }, this.#options.taskTimeoutMs)
      .then(reply => this.#post(request, reply));
  }
}

const NOTHING_APPLIED: { readonly numRows: readonly number[]; readonly changed?: readonly Uint32Array[] } = {
  numRows: [],
};

function failureIn(reply: WorkerReply): TaskFailure | undefined {
  if (!reply.ok) return reply.failure;
  return reply.kind === 'applied' ? reply.failure : undefined;
}
