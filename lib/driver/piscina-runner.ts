/**
 * The task runner of one machine: a worker thread per slot, requests to a slot strictly in order, one at a time.
 *
 * A thread may throw, hang, exit or run out of memory at any instruction. Then, in this order: it is ended; when it has
 * exited, and not before (it could still write to the slot's memory, or to the file of the attempt that is tried again),
 * the running request is answered `timeout` or `workerLost` and those behind it `workerLost`; a spare thread, or a new
 * one, takes its place at once, and after some losses in a row after a while; it is given nothing until `attach` is sent.
 * A thread that dies before it was asked anything is replaced when the next request comes, so that a worker that cannot
 * start costs attempts and not a loop.
 */
import { createSlotMemory } from '../columnar/slot-memory.js';
import { EngineError, messageOf } from '../core/errors.js';
import type { WorkerInit, WorkerReply, WorkerRequest } from '../protocol/messages.js';
import type { TaskRunner } from '../protocol/task-runner.js';
import { restartDelayMs } from './restart-delay.js';
import type { PendingRequest } from './slot-queue.js';
import { SlotQueue } from './slot-queue.js';
import { SlotThread, type SlotThreadOptions } from './slot-thread.js';
import { SpareThreads } from './spare-threads.js';

export interface PiscinaRunnerOptions {
  readonly numSlots: number;
  /** Limit of each slot's memory. */
  readonly limitBytes: number;
  /** Absolute path of the thread's entry: a module that exports `handleRequest = serve(...)`. */
  readonly workerFile: string;
  /** What the thread of a slot is born with; called at each start of one. */
  readonly makeInit: (slot: number, memories: readonly WebAssembly.Memory[]) => WorkerInit;
  /** Limit of each thread's JavaScript heap, beside the slot's memory; default Node's own. */
  readonly maxHeapMb?: number;
  /** Node options of the threads; default those of the process. */
  readonly execArgv?: readonly string[];
  /** Threads that are kept ready beside those of the slots; default none. */
  readonly numSpares?: number;
  /** For how long the slots are at work before the spares are started; default 500. */
  readonly spareDelayMs?: number;
  /** How long to wait for the exit of a thread that is stuck in a system call before going on without; default 2000. */
  readonly endGraceMs?: number;
  /** Takes a line when a thread is lost. */
  readonly log?: (line: string) => void;
  /** Takes the same line where no reply says it: a thread that is lost while it is asked nothing, or does not end. */
  readonly warn?: (line: string) => void;
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const END_GRACE_MS = 2000;
const SPARE_DELAY_MS = 500;

export class PiscinaRunner implements TaskRunner {
  readonly numSlots: number;
  readonly memories: readonly WebAssembly.Memory[];
  readonly #slots: readonly Slot[];
  readonly #spares: SpareThreads;

  /** Starts the threads. */
  constructor(options: PiscinaRunnerOptions) {
    this.numSlots = options.numSlots;
    this.memories = Array.from({ length: options.numSlots }, () => createSlotMemory(options.limitBytes));
    this.#spares = new SpareThreads({
      count: options.numSpares ?? 0,
      delayMs: options.spareDelayMs ?? SPARE_DELAY_MS,
      endGraceMs: options.endGraceMs ?? END_GRACE_MS,
      // What it is born with says slot 0; it is told another when one takes it.
      start: onExit => new SlotThread(threadOptions(options, 0, this.memories, () => undefined, onExit)),
    });
    this.#slots = this.memories.map((_, slot) => new Slot(slot, options, this.memories, this.#spares));
  }

  /** How many spare threads have loaded what they will need. */
  get numSparesReady(): number {
    return this.#spares.numReady;
  }

  submit(slot: number, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    return this.#slot(slot).submit(request, timeoutMs);
  }

  /** Ends a slot's thread as a fault would; resolves when it has exited. For specs and for freeing what a thread holds. */
  terminateSlot(slot: number): Promise<void> {
    return this.#slot(slot).terminate();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#spares.stop(), ...this.#slots.map(slot => slot.stop())]);
  }

  #slot(slot: number): Slot {
    const found = this.#slots[slot];
    if (found === undefined) throw new EngineError('internal', `slot wants 0 to ${this.numSlots - 1}, got ${slot}`);
    return found;
  }
}

const threadOptions = (
  { workerFile, makeInit, maxHeapMb, execArgv }: PiscinaRunnerOptions,
  slot: number,
  memories: readonly WebAssembly.Memory[],
  onUp: () => void,
  onExit: (reason: string) => void,
): SlotThreadOptions => ({ workerFile, init: makeInit(slot, memories), maxHeapMb, execArgv, onUp, onExit });

class Slot {
  readonly #slot: number;
  readonly #options: PiscinaRunnerOptions;
  readonly #memories: readonly WebAssembly.Memory[];
  readonly #spares: SpareThreads;
  readonly #queue = new SlotQueue(pending => this.#run(pending), false);
  #thread: SlotThread | undefined;
  #state: 'running' | 'stopped' = 'running';
  #timer: NodeJS.Timeout | undefined;
  /** Threads lost since one did what it was asked. */
  #losses = 0;
  /** While it waits for the next one. */
  #restartTimer: NodeJS.Timeout | undefined;
  /** Set while a thread that timed out is being ended: how long it had, and whether that was answered already. */
  #overdue: { readonly timeoutMs: number; answered: boolean } | undefined;

