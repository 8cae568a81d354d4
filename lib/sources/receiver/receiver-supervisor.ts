/**
 * Runs one receiver: starts it, restarts it, stops it, and brings what it stores to the log.
 *
 *   new ──start──► starting ──onStart ended──► started ──stop──► stopping ──► stopped
 *                     │ ▲                        │
 *                     ▼ │ after a pause          ▼
 *                  restarting ◄──restart, or onStart threw
 *
 * One append to the log is under way at a time; what is stored meanwhile goes with the next one, so that many small
 * stores share one sync.
 */
import type { Clock } from '../../core/clock.js';
import { EngineError, messageOf } from '../../core/errors.js';
import type { Column } from '../../core/schema.js';
import { encodeValue } from '../../core/value-codec.js';
import { BlockBuilder } from './block-builder.js';
import type { BlockLog } from './block-log.js';
import { checkedRows } from './checked-row.js';
import type { FlowGate } from './flow-gate.js';
import type { ReceiverEvent } from './receiver-messages.js';
import { attachReceiver, RESTART_DELAY_MS, type Receiver, type ReceiverContext } from './receiver.js';

export interface SupervisorOptions {
  readonly source: string;
  readonly receiver: Receiver<unknown>;
  readonly log: BlockLog;
  readonly gate: FlowGate;
  readonly clock: Clock;
  readonly blockIntervalMs: number;
  /** What every item must have; undefined = anything. */
  readonly columns: readonly Column[] | undefined;
  readonly post: (event: ReceiverEvent) => void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** After which `onStop` is not waited for any longer. */
const STOP_TIMEOUT_MS = 10_000;

const DONE = Promise.resolve();

export class ReceiverSupervisor implements ReceiverContext {
  readonly #options: SupervisorOptions;
  readonly #builder = new BlockBuilder();
  #waiters: Waiter[] = [];
  #state: 'new' | 'starting' | 'started' | 'restarting' | 'stopping' | 'stopped' = 'new';
  /** Counts starts: what an earlier one still reports does not count. */
  #start = 0;
  #due = false;
  #writing: Promise<void> | undefined;
  #broken: EngineError | undefined;
  #cancelBlockTimer: (() => void) | undefined;
  #cancelRestart: (() => void) | undefined;
  #stopped: Promise<void> | undefined;
  #onStopDone: Promise<void> = DONE;
  #lastError = { lastErrorMessage: '', lastError: '', lastErrorTime: -1 };

  constructor(options: SupervisorOptions) {
    this.#options = options;
    attachReceiver(options.receiver, this);
  }

  get streamId(): string {
    return this.#options.source;
  }

  get isStarted(): boolean {
    return this.#state === 'started';
  }

  get isStopped(): boolean {
    return this.#state === 'stopping' || this.#state === 'stopped';
  }

  /** Starts the receiver; what goes wrong is an event. */
  start(): void {
    void this.#startReceiver();
  }

