/** One receiver with all that runs it in an engine but the engine: log on a file system in memory, gate, virtual clock. */
import { decodeRows } from './decode-rows.js';
import { VirtualClock } from '../../lib/core/clock.js';
import type { Column } from '../../lib/core/schema.js';
import type { FileHandle } from '../../lib/core/file-system.js';
import { BlockLog } from '../../lib/sources/receiver/block-log.js';
import { FlowGate } from '../../lib/sources/receiver/flow-gate.js';
import type { ReceiverEvent, StoredBlock } from '../../lib/sources/receiver/receiver-messages.js';
import { ReceiverSupervisor } from '../../lib/sources/receiver/receiver-supervisor.js';
import type { Receiver } from '../../lib/sources/receiver/receiver.js';
import { ModelFileSystem } from './model-file-system.js';

/** A file system whose syncs wait while it is held. */
class HoldingFileSystem extends ModelFileSystem {
  #held: Promise<void> = Promise.resolve();
  #onSync: () => void = () => undefined;
  syncBegun: Promise<void> = Promise.resolve();

  /** @returns what lets the syncs go on */
  hold(): () => void {
    let release: () => void = () => undefined;
    this.#held = new Promise(resolve => (release = resolve));
    this.syncBegun = new Promise(resolve => (this.#onSync = resolve));
    return release;
  }

  override async open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<FileHandle> {
    const file = await super.open(path, flags);
    const sync = async (): Promise<void> => {
      this.#onSync();
      await this.#held;
      await file.sync();
    };
    return { ...file, sync };
  }
}

export const FOLDER = '/checkpoint/receivers/spec';

export interface RunningReceiverOptions {
  readonly queueBytes?: number;
  readonly maxRate?: number;
  readonly columns?: readonly Column[];
  readonly blockIntervalMs?: number;
}

type EventKind = ReceiverEvent['kind'];

export class RunningReceiver {
  readonly receiver: Receiver<unknown>;
  readonly clock = new VirtualClock(1000);
  readonly fs = new HoldingFileSystem();
  readonly gate: FlowGate;
  readonly events: ReceiverEvent[] = [];
  readonly started: Promise<void>;
  readonly hasFailed: Promise<void>;
  readonly supervisor: ReceiverSupervisor;
  readonly #waiting: { readonly kind: EventKind; readonly count: number; readonly resolve: () => void }[] = [];
  #taken = 0;

  constructor(receiver: Receiver<unknown>, options: RunningReceiverOptions = {}) {
    const { clock, fs } = this;
    this.receiver = receiver;
    this.gate = new FlowGate(clock, options.queueBytes ?? 1 << 20, options.maxRate ?? Infinity);
    const position = { folder: FOLDER, durable: true, segment: 1, previousBytes: 0, firstBlock: 0 };
    this.supervisor = new ReceiverSupervisor({
      source: 'spec',
      receiver,
      log: new BlockLog(fs, position),
      gate: this.gate,
      clock,
      blockIntervalMs: options.blockIntervalMs ?? 10,
      columns: options.columns,
      post: event => this.#post(event),
    });
    this.started = this.told('started');
    this.hasFailed = this.told('failed');
    this.supervisor.start();
  }

  get blocks(): readonly StoredBlock[] {
    return this.events.flatMap(event => (event.kind === 'stored' ? event.blocks : []));
  }

  get failed(): { readonly code: string; readonly message: string } | undefined {
    return this.events.find(event => event.kind === 'failed');
  }

  get errors(): readonly string[] {
    return this.events.flatMap(event => (event.kind === 'error' ? [event.info.lastErrorMessage] : []));
  }

  /** Resolves when an event of the kind has been told `count` times. */
  told(kind: EventKind, count = 1): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({ kind, count, resolve });
      this.#look();
    });
  }

  /** Everything in the log that was told, as it is read back. */
  rows(): unknown[] {
    return this.blocks.flatMap(block => decodeRows(this.fs, FOLDER, block));
  }

  /** Moves the clock until so many rows are stored: blocks are cut by time. */
  async rowsStored(count: number): Promise<unknown[]> {
    while (this.blocks.reduce((sum, block) => sum + block.numRecords, 0) < count) {
      this.clock.advanceTo(this.clock.now() + 10);
      await new Promise(resolve => setImmediate(resolve));
    }
    return this.rows();
  }

  /** Lets no sync of the log end until what it returns is called. */
  holdSync(): () => void {
    return this.fs.hold();
  }

  syncBegun(): Promise<void> {
    return this.fs.syncBegun;
  }

  /** A batch takes all that is stored. */
  takeAll(): void {
    const bytes = this.blocks.reduce((sum, block) => sum + block.byteLength, 0);
    this.gate.take(bytes - this.#taken);
    this.#taken = bytes;
  }

  end(): Promise<void> {
    return this.supervisor.end();
  }

  #post(event: ReceiverEvent): void {
    this.events.push(event);
    this.#look();
  }

  #look(): void {
    for (const { kind, count, resolve } of this.#waiting) {
      if (this.events.filter(event => event.kind === kind).length >= count) resolve();
    }
  }
}