  constructor(
    slot: number,
    options: PiscinaRunnerOptions,
    memories: readonly WebAssembly.Memory[],
    spares: SpareThreads,
  ) {
    this.#slot = slot;
    this.#options = options;
    this.#memories = memories;
    this.#spares = spares;
    this.#start();
  }

  submit(request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    const reply = this.#queue.submit(request, timeoutMs);
    if (this.#thread === undefined && this.#state === 'running') this.#restart();
    return reply;
  }

  terminate(): Promise<void> {
    this.#thread?.end('it was terminated');
    return this.#thread?.exited ?? Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    clearTimeout(this.#restartTimer);
    this.#queue.close();
    const thread = this.#thread;
    if (thread === undefined) return;
    thread.end('the engine stopped');
    const gaveUp = Symbol();
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise(resolve => (timer = setTimeout(resolve, this.#graceMs, gaveUp)));
    if ((await Promise.race([thread.exited, grace])) === gaveUp)
      this.#warn('does not end: it is stuck in a system call');
    clearTimeout(timer);
  }

  #start(): void {
    const onUp = (): void => this.#queue.up();
    const made = new SlotThread(
      threadOptions(this.#options, this.#slot, this.#memories, onUp, reason => this.#exited(made, reason)),
    );
    this.#thread = made;
  }

  #takeSpare(): boolean {
    const taken = this.#spares.take(
      this.#slot,
      () => this.#queue.up(),
      reason => taken !== undefined && this.#exited(taken, reason),
    );
    this.#thread = taken;
    return taken !== undefined;
  }

  #run(pending: PendingRequest): void {
    const { timeoutMs } = pending;
    if (timeoutMs > 0) {
      this.#timer = setTimeout(() => this.#expire(pending), Math.min(timeoutMs, MAX_TIMEOUT_MS));
    }
    this.#thread?.run(pending.request, reply => {
      clearTimeout(this.#timer);
      if (reply.ok && pending.request.kind !== 'attach') {
        this.#losses = 0;
        this.#spares.begin();
      }
      this.#queue.answer(pending, reply);
    });
  }

  #expire(pending: PendingRequest): void {
    if (this.#queue.running !== pending) return;
    const overdue = { timeoutMs: pending.timeoutMs, answered: false };
    this.#overdue = overdue;
    this.#timer = setTimeout(() => {
      this.#warn('does not end: it is stuck in a system call; the slot waits for it');
      overdue.answered = true;
      this.#lose(overdueReason(overdue.timeoutMs), overdue.timeoutMs);
    }, this.#graceMs);
    this.#thread?.end(overdueReason(pending.timeoutMs));
  }

  #exited(thread: SlotThread, reason: string): void {
    clearTimeout(this.#timer);
    this.#thread = undefined;
    if (this.#state === 'stopped') return;
    this.#losses++;
    const overdue = this.#overdue;
    this.#overdue = undefined;
    const wasAsked = this.#queue.running !== undefined || overdue !== undefined;
    // Answered before: what waits now was sent to the thread that comes, an attach first.
    if (overdue?.answered !== true) this.#lose(reason, overdue?.timeoutMs);
    if (wasAsked) this.#log(`was lost: ${reason}`);
    else this.#warn(`was lost between two requests: ${reason}`);
    if (thread.numPosted > 0) this.#restart();
  }

  /** After some losses in a row it waits; what is asked meanwhile waits with it. */
  #restart(): void {
    if (this.#restartTimer !== undefined) return;
    const delayMs = restartDelayMs(this.#losses);
    if (delayMs === 0) return this.#restartNow();
    this.#restartTimer = setTimeout(() => this.#restartNow(), delayMs);
  }

  /** A system out of threads or memory refuses a new one: that costs the requests that need it, and the next tries again. */
  #restartNow(): void {
    this.#restartTimer = undefined;
    try {
      if (!this.#takeSpare()) this.#start();
    } catch (error) {
      this.#lose(`it cannot be started: ${messageOf(error)}`, undefined);
      this.#warn(`cannot be started: ${messageOf(error)}`);
    }
  }

  #lose(reason: string, timeoutMs: number | undefined): void {
    if (timeoutMs === undefined) this.#queue.lose(reason, false);
    else this.#queue.lose(reason, false, { ok: false, failure: { kind: 'timeout', timeoutMs } });
  }

  #log(what: string): void {
    this.#options.log?.(this.#line(what));
  }

  #warn(what: string): void {
    this.#log(what);
    this.#options.warn?.(this.#line(what));
  }

  #line(what: string): string {
    return `slot ${this.#slot}: the worker thread ${what}`;
  }

  get #graceMs(): number {
    return this.#options.endGraceMs ?? END_GRACE_MS;
  }
}

const overdueReason = (timeoutMs: number): string => `a request before took longer than ${timeoutMs} ms`;
