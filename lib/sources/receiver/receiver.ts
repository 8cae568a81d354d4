import { EngineError } from '../../core/errors.js';

/** What a receiver can ask of whoever runs it. */
export interface ReceiverContext {
  readonly streamId: string;
  readonly isStarted: boolean;
  readonly isStopped: boolean;
  store(items: readonly unknown[], waitUntilStored: boolean): Promise<void>;
  storeWaitMs(): number;
  restart(message: string, error: unknown, delayMs: number): void;
  reportError(message: string, error: unknown): void;
  stop(message: string, error: unknown): void;
}

/** Spark's pause between a receiver's end and its next start. */
export const RESTART_DELAY_MS = 2000;

/** The same symbol in every copy of Sluice: a job's bundle may hold one of its own. */
const CONTEXT = Symbol.for('sluice.receiver.context');

/**
 * Something that receives data which cannot be asked for again: from a socket, a queue, an API that calls back. It runs
 * in a thread of its own beside the driver, and what it stores goes to a log on disk, from which batches are made.
 *
 *     class Ticks extends Receiver<number> {
 *       #timer: NodeJS.Timeout | undefined;
 *       onStart() {
 *         this.#timer = setInterval(() => void this.store(Date.now()), 100);
 *       }
 *       onStop() {
 *         clearInterval(this.#timer);
 *       }
 *     }
 *     ssc.receiverStream(() => new Ticks()).print();
 *
 * What `onStart` throws, or rejects with, leads to a restart after 2 s; an EngineError that the user must cure ends the
 * run. A restart is `onStop`, the pause, `onStart`, on the same object.
 */
export abstract class Receiver<T> {
  /** @internal */
  [CONTEXT]: ReceiverContext | undefined;

  /** Begins to receive, and returns: connects, subscribes, starts timers. Called once for each start. */
  abstract onStart(): void | Promise<void>;

  /**
   * Ends what `onStart` began. What is stored until its promise resolves is kept; then nothing more is taken.
   * Also called after an `onStart` that failed.
   */
  abstract onStop(): void | Promise<void>;

  /** Where it listens or what it is connected to, for messages; override to say it. */
  get location(): string {
    return '';
  }

  /** Id of the source. */
  get streamId(): string {
    return this.#context.streamId;
  }

  /** Whether `onStart` has ended well and no stop or restart has begun since. */
  get isStarted(): boolean {
    return this.#context.isStarted;
  }

  /** Whether it has been stopped for good; false while it waits for a restart. */
  isStopped(): boolean {
    return this.#context.isStopped;
  }

  /**
   * Hands one item to the stream. Resolves when there is room for the next: who awaits it is slowed down to what the
   * job can take, who does not fills memory. The item is on disk some milliseconds later (`blockInterval`); a crash
   * before loses it. Rejects with `typeMismatch` for what cannot be an item (see also `reportError`), and with
   * `contextState` after the stop.
   *
   * An item that is an array itself is stored as `store([item])`.
   */
  store(item: T): Promise<void>;
  /**
   * Hands over many at once, in one block. Resolves when they are on disk and will be in exactly one batch, whatever
   * crashes: then they may be acknowledged to the sender. All or nothing: a bad one refuses all.
   */
  store(items: readonly T[]): Promise<void>;
  store(items: T | readonly T[]): Promise<void> {
    if (Array.isArray(items)) return this.#context.store(items, true);
    return this.#context.store([items], false);
  }

  /** 0 when `store` would go through at once, else about how many milliseconds it would wait for room or for its rate. */
  storeWaitMs(): number {
    return this.#context.storeWaitMs();
  }

  /** Stops and starts it again after `delayMs`; returns at once. Does nothing while a restart or a stop is under way. */
  restart(message: string, error?: unknown, delayMs = RESTART_DELAY_MS): void {
    this.#context.restart(message, error, delayMs);
  }

  /** Tells the run's listeners about a problem; the receiver goes on. */
  reportError(message: string, error?: unknown): void {
    this.#context.reportError(message, error);
  }

  /** Stops it for good; returns at once. Only the next run starts it again. */
  stop(message: string, error?: unknown): void {
    this.#context.stop(message, error);
  }

  get #context(): ReceiverContext {
    const context = this[CONTEXT];
    if (context !== undefined) return context;
    throw new EngineError(
      'contextState',
      `receiver ${this.constructor.name} was used before it was started: it can store and stop from onStart on`,
    );
  }
}

/** Gives a receiver whoever runs it, before its first start. */
export function attachReceiver(receiver: Receiver<unknown>, context: ReceiverContext): void {
  receiver[CONTEXT] = context;
}