  /** Stops it for good and stores the rest; resolves when nothing more comes. */
  end(): Promise<void> {
    return (this.#stopped ??= this.#end());
  }

  storeWaitMs(): number {
    return this.#options.gate.waitMs();
  }

  store(items: readonly unknown[], waitUntilStored: boolean): Promise<void> {
    if (this.#broken !== undefined || this.#state === 'stopped' || this.#state === 'new') return this.#refused();
    let records: Uint8Array[];
    let byteLength = 0;
    try {
      const { columns, source } = this.#options;
      const rows = columns === undefined ? items : checkedRows(columns, items, source);
      records = rows.map(row => encodeValue(row));
      for (const record of records) byteLength += record.byteLength;
    } catch (error) {
      this.reportError('an item cannot be stored', error);
      return rejected(error);
    }
    if (records.length === 0) return DONE;
    const admitted = this.#options.gate.admit(records.length, byteLength);
    if (admitted === undefined) return this.#append(records, waitUntilStored);
    return handled(admitted.then(() => this.#append(records, waitUntilStored)));
  }

  reportError(message: string, error: unknown): void {
    const lastError = error === undefined ? '' : error instanceof Error ? String(error) : `thrown: ${String(error)}`;
    const lastErrorMessage = error === undefined ? message : `${message}: ${messageOf(error)}`;
    this.#lastError = { lastErrorMessage, lastError, lastErrorTime: this.#options.clock.now() };
    this.#tell('error');
  }

  restart(message: string, error: unknown, delayMs: number): void {
    if (this.#state !== 'starting' && this.#state !== 'started') return;
    this.#state = 'restarting';
    this.reportError(message, error);
    const { clock } = this.#options;
    void this.#callOnStop().then(() => {
      if (this.#state !== 'restarting') return;
      this.#cancelRestart = clock.setTimer(clock.now() + delayMs, () => void this.#startReceiver());
    });
  }

  stop(message: string, error: unknown): void {
    if (this.isStopped) return;
    this.reportError(message, error);
    void this.end();
  }

  async #startReceiver(): Promise<void> {
    if (this.isStopped) return;
    const start = ++this.#start;
    this.#state = 'starting';
    try {
      await this.#options.receiver.onStart();
    } catch (error) {
      if (start !== this.#start) return;
      if (error instanceof EngineError && error.exitCode === 2) return this.#fail(error);
      return this.restart('it could not be started', error, RESTART_DELAY_MS);
    }
    // It may have asked for a restart or a stop itself.
    if (start !== this.#start || this.#state !== 'starting') return;
    this.#state = 'started';
    this.#tell('started');
  }

  async #end(): Promise<void> {
    const wasRunning = this.#state === 'starting' || this.#state === 'started';
    this.#state = 'stopping';
    this.#cancelRestart?.();
    // Who waits for room would make onStop wait too.
    this.#options.gate.close(stoppedError(this.streamId));
    // One that a restart has begun counts too: what it still hands over is stored.
    await (wasRunning ? this.#callOnStop() : this.#onStopDone);
    this.#state = 'stopped';
    await this.#flush();
    this.#cancelBlockTimer?.();
    await this.#options.log.close();
    this.#tell('stopped');
  }

  /** Whatever it throws is reported, and it is not waited for without end. */
  #callOnStop(): Promise<void> {
    this.#onStopDone = this.#stopReceiver();
    return this.#onStopDone;
  }

  async #stopReceiver(): Promise<void> {
    const { clock, receiver } = this.#options;
    let cancel: () => void = () => undefined;
    const timeout = new Promise<void>(resolve => {
      cancel = clock.setTimer(clock.now() + STOP_TIMEOUT_MS, () => {
        this.reportError(`onStop did not end within ${STOP_TIMEOUT_MS} ms`, undefined);
        resolve();
      });
    });
    const stopped = (async () => receiver.onStop())().catch((error: unknown) =>
      this.reportError('onStop failed', error),
    );
    await Promise.race([stopped, timeout]);
    cancel();
  }

  #append(records: readonly Uint8Array[], waitUntilStored: boolean): Promise<void> {
    // It waited at the gate while things changed.
    if (this.#broken !== undefined || this.#state === 'stopped') return this.#refused();
    this.#builder.add(records);
    const { clock, blockIntervalMs } = this.#options;
    this.#cancelBlockTimer ??= clock.setTimer(clock.now() + blockIntervalMs, () => void this.#flush());
    if (this.#builder.isFull) void this.#flush();
    if (!waitUntilStored) return DONE;
    const stored = new Promise<void>((resolve, reject) => this.#waiters.push({ resolve, reject }));
    void this.#flush();
    return handled(stored);
  }

  /** Brings all that is there to the log; resolves when it is there. Never rejects: who waits is told, and the run. */
  #flush(): Promise<void> {
    this.#due = true;
    return (this.#writing ??= this.#write());
  }

  async #write(): Promise<void> {
    const { log, post, source } = this.#options;
    // What was stored in this turn of the microtask queue goes along.
    await DONE;
    while (this.#due && !this.#builder.isEmpty && this.#broken === undefined) {
      this.#due = false;
      this.#cancelBlockTimer?.();
      this.#cancelBlockTimer = undefined;
      const waiters = this.#waiters;
      this.#waiters = [];
      try {
        const blocks = await log.append(this.#builder.take());
        post({ kind: 'stored', source, blocks });
        for (const { resolve } of waiters) resolve();
      } catch (error) {
        const broken =
          error instanceof EngineError ? error : new EngineError('internal', messageOf(error), { cause: error });
        for (const { reject } of [...waiters, ...this.#waiters]) reject(broken);
        this.#waiters = [];
        this.#fail(broken);
      }
    }
    this.#due = false;
    // At once, not when the promise settles: a flush in between must begin anew.
    this.#writing = undefined;
  }

  #fail(error: EngineError): void {
    const { gate, post, source } = this.#options;
    this.#broken = error;
    gate.close(error);
    post({ kind: 'failed', source, code: error.code, message: `source ${source}: ${error.message}` });
  }

  #refused(): Promise<void> {
    return rejected(this.#broken ?? stoppedError(this.streamId));
  }

  #tell(kind: 'started' | 'error' | 'stopped'): void {
    const { source, receiver, post } = this.#options;
    const info = {
      streamId: source,
      name: receiver.constructor.name,
      active: this.#state === 'started',
      location: receiver.location,
      ...this.#lastError,
    };
    post({ kind, source, info });
  }
}

const stoppedError = (source: string): EngineError =>
  new EngineError('contextState', `source ${source} takes nothing any more: its receiver was stopped`);

/** Who does not wait for a store must not end the thread with a rejection that nobody handles. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

const rejected = (error: unknown): Promise<void> => handled(Promise.reject(error));
