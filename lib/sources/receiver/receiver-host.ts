/**
 * All receivers of a job, on whichever thread they run: commands come in, events go out, both plain data. A command for
 * a source that is not there any more is without effect.
 */
import { assertNever } from '../../core/assert-never.js';
import type { Clock } from '../../core/clock.js';
import { EngineError, messageOf } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import type { Column } from '../../core/schema.js';
import { BlockLog } from './block-log.js';
import { FlowGate } from './flow-gate.js';
import type { ReceiverCommand, ReceiverEvent } from './receiver-messages.js';
import { ReceiverSupervisor } from './receiver-supervisor.js';
import type { Receiver } from './receiver.js';

/** How a source's receiver is made: a closure of the job. */
export interface ReceiverFactory {
  readonly make: () => Receiver<unknown>;
  readonly columns: readonly Column[] | undefined;
  /** Records a second; undefined = without limit. */
  readonly maxRate: number | undefined;
}

export interface ReceiverHostOptions {
  /** By source id. */
  readonly factories: ReadonlyMap<string, ReceiverFactory>;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly blockIntervalMs: number;
  readonly queueBytes: number;
  readonly post: (event: ReceiverEvent) => void;
}

interface Running {
  readonly supervisor: ReceiverSupervisor;
  readonly gate: FlowGate;
}

export class ReceiverHost {
  readonly #options: ReceiverHostOptions;
  readonly #running = new Map<string, Running>();

  constructor(options: ReceiverHostOptions) {
    this.#options = options;
  }

  handle(command: ReceiverCommand): void {
    const running = this.#running.get(command.source);
    switch (command.kind) {
      case 'start':
        return this.#start(command);
      case 'rateLimit':
        return running?.gate.limitRate(command.recordsPerSecond ?? undefined);
      case 'taken':
        return running?.gate.take(command.bytes);
      case 'stop':
        return this.#stop(command.source, running);
      default:
        assertNever(command);
    }
  }

  /** Stops all receivers without storing what they still hand over, as the end of their thread would. */
  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ supervisor }) => supervisor.end()));
  }

  #start({ source, log: position, queuedBytes }: ReceiverCommand & { readonly kind: 'start' }): void {
    const { factories, fs, clock, blockIntervalMs, queueBytes, post } = this.#options;
    const factory = factories.get(source);
    if (factory === undefined) throw new EngineError('internal', `the job has no receiver for source ${source}`);
    let receiver: Receiver<unknown>;
    try {
      receiver = factory.make();
    } catch (error) {
      const message = `source ${source}: its receiver could not be made: ${messageOf(error)}`;
      return post({ kind: 'failed', source, code: error instanceof EngineError ? error.code : 'jobInvalid', message });
    }
    const gate = new FlowGate(clock, queueBytes, factory.maxRate ?? Infinity);
    gate.add(queuedBytes);
    const log = new BlockLog(fs, position);
    const { columns } = factory;
    const supervisor = new ReceiverSupervisor({ source, receiver, log, gate, clock, blockIntervalMs, columns, post });
    this.#running.set(source, { supervisor, gate });
    supervisor.start();
  }

  #stop(source: string, running: Running | undefined): void {
    const ended = running?.supervisor.end() ?? Promise.resolve();
    void ended.then(() => this.#options.post({ kind: 'ended', source }));
  }
}
