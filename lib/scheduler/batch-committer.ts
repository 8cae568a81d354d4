/**
 * Makes computed batches visible and durable, one after another in order of batch time:
 *
 *   offsets durable -> outputs in order of declaration -> commit record (with the state's changes) durable
 *
 * The offsets were logged when the batch was planned and their sync ran beside the computation; a batch without rows and
 * without changed state has nothing that must wait for it, and one sync makes both its records durable.
 *
 * Under 'continue' a batch whose output fails is left out: the outputs that had it take it back, and later ones follow.
 */
import type { Json } from '../core/json.js';
import { EngineError, messageOf } from '../core/errors.js';
import type { BatchTime } from '../core/time.js';
import type { BlockRef } from '../protocol/messages.js';
import type { Batch, BatchResult } from './batch.js';
import type { BatchOutput, DeltaBytes, LogPort, OutputPort, SourcePort } from './ports.js';
import type { BatchTiming, RateControllers } from './rate/rate-controllers.js';

export interface CommitterOptions {
  readonly log: LogPort | undefined;
  readonly sources: readonly SourcePort[];
  /** Learn from each batch; what they learned goes to its commit record. */
  readonly rates?: RateControllers;
  /** In order of declaration. */
  readonly outputs: readonly OutputPort[];
  /** Whether an output has a batch at that time; without it, every one has each. */
  readonly runs?: (output: string, batch: Batch) => boolean;
  /** Called when a batch's turn has come, before its outputs. */
  readonly onTurn?: (batch: Batch, result: BatchResult) => void;
  /** Takes dead-letter lines as one more output, before the others. */
  readonly deadLetters: OutputPort | undefined;
  readonly bytesOf: (block: BlockRef) => Uint8Array;
  /** Partitions of each operator with state. */
  readonly partitions?: ReadonlyMap<string, number>;
  /** Hears how each commit goes, step by step. Must not throw. */
  readonly onStep?: (step: CommitStep) => void;
  /** Last committed handles, from recovery. */
  readonly sinks: { readonly [output: string]: Json };
  /** What becomes of the batches after one whose output fails; default 'stop': none of them is committed. */
  readonly onBatchFailure?: 'stop' | 'continue';
}

export type Computed = Pick<BatchTiming, 'startedMs' | 'computedMs'>;
/** Dead letters are no output operation of the job: there is no step for them. */
export type CommitStep =
  | { readonly kind: 'outputStarted'; readonly time: BatchTime; readonly output: string }
  /** `error`: why it failed; undefined when it did not. */
  | {
      readonly kind: 'outputCompleted';
      readonly time: BatchTime;
      readonly output: string;
      readonly error: EngineError | undefined;
    }
  /** The batch is not committed, nor is any after it. */
  | { readonly kind: 'failed'; readonly time: BatchTime; readonly error: EngineError };

export interface Committed {
  readonly outputRows: number;
  readonly sinks: { readonly [output: string]: Json };
  /** Why the batch is not committed after all and left out; only under 'continue'. */
  readonly failure?: EngineError;
}

type Due = { readonly port: OutputPort; readonly output: BatchOutput; readonly numRows: number };

