/**
 * The driver's side of a job's receivers: starts the thread they run in, hands their blocks to the sources, tells the
 * run's listeners about them, and stops them before everything else at a graceful end.
 *
 * When the thread is lost, what it had stored and not told is found in the logs, and a new one starts after a pause.
 */
import type { Clock } from '../core/clock.js';
import { assertNever } from '../core/assert-never.js';
import { EngineError, messageOf } from '../core/errors.js';
import type { RunListener } from '../metrics/run-events.js';
import type {
  ReceiverCommand,
  ReceiverEvent,
  ReceiverInit,
  ReceiverPort,
  StartReceivers,
} from '../sources/receiver/receiver-messages.js';
import type { ReceiverSourceDriver } from '../sources/receiver/receiver-source-driver.js';

export interface ReceiversOptions {
  readonly drivers: readonly ReceiverSourceDriver[];
  readonly init: ReceiverInit;
  /** Of the checkpoint, if there is one. */
  readonly lockFile: string | undefined;
  readonly startPort: StartReceivers;
  readonly clock: Clock;
  readonly listener: RunListener;
  /** A run that only works off what is there starts none. */
  readonly once: boolean;
}

const RESTART_DELAY_MS = 1000;

export class Receivers {
  readonly #options: ReceiversOptions;
  #state: 'new' | 'running' | 'stopping' | 'closed' = 'new';
  #port: ReceiverPort | undefined;
  /** Sources of which `ended` is waited for. */
  readonly #ending = new Map<string, () => void>();
  #cancelRestart: () => void = () => undefined;

  constructor(options: ReceiversOptions) {
    this.#options = options;
  }

  /** Starts all receivers. Rejects where the job cannot be loaded in their thread. */
  async start(): Promise<void> {
    const { drivers, once, listener } = this.#options;
    if (once) {
      for (const { sourceId } of drivers) {
        const message = `source ${sourceId} has no end: --once starts no receiver and processes what an earlier run stored`;
        listener({ kind: 'warning', message });
      }
    } else if (drivers.length > 0) {
      this.#state = 'running';
      await this.#launch();
    }
  }

  /** Stops all receivers and waits until all they stored is in a batch. Never rejects. */
  async stop(): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'stopping';
    this.#cancelRestart();
    const { drivers } = this.#options;
    if (this.#port !== undefined) {
      const ended = drivers.map(({ sourceId }) => new Promise<void>(resolve => this.#ending.set(sourceId, resolve)));
      for (const { sourceId } of drivers) this.#send({ kind: 'stop', source: sourceId });
      await Promise.all(ended);
    }
    await Promise.all(drivers.map(driver => driver.whenEmpty()));
  }

  /** Ends the thread, whatever it does. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#cancelRestart();
    this.#allEnded();
    const port = this.#port;
    this.#port = undefined;
    await port?.close();
  }

  async #launch(): Promise<void> {
    const { drivers, init, startPort, lockFile } = this.#options;
    let isLost = false;
    const port = await startPort(init, {
      event: event => this.#handle(event),
      lost: reason => {
        isLost = true;
        void this.#lost(reason);
      },
    });
    if (isLost) return;
    // It was stopped while the thread started.
    if (this.#state !== 'running') return port.close();
    this.#port = port;
    for (const driver of drivers) driver.launch(command => this.#send(command), lockFile);
  }

  #send(command: ReceiverCommand): void {
    this.#port?.send(command);
  }

  #handle(event: ReceiverEvent): void {
    const driver = this.#options.drivers.find(({ sourceId }) => sourceId === event.source);
    const { listener } = this.#options;
    switch (event.kind) {
      case 'stored':
        return driver?.stored(event.blocks);
      case 'started':
        return listener({ kind: 'receiverStarted', receiver: event.info });
      case 'error':
        return listener({ kind: 'receiverError', receiver: event.info });
      case 'stopped':
        return listener({ kind: 'receiverStopped', receiver: event.info });
      case 'failed':
        // At a stop there may be no plan any more that would fail of it.
        if (this.#state === 'stopping') listener({ kind: 'warning', message: event.message });
        return driver?.fail(event.code, event.message);
      case 'ended':
        return this.#ending.get(event.source)?.();
      default:
        assertNever(event);
    }
  }

  async #lost(reason: string): Promise<void> {
    const { clock, drivers, listener } = this.#options;
    this.#port = undefined;
    if (this.#state === 'closed') return;
    listener({ kind: 'warning', message: `the receivers' thread was lost: ${reason}` });
    for (const driver of drivers) {
      try {
        await driver.scan();
      } catch (error) {
        const code = error instanceof EngineError ? error.code : 'checkpointCorrupt';
        driver.fail(code, messageOf(error));
      }
    }
    this.#allEnded();
    if (this.#state !== 'running') return;
    this.#cancelRestart = clock.setTimer(clock.now() + RESTART_DELAY_MS, () => {
      this.#launch().catch((error: unknown) => {
        const code = error instanceof EngineError ? error.code : 'internal';
        for (const driver of drivers) driver.fail(code, messageOf(error));
      });
    });
  }

  #allEnded(): void {
    for (const ended of this.#ending.values()) ended();
    this.#ending.clear();
  }
}
