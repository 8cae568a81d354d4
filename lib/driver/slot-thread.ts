/**
 * One worker thread, from its start to its exit: a piscina pool of exactly one thread that is never refilled. A slot
 * whose thread is gone makes a new SlotThread, so an answer always belongs to the thread that was asked, piscina
 * cannot start threads in a loop when one fails while it loads, and the next thread starts only when the last one can
 * no longer write to the slot's memory.
 *
 * A thread may also be started for no slot yet: it loads what it will need, and waits until a slot takes it.
 *
 * `atomics: 'disabled'`: with piscina's default a worker sleeps in Atomics.wait between requests, and sockets and
 * timers that user code holds there stand still. A round trip takes as long with 'disabled' as with 'async' (median
 * 30-85 us on 2 cores, by how busy they are; 5-15 us above bare postMessage) and leaves no waits behind. Idle threads
 * use under 0.2% of a core.
 */
import { Piscina } from 'piscina';
import type { Worker } from 'node:worker_threads';
import type { WorkerInit, WorkerReply, WorkerRequest } from '../protocol/messages.js';
import { describeThrown, firstUserFrame, formatFrame, stackOf } from '../executor/failure-of.js';
import type { LastWords, TakeSlot, WarmUp } from '../executor/serve.js';
import { HELLO, isLastWords } from '../executor/serve.js';

export interface SlotThreadOptions {
  /** Absolute path of a module that exports `handleRequest`. */
  readonly workerFile: string;
  readonly init: WorkerInit;
  /** Limit of the thread's JavaScript heap (slot memory is not part of it); undefined = Node's own. */
  readonly maxHeapMb: number | undefined;
  /** Node options of the thread; undefined = those of the process. */
  readonly execArgv: readonly string[] | undefined;
  /** The thread has loaded its file. */
  readonly onUp: () => void;
  /** The thread has exited, for whatever reason; called once, nothing of it runs any more. */
  readonly onExit: (reason: string) => void;
}

export class SlotThread {
  readonly #options: SlotThreadOptions;
  readonly #pool: Piscina;
  readonly #exited: Promise<void>;
  #numPosted = 0;
  #destroyed = false;
  #endedBecause: string | undefined;
  #uncaught: { readonly error: unknown } | undefined;
  #lastWords: LastWords | undefined;
  #slot: number;
  #onExit: (reason: string) => void;

  constructor(options: SlotThreadOptions) {
    this.#options = options;
    this.#slot = options.init.slot;
    this.#onExit = options.onExit;
    this.#pool = new Piscina({
      filename: options.workerFile,
      name: 'handleRequest',
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      atomics: 'disabled',
      recordTiming: false,
      workerData: options.init,
      ...(options.execArgv === undefined ? {} : { execArgv: [...options.execArgv] }),
      ...(options.maxHeapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb } }),
    });
    const thread: Worker = this.#pool.threads[0];
    this.#pool.on('workerDestroy', () => {
      this.#destroyed = true;
      // Said here, before piscina looks whether it is a thread short: it must not start another.
      void this.#pool.destroy();
    });
    // Without a listener the process would end; what happened is read from the thread itself.
    this.#pool.on('error', () => undefined);
    thread.on('error', error => (this.#uncaught ??= { error }));
    thread.on('message', message => {
      if (isLastWords(message)) this.#lastWords ??= message;
    });
    this.#exited = new Promise(resolve => {
      thread.once('exit', code => {
        this.#destroyed = true;
        resolve();
        this.#onExit(this.#exitReason(code));
      });
    });
    void this.#pool.run(HELLO).then(
      () => this.#destroyed || options.onUp(),
      () => undefined,
    );
  }

  /** How many requests it was given. */
  get numPosted(): number {
    return this.#numPosted;
  }

  /** Resolves when the thread has exited. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** Has a thread without a slot load what it will need; resolves when it has, and never when it exits before that. */
  async warmUp(): Promise<void> {
    const request: WarmUp = { kind: 'sluice.warmUp' };
    await this.#pool.run(request).catch(() => new Promise(() => undefined));
  }

  /** Makes a thread that waited, and has not exited, that of a slot. @param onUp requests may be run @param onExit as in the options, which it replaces */
  take(slot: number, onUp: () => void, onExit: (reason: string) => void): void {
    this.#slot = slot;
    this.#onExit = onExit;
    const request: TakeSlot = { kind: 'sluice.takeSlot', slot };
    void this.#pool.run(request).then(
      () => this.#destroyed || onUp(),
      () => undefined,
    );
  }

  /**
   * Runs one request; the caller sends one at a time. `onReply` is not called when the thread goes: `onExit` is.
   * A request that cannot be copied is answered `engineError`, and the thread goes on.
   */
  run(request: WorkerRequest, onReply: (reply: WorkerReply) => void): void {
    this.#numPosted++;
    this.#pool.run(request).then(
      (reply: WorkerReply) => {
        // piscina takes an uncaught `throw null` in the thread for an answer.
        if (!this.#destroyed) onReply(reply);
      },
      (error: unknown) => {
        if (this.#destroyed) return;
        const message = `a '${request.kind}' request cannot be copied to the worker of slot ${this.#slot}: ${describeThrown(error)}`;
        onReply({ ok: false, failure: { kind: 'engineError', code: 'internal', message, detail: '{}' } });
      },
    );
  }

  /** Ends the thread, whatever it does; `onExit` follows. */
  end(because: string): void {
    this.#endedBecause ??= because;
    void this.#pool.destroy();
  }

  #exitReason(code: number): string {
    if (this.#endedBecause !== undefined) return this.#endedBecause;
    if (this.#lastWords !== undefined) {
      const { isCloneError, isExit, message, place } = this.#lastWords;
      const how = isExit ? `it exited with code ${code}` : isCloneError ? NO_COPY : 'uncaught';
      return `${how}: ${message}${place === '' ? '' : ` at ${place}`}`;
    }
    // Without last words it ran out of memory, or failed while it loaded its file.
    if (this.#uncaught === undefined) return `it exited with code ${code}`;
    const { error } = this.#uncaught;
    if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      const limit = this.#options.maxHeapMb === undefined ? '' : ` of ${this.#options.maxHeapMb} MB`;
      return `its JavaScript heap reached the limit${limit}: keep less in variables of the job, or use more partitions`;
    }
    const place = formatFrame(firstUserFrame(stackOf(error)));
    return `uncaught: ${describeThrown(error)}${place === '' ? '' : ` at ${place}`}`;
  }
}

const NO_COPY = 'its answer cannot be copied to the driver';
