import type { StreamingListener } from '../core/streaming-listener.js';
import { ListenerEvents } from './listener-events.js';
import { ListenerQueue, type ListenerQueueOptions } from './listener-queue.js';
import type { RunEvent } from './run-events.js';

/** As many events as Spark keeps for a listener. */
const CAPACITY = 10_000;

/** Hands what a run tells to its StreamingListeners, each by a queue of its own. */
export class ListenerBus {
  readonly #options: ListenerQueueOptions;
  readonly #events = new ListenerEvents();
  readonly #queues = new Map<StreamingListener, ListenerQueue>();

  /** @param warn takes what listeners did wrong */
  constructor(warn: (message: string) => void, options: Partial<Omit<ListenerQueueOptions, 'warn'>> = {}) {
    this.#options = { capacity: CAPACITY, schedule: step => void setImmediate(step), ...options, warn };
  }

  /** From the next event on. A listener that is there already is not added twice. */
  add(listener: StreamingListener): void {
    if (!this.#queues.has(listener)) this.#queues.set(listener, new ListenerQueue(listener, this.#options));
  }

  /** Events that it has not heard yet are not told. */
  remove(listener: StreamingListener): void {
    this.#queues.get(listener)?.close();
    this.#queues.delete(listener);
  }

  /** Takes every event of the run, in order, whether anyone listens or not. */
  post(event: RunEvent): void {
    const call = this.#events.next(event);
    if (call !== undefined) for (const queue of this.#queues.values()) queue.post(call);
  }

  /** Tells what waits now. A listener whose promise has not settled gets the rest when it has. */
  flush(): void {
    for (const queue of this.#queues.values()) queue.flush();
  }
}
