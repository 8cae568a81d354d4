/**
 * The one door into a long-lived component: events are handled one at a time, in the order they were posted, each
 * to its end. An event posted by a handler waits until that handler has returned, so a component never sees itself
 * half changed.
 */
export class Inbox<E> {
  readonly #queue: E[] = [];
  readonly #handle: (event: E) => void;
  #handling = false;

  constructor(handle: (event: E) => void) {
    this.#handle = handle;
  }

  post(event: E): void {
    this.#queue.push(event);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#handle(next);
    } finally {
      this.#handling = false;
    }
  }
}
