/**
 * A task runner without threads, for specs and simulation: every slot's handler runs in this thread. Requests and
 * replies are copied as between threads, so nothing is shared by accident, and a slot answers in order, one at a time.
 * The order between slots is that of `schedule`: a seeded one makes other interleavings, each repeatable.
 *
 * Faults are asked for request by request, just before it would run:
 *
 *   lose             the handler is dropped before it saw the request; answered workerLost
 *   runThenLose      the handler ran to its end, then it is dropped and its answer with it; answered workerLost
 *   answerThenLose   the answer arrives, then the handler is dropped: the next request but `attach` is answered workerLost
 *   hangThenLose     nothing is answered until the request's time is over (at once without a clock or limit); answered timeout
 *   throw            the handler is not asked; answered userError; nothing is lost
 *
 * A dropped handler is made anew for the next request; the slot's memory stays, as it does when a thread dies.
 */
import { createSlotMemory } from '../columnar/slot-memory.js';
import { assertNever } from '../core/assert-never.js';
import type { Clock } from '../core/clock.js';
import { EngineError } from '../core/errors.js';
import { describeThrown, failureOf } from '../executor/failure-of.js';
import type { WorkerHandler } from '../executor/serve.js';
import type { WorkerInit, WorkerReply, WorkerRequest } from '../protocol/messages.js';
import type { TaskRunner } from '../protocol/task-runner.js';
import type { PendingRequest } from './slot-queue.js';
import { SlotQueue } from './slot-queue.js';

export type Fault = 'lose' | 'runThenLose' | 'answerThenLose' | 'hangThenLose' | 'throw';

export interface InProcessRunnerOptions {
  readonly numSlots: number;
  readonly limitBytes: number;
  readonly makeInit: (slot: number, memories: readonly WebAssembly.Memory[]) => WorkerInit;
  readonly makeHandler: (init: WorkerInit) => WorkerHandler | Promise<WorkerHandler>;
  /** Runs a step later; default queueMicrotask. */
  readonly schedule?: (step: () => void) => void;
  /** Times requests that hang. */
  readonly clock?: Clock;
  readonly faults?: (slot: number, request: WorkerRequest) => Fault | undefined;
}

interface Slot {
  readonly slot: number;
  readonly queue: SlotQueue;
  handler: WorkerHandler | undefined;
  cancelTimer: () => void;
}

export class InProcessRunner implements TaskRunner {
  readonly numSlots: number;
  readonly memories: readonly WebAssembly.Memory[];
  readonly #options: InProcessRunnerOptions;
  readonly #schedule: (step: () => void) => void;
  readonly #slots: readonly Slot[];

  constructor(options: InProcessRunnerOptions) {
    this.#options = options;
    this.#schedule = options.schedule ?? queueMicrotask;
    this.numSlots = options.numSlots;
    this.memories = Array.from({ length: options.numSlots }, () => createSlotMemory(options.limitBytes));
    this.#slots = this.memories.map((_, slot) => {
      const made: Slot = {
        slot,
        queue: new SlotQueue(pending => this.#schedule(() => void this.#run(made, pending)), true),
        handler: undefined,
        cancelTimer: () => undefined,
      };
      return made;
    });
  }

  submit(slot: number, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    const found = this.#slots[slot];
    if (found === undefined) throw new EngineError('internal', `slot wants 0 to ${this.numSlots - 1}, got ${slot}`);
    return found.queue.submit(request, timeoutMs);
  }

  /** Drops a slot's handler as the death of its thread would. */
  terminateSlot(slot: number): Promise<void> {
    const found = this.#slots[slot];
    if (found !== undefined) this.#lose(found, 'it was terminated');
    return Promise.resolve();
  }

  stop(): Promise<void> {
    for (const slot of this.#slots) {
      slot.cancelTimer();
      slot.queue.close();
    }
    return Promise.resolve();
  }

  async #run(slot: Slot, pending: PendingRequest): Promise<void> {
    if (slot.queue.running !== pending) return;
    const fault = this.#options.faults?.(slot.slot, pending.request);
    switch (fault) {
      case 'lose':
        return this.#lose(slot, `injected fault '${fault}'`);
      case 'hangThenLose':
        return this.#hang(slot, pending);
      case 'throw': {
        const failure = failureOf(new Error(`injected fault '${fault}'`));
        return void slot.queue.answer(pending, { ok: false, failure });
      }
      case 'runThenLose':
      case 'answerThenLose':
      case undefined:
        break;
      default:
        assertNever(fault);
    }
    const reply = await this.#call(slot, pending);
    if (slot.queue.running !== pending) return;
    if (fault === undefined) slot.queue.answer(pending, reply);
    else this.#lose(slot, `injected fault '${fault}'`, fault === 'answerThenLose' ? reply : undefined);
  }

  async #call(slot: Slot, pending: PendingRequest): Promise<WorkerReply> {
    let request: WorkerRequest;
    try {
      request = structuredClone(pending.request);
    } catch (error) {
      const message = `a '${pending.request.kind}' request cannot be copied to the worker of slot ${slot.slot}: ${describeThrown(error)}`;
      return { ok: false, failure: { kind: 'engineError', code: 'internal', message, detail: '{}' } };
    }
    try {
      // Whoever waits for a handler that is dropped meanwhile must not put it back.
      const handler =
        slot.handler ?? (await this.#options.makeHandler(this.#options.makeInit(slot.slot, this.memories)));
      if (slot.queue.running === pending) slot.handler = handler;
      return structuredClone(await handler(request));
    } catch (error) {
      return { ok: false, failure: failureOf(error) };
    }
  }

  #hang(slot: Slot, pending: PendingRequest): void {
    const { timeoutMs } = pending;
    const { clock } = this.#options;
    const end = (): void => {
      if (slot.queue.running !== pending) return;
      this.#lose(slot, `a request before took longer than ${timeoutMs} ms`, {
        ok: false,
        failure: { kind: 'timeout', timeoutMs },
      });
    };
    if (clock === undefined || timeoutMs === 0) return this.#schedule(end);
    slot.cancelTimer = clock.setTimer(clock.now() + timeoutMs, end);
  }

  #lose(slot: Slot, because: string, reply?: WorkerReply): void {
    slot.handler = undefined;
    slot.cancelTimer();
    slot.queue.lose(because, true, reply);
  }
}
