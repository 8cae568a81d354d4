/** Stand-ins for all that the scheduler works with: they note what they are asked for, and answer when the spec says so. */
import type { Json } from '../../lib/core/json.js';
import { batchTime, type BatchTime } from '../../lib/core/time.js';
import type { WorkerReply, WorkerRequest } from '../../lib/protocol/messages.js';
import type { TaskRunner } from '../../lib/protocol/task-runner.js';
import type { Batch, BatchResult } from '../../lib/scheduler/batch.js';
import type { BatchOutput, LogPort, OutputPort, SourcePort } from '../../lib/scheduler/ports.js';

/** A promise that the spec settles. */
export class Gate<T = void> {
  readonly promise: Promise<T>;
  open: (value: T) => void = () => undefined;
  fail: (error: Error) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.open = resolve;
      this.fail = reject;
    });
  }
}

/** A source with so many batches of one range in it; each plan takes one. */
export class FakeSource implements SourcePort {
  readonly id = 'source';
  readonly journal: string[];
  left: number;
  planned = 0;
  /** The next plan waits for it. */
  gate: Gate | undefined;

  constructor(journal: string[], left = Number.POSITIVE_INFINITY) {
    this.journal = journal;
    this.left = left;
  }

  async plan({ time }: { readonly time: BatchTime }): ReturnType<SourcePort['plan']> {
    this.journal.push(`plan ${time}`);
    await this.gate?.promise;
    const ranges: Json[] = this.left > 0 ? [++this.planned] : [];
    this.left -= ranges.length;
    return { ranges, bytes: 0, records: 0, caughtUp: this.left <= 0 };
  }

  async commit(time: BatchTime): Promise<void> {
    this.journal.push(`source ${time}`);
  }

  state(): Json {
    return this.planned;
  }
}

export class FakeLog implements LogPort {
  readonly journal: string[];
  bytesSinceSnapshot = 0;
  readonly manifests: Parameters<LogPort['writeManifest']>[0][] = [];
  readonly commits: { readonly time: number; readonly sinks: object; readonly deltas: readonly string[] }[] = [];
  /** The next sync waits for it. */
  syncGate: Gate | undefined;

  constructor(journal: string[]) {
    this.journal = journal;
  }

  logOffsets(time: BatchTime): void {
    this.journal.push(`offsets ${time}`);
    this.bytesSinceSnapshot += 10;
  }

  async syncOffsets(): Promise<void> {
    this.journal.push('sync');
    await this.syncGate?.promise;
  }

  async logCommit(time: BatchTime, { sinks, deltas }: Parameters<LogPort['logCommit']>[1]): Promise<void> {
    this.journal.push(`commit ${time}`);
    const parts = deltas.map(delta => `${delta.operator}/${delta.partition}:${delta.bytes.join()}`);
    this.commits.push({ time, sinks, deltas: parts });
    this.bytesSinceSnapshot += 10;
  }

  snapshotPath(operator: string, partition: number, time: BatchTime): string {
    return `/${operator}/${partition}/${time}`;
  }

  async writeManifest(checkpoint: Parameters<LogPort['writeManifest']>[0]): Promise<{ readonly bytes: number }> {
    this.journal.push(`manifest ${checkpoint.time}`);
    this.manifests.push(checkpoint);
    this.bytesSinceSnapshot = 0;
    return { bytes: 0 };
  }
}

export class FakeOutput implements OutputPort {
  readonly id: string;
  readonly skipsEmpty: boolean;
  readonly journal: string[];
  readonly taken: BatchOutput[] = [];
  /** The next commit waits for it, or fails with it. */
  gate: Gate | undefined;

  constructor(journal: string[], id = 'out', skipsEmpty = true) {
    this.journal = journal;
    this.id = id;
    this.skipsEmpty = skipsEmpty;
  }

  async commit(time: BatchTime, output: BatchOutput): Promise<Json | undefined> {
    this.journal.push(`${this.id} ${time}`);
    await this.gate?.promise;
    this.taken.push(output);
    return { at: time };
  }

  async rollBack(handle: Json | undefined): Promise<void> {
    this.journal.push(`${this.id} back to ${JSON.stringify(handle)}`);
  }
}

export const batchOf = (time: number, ranges: readonly Json[] = [1], rerun = false): Batch => ({
  time: batchTime(time),
  previousTime: time - 1,
  ranges: { source: ranges },
  submittedMs: time,
  dueMs: time,
  rerun,
  progress: undefined,
  sourceStates: undefined,
});

export const resultOf = (parts: Partial<BatchResult> = {}): BatchResult => ({
  staged: new Map(),
  collected: new Map(),
  kept: new Map(),
  deltas: [],
  deadLetters: [],
  blocks: [],
  accumulated: [],
  inputRecords: 0,
  recordsBySource: new Map(),
  inputBytes: 0,
  badRecords: 0,
  numTasks: 1,
  failedTasks: 0,
  runMs: 1,
  bytesBySource: new Map(),
  ...parts,
});

/** One row for the output `out`. */
export const withOutput = (parts: Partial<BatchResult> = {}): BatchResult =>
  resultOf({ collected: new Map([['out', [{ numRows: 1, bytes: new Uint8Array(1) }]]]), ...parts });

export interface Asked {
  readonly slot: number;
  readonly request: WorkerRequest;
  readonly timeoutMs: number;
  readonly answer: (reply: WorkerReply) => void;
}

/** A runner whose every request is answered by the spec; unless held, `attach` is answered at once. */
export class FakeRunner implements TaskRunner {
  readonly numSlots: number;
  readonly memories: readonly WebAssembly.Memory[];
  readonly asked: Asked[] = [];
  readonly journal: string[] = [];
  holdsAttach = false;
  #stopped = false;

  constructor(numSlots = 2) {
    this.numSlots = numSlots;
    this.memories = Array.from(
      { length: numSlots },
      () => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
    );
  }

  submit(slot: number, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    if (request.freed !== undefined) this.journal.push(`${slot} free ${request.freed.join()}`);
    this.journal.push(`${slot} ${describe(request)}`);
    const done: WorkerReply = { ok: true, kind: 'done' };
    if (this.#stopped) return Promise.resolve(CANCELLED);
    if (request.kind === 'attach' && !this.holdsAttach) return Promise.resolve(done);
    return new Promise(answer => this.asked.push({ slot, request, timeoutMs, answer }));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { answer } of this.asked.splice(0)) answer(CANCELLED);
  }

  /** The oldest request under way on the slot. */
  take(slot: number): Asked {
    const index = this.asked.findIndex(asked => asked.slot === slot);
    const [found] = index < 0 ? [] : this.asked.splice(index, 1);
    if (found === undefined) throw new Error(`slot ${slot} was asked for nothing; log: ${this.journal.join('; ')}`);
    return found;
  }
}

const CANCELLED: WorkerReply = { ok: false, failure: { kind: 'cancelled' } };
export const LOST: WorkerReply = { ok: false, failure: { kind: 'workerLost', message: 'gone' } };

function describe(request: WorkerRequest): string {
  switch (request.kind) {
    case 'task':
      return `task ${request.stage}/${request.partition} #${request.attempt}`;
    case 'tasks':
      return `tasks ${request.tasks.map(({ stage, partition }) => `${stage}/${partition}`).join(' ')}`;
    case 'applyDeltas':
      return `apply ${request.deltas.map(({ operator, partition }) => `${operator}/${partition}`).join()}`;
    case 'attach':
      return `attach ${request.blocks.length} blocks, ${request.tables.length} tables`;
    default:
      return request.kind;
  }
}
