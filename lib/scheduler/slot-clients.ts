/**
 * Who wants slots, in the order in which idle ones are offered: the oldest batch first, and of two with the same time
 * the one that came first. Slots are taken only in a round, in which each client in turn starts all it can, so an idle
 * slot that is left after a round is one that nobody wanted, and a younger batch never takes what an older one waits for.
 */

/** Work on the slots: the computation of a batch, or a job of one of its outputs. */
export interface SlotClient {
  /** Batch time. */
  readonly time: number;
  /** Slots may be idle: starts what can be started now, and does not wait. */
  offer(): void;
  /** Blocks were given back: what found a memory full may try again when slots are offered next. */
  released(): void;
  /** An older batch cannot go on for want of memory: gives back what can be computed again. @returns whether anything will be */
  yieldMemory(): boolean;
}

export class SlotClients {
  readonly #clients: SlotClient[] = [];
  #state: 'idle' | 'offering' | 'again' = 'idle';

  /** @returns what ends it; ending it twice does nothing */
  add(client: SlotClient): () => void {
    const younger = this.#clients.findIndex(other => other.time > client.time);
    this.#clients.splice(younger < 0 ? this.#clients.length : younger, 0, client);
    return () => {
      const index = this.#clients.indexOf(client);
      if (index >= 0) this.#clients.splice(index, 1);
    };
  }

  /** Oldest first. */
  get all(): readonly SlotClient[] {
    return this.#clients;
  }

  /** One round; asked for in the middle of one, another follows it: a client that comes or ends meanwhile is not passed over. */
  offer(): void {
    if (this.#state !== 'idle') {
      this.#state = 'again';
      return;
    }
    try {
      do {
        this.#state = 'offering';
        for (const client of [...this.#clients]) if (this.#clients.includes(client)) client.offer();
      } while (this.#isAskedAgain());
    } finally {
      this.#state = 'idle';
    }
  }

  /** Has all that come after `client` give back their memory, the youngest first. @returns whether any will */
  reclaim(client: SlotClient): boolean {
    const younger = this.#clients.slice(this.#clients.indexOf(client) + 1).reverse();
    return younger.map(other => other.yieldMemory()).includes(true);
  }

  released(): void {
    for (const client of [...this.#clients]) client.released();
    this.offer();
  }

  /** A method, because a client changes the state behind the compiler's back. */
  #isAskedAgain(): boolean {
    return this.#state === 'again';
  }
}
