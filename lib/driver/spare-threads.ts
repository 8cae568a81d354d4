/**
 * Threads that wait for a slot, with worker code and job loaded: a slot that loses its own goes on with one at once,
 * instead of after the start of a thread (benchmarks/worker-loss.bench.ts has both). Another is then started in its place.
 *
 *   begin -> starting -> loading -> waiting -> taken by a slot      the next one starts
 *                '----------'---------'-> exited                     the next one starts when a slot is lost
 *
 * The first ones are started when the slots have been at work for a while: the beginning of a run needs the cores. One
 * that dies before it is taken, a fault of what the job's module does when it is loaded, is not made again before a slot
 * is lost, so that a job which cannot be loaded starts no threads in a loop.
 */
import type { SlotThread } from './slot-thread.js';

export interface SpareThreadsOptions {
  readonly count: number;
  /** After so much work of the slots. */
  readonly delayMs: number;
  readonly start: (onExit: () => void) => SlotThread;
  /** How long `stop` waits for one that is stuck in a system call. */
  readonly endGraceMs: number;
}

export class SpareThreads {
  readonly #options: SpareThreadsOptions;
  readonly #threads = new Set<SlotThread>();
  /** Those that have loaded all they can: they are given first. */
  readonly #ready = new Set<SlotThread>();
  #timer: NodeJS.Timeout | undefined;
  #state: 'new' | 'running' | 'stopped' = 'new';

  constructor(options: SpareThreadsOptions) {
    this.#options = options;
  }

  /** How many have loaded what they will need. */
  get numReady(): number {
    return this.#ready.size;
  }

  /** A slot is at work; the first call begins the wait for the first ones. */
  begin(): void {
    if (this.#state !== 'new' || this.#options.count === 0) return;
    this.#state = 'running';
    this.#timer = setTimeout(() => this.#fill(), this.#options.delayMs);
    this.#timer.unref();
  }

  /** A thread for a slot, or undefined when none waits. Others are started for it. */
  take(slot: number, onUp: () => void, onExit: (reason: string) => void): SlotThread | undefined {
    const [thread] = this.#ready.size > 0 ? this.#ready : this.#threads;
    if (thread !== undefined) {
      this.#forget(thread);
      thread.take(slot, onUp, onExit);
    }
    // After the one that is needed now has its turn.
    if (this.#state === 'running') setImmediate(() => this.#fill());
    return thread;
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    const ended = [...this.#threads].map(thread => {
      thread.end('the engine stopped');
      return thread.exited;
    });
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>(resolve => (timer = setTimeout(resolve, this.#options.endGraceMs)));
    await Promise.race([Promise.all(ended), grace]);
    clearTimeout(timer);
  }

  #fill(): void {
    if (this.#state !== 'running') return;
    try {
      while (this.#threads.size < this.#options.count) this.#start();
    } catch {
      // The system has no thread to spare now: slots start their own, and say why they cannot.
    }
  }

  #start(): void {
    const thread = this.#options.start(() => this.#forget(thread));
    this.#threads.add(thread);
    void thread.warmUp().then(() => {
      if (this.#threads.has(thread)) this.#ready.add(thread);
    });
  }

  #forget(thread: SlotThread): void {
    this.#threads.delete(thread);
    this.#ready.delete(thread);
  }
}