export class BatchCommitter {
  readonly #options: CommitterOptions;
  #sinks: { readonly [output: string]: Json };
  #tail: Promise<void> = Promise.resolve();
  #abortError: EngineError | undefined;
  /** Ends the wait for the job's own code; one commit at a time has one. */
  #onAbort: (error: EngineError) => void = () => undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#sinks = options.sinks;
  }

  /** The outputs' handles after the last committed batch, by output id; later batches may be committed at any time. */
  get sinks(): { readonly [output: string]: Json } {
    return this.#sinks;
  }

  /**
   * Commits after every batch before it. Rejects with the first error; later batches must not be committed then and are
   * not: they reject with the same error.
   * @param computed when its computing began and ended; without it nothing is learned from the batch
   * @returns rows put out, and all outputs' handles as of this batch
   */
  commit(batch: Batch, result: BatchResult, computed?: Computed): Promise<Committed> {
    const committed = this.#tail.then(() => this.#commitOrTell(batch, result, computed));
    this.#tail = committed.then(() => undefined);
    // The rejection is the caller's; here it only keeps later batches from being committed.
    this.#tail.catch(() => undefined);
    return committed;
  }

  /** Nothing more is put out, logged or waited for of the job's own code; commits under way and later ones reject with `error`. */
  abort(error: EngineError): void {
    this.#abortError = error;
    this.#onAbort(error);
  }

  /** Only the batch that fails tells it: those after it reject because of it. */
  async #commitOrTell(batch: Batch, result: BatchResult, computed: Computed | undefined): Promise<Committed> {
    try {
      return await this.#commit(batch, result, computed);
    } catch (error) {
      this.#options.onStep?.({ kind: 'failed', time: batch.time, error: error as EngineError });
      throw error;
    }
  }

  async #commit(batch: Batch, result: BatchResult, computed: Computed | undefined): Promise<Committed> {
    const { log, rates } = this.#options;
    this.#check();
    this.#options.onTurn?.(batch, result);
    const outputs = this.#dueOutputs(batch, result);
    if (log !== undefined && (outputs.length > 0 || result.deltas.length > 0)) await log.syncOffsets();
    const handles: { [output: string]: Json } = {};
    let outputRows = 0;
    const outputsFromMs = rates?.now() ?? 0;
    for (const { port, output, numRows } of outputs) {
      this.#check();
      // A driver that was suspended may have lost the checkpoint since the sync of the offsets.
      await log?.checkOwner?.();
      try {
        const handle = await this.#commitOutput(port, batch.time, output);
        if (handle !== undefined) handles[port.id] = handle;
      } catch (error) {
        if (this.#options.onBatchFailure !== 'continue' || !canBeLeftOut(error)) throw error;
        this.#check();
        return await this.#leaveOut(outputs, error);
      }
      if (port !== this.#options.deadLetters) outputRows += numRows;
    }
    this.#check();
    if (computed !== undefined) rates?.learn(batch, result, { ...computed, outputsFromMs });
    if (log !== undefined) {
      const { bytesOf, partitions } = this.#options;
      const deltas = result.deltas.flatMap(({ operator, partition, ipc }): DeltaBytes[] => {
        if (ipc === null) return [];
        const numPartitions = partitions?.get(operator);
        const of = numPartitions === undefined ? {} : { numPartitions };
        return [{ operator, partition, ...of, bytes: bytesOf(ipc), numRows: ipc.numRows }];
      });
      const learned = rates?.state;
      const numbers = { records: result.inputRecords, badRecords: result.badRecords, outputRows };
      const info = learned === undefined ? numbers : { ...numbers, rates: learned };
      await log.logCommit(batch.time, { sinks: handles, deltas, info });
    }
    const sinks = { ...this.#sinks, ...handles };
    this.#sinks = sinks;
    for (const source of this.#options.sources) await source.commit(batch.time);
    return { outputRows, sinks };
  }

  /** Has all outputs as they were before the batch: nothing of it may lie between what is committed before and after. */
  async #leaveOut(outputs: readonly Due[], failure: EngineError): Promise<Committed> {
    for (const { port } of outputs) await port.rollBack?.(this.#sinks[port.id]);
    return { outputRows: 0, sinks: this.#sinks, failure };
  }

  #check(): void {
    if (this.#abortError !== undefined) throw this.#abortError;
  }

  #dueOutputs(batch: Batch, result: BatchResult): Due[] {
    const { bytesOf, deadLetters } = this.#options;
    const view = (blocks: readonly BlockRef[]): Uint8Array[] => blocks.map(bytesOf);
    const due = this.#options.outputs.flatMap(port => {
      if (this.#options.runs?.(port.id, batch) === false) return [];
      const staged = (result.staged.get(port.id) ?? []).map(part => ({
        numRows: part.numRows,
        bytes: view(part.blocks),
      }));
      const collected = result.collected.get(port.id) ?? [];
      const kept = result.kept.get(port.id) ?? [];
      const numRows = [...staged, ...collected, ...kept].reduce((sum, part) => sum + part.numRows, 0);
      return numRows === 0 && port.skipsEmpty ? [] : [{ port, output: { staged, collected, kept }, numRows }];
    });
    if (deadLetters === undefined || result.deadLetters.length === 0) return due;
    const staged = result.deadLetters.map(part => ({ numRows: part.numRows, bytes: view(part.blocks) }));
    return [{ port: deadLetters, output: { staged, collected: [], kept: [] }, numRows: 0 }, ...due];
  }

  async #commitOutput(port: OutputPort, time: BatchTime, output: BatchOutput): Promise<Json | undefined> {
    const tell = port === this.#options.deadLetters ? undefined : this.#options.onStep;
    tell?.({ kind: 'outputStarted', time, output: port.id });
    try {
      const committed = port.commit(time, output);
      const handle = await (port.runsUserCode === true ? this.#unlessAborted(committed) : committed);
      tell?.({ kind: 'outputCompleted', time, output: port.id, error: undefined });
      return handle;
    } catch (thrown) {
      const error = outputError(thrown, port.id, time);
      tell?.({ kind: 'outputCompleted', time, output: port.id, error });
      throw error;
    }
  }

  /** Not a race with one promise of all commits: that would keep what each of them waited with until the run ends. */
  async #unlessAborted<T>(work: Promise<T>): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#onAbort = reject;
        if (this.#abortError !== undefined) reject(this.#abortError);
        work.then(resolve, reject);
      });
    } finally {
      this.#onAbort = () => undefined;
    }
  }
}

/** What fences an output fences all that would follow. */
const canBeLeftOut = (error: unknown): error is EngineError =>
  error instanceof EngineError && error.code !== 'checkpointFenced';

function outputError(thrown: unknown, output: string, time: BatchTime): EngineError {
  if (thrown instanceof EngineError) return thrown;
  return new EngineError('sinkFailed', `output ${output} could not commit batch ${time}: ${messageOf(thrown)}`, {
    cause: thrown,
    detail: { output, batch: time },
  });
}
