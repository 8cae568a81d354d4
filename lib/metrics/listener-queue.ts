/**
 * Calls one listener, one event after another, outside of whatever made the event. What the listener does with it is its
 * own: an error becomes a warning, and one that waits forever fills its own queue and nobody else's.
 *
 *   post -> [waiting events, bounded] -> call -> (its promise settles) -> call ...
 */
import { messageOf } from '../core/errors.js';
import type { StreamingListener } from '../core/streaming-listener.js';
import { isThenable, userCall } from '../core/user-call.js';
import type { ListenerCall } from './listener-events.js';

export interface ListenerQueueOptions {
  /** Events that wait at the most; of more the oldest are dropped. */
  readonly capacity: number;
  readonly warn: (message: string) => void;
  /** Runs a step later. */
  readonly schedule: (step: () => void) => void;
}

export class ListenerQueue {
  readonly #listener: StreamingListener;
  readonly #options: ListenerQueueOptions;
  readonly #waiting: ListenerCall[] = [];
  /** Methods whose first error was told. */
  readonly #failed = new Set<string>();
  #state: 'idle' | 'scheduled' | 'calling' | 'closed' = 'idle';
  #numDropped = 0;

  constructor(listener: StreamingListener, options: ListenerQueueOptions) {
    this.#listener = listener;
    this.#options = options;
  }

  /** Events that were dropped because the listener was behind. */
  get numDropped(): number {
    return this.#numDropped;
  }

  post(call: ListenerCall): void {
    if (this.#state === 'closed' || this.#listener[call.method] === undefined) return;
    this.#waiting.push(call);
    if (this.#waiting.length > this.#options.capacity) this.#drop();
    if (this.#state !== 'idle') return;
    this.#state = 'scheduled';
    this.#options.schedule(() => {
      if (this.#state === 'scheduled') this.#callAll();
    });
  }

  /** Makes the calls that wait, now, up to one that returns a promise. */
  flush(): void {
    if (this.#state === 'idle' || this.#state === 'scheduled') this.#callAll();
  }

  /** No further calls. */
  close(): void {
    this.#state = 'closed';
    this.#waiting.length = 0;
  }

  #callAll(): void {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      this.#state = 'calling';
      const result = this.#call(call);
      // The listener may have been removed by itself.
      if (this.#isClosed()) return;
      if (result !== undefined) return void result.then(() => this.#resume());
    }
    this.#state = 'idle';
  }

  #resume(): void {
    if (!this.#isClosed()) this.#callAll();
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** @returns what to wait for before the next call; it never rejects */
  #call({ method, event }: ListenerCall): Promise<void> | undefined {
    const f = this.#listener[method] as ((event: unknown) => unknown) | undefined;
    try {
      const result = userCall(() => f?.call(this.#listener, event));
      if (!isThenable(result)) return undefined;
      return Promise.resolve(result).then(
        () => undefined,
        (error: unknown) => this.#tellError(method, error),
      );
    } catch (error) {
      this.#tellError(method, error);
      return undefined;
    }
  }

  #tellError(method: string, error: unknown): void {
    if (this.#failed.has(method)) return;
    this.#failed.add(method);
    this.#options.warn(
      `${method} of ${nameOf(this.#listener)} failed: ${messageOf(error)}. The run goes on; later errors of it are not told`,
    );
  }

  #drop(): void {
    this.#waiting.shift();
    if (++this.#numDropped > 1) return;
    this.#options.warn(
      `${nameOf(this.#listener)} is ${this.#options.capacity} events behind: the oldest are dropped from now on. ` +
        'It gets an event when the promise it gave for the one before has settled',
    );
  }
}

/** `listener MyListener`, or `a listener` of no class. */
function nameOf(listener: StreamingListener): string {
  const name = (listener as object).constructor?.name ?? '';
  return name === '' || name === 'Object' ? 'a listener' : `listener ${name}`;
}
