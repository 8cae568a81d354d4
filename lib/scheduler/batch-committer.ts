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

export interface CommitterOptions {
  readonly log: LogPort | undefined;
  readonly sources: readonly SourcePort[];
  /** In order of declaration. */
  readonly outputs: readonly OutputPort[];
  /** Whether an output has a batch at that time; without it, every one has each. */
  readonly runs?: (output: string, batch: Batch) => boolean;
  /** Takes dead-letter lines as one more output, before the others. */
  readonly deadLetters: OutputPort | undefined;
  readonly bytesOf: (block: BlockRef) => Uint8Array;
  /** Last committed handles, from recovery. */
  readonly sinks: { readonly [output: string]: Json };
  /** What becomes of the batches after one whose output fails; default 'stop': none of them is committed. */
  readonly onBatchFailure?: 'stop' | 'continue';
}

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
  #rejectAborted: (error: EngineError) => void = () => undefined;
  readonly #aborted: Promise<never>;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#sinks = options.sinks;
    this.#aborted = new Promise((_, reject) => (this.#rejectAborted = reject));
    // Waited for only while the job's own code runs.
    this.#aborted.catch(() => undefined);
  }

  /** The outputs' handles after the last committed batch, by output id; later batches may be committed at any time. */
  get sinks(): { readonly [output: string]: Json } {
    return this.#sinks;
  }

  /**
   * Commits after every batch before it. Rejects with the first error; later batches must not be committed then and are
   * not: they reject with the same error.
   * @returns rows put out, and all outputs' handles as of this batch
   */
  commit(batch: Batch, result: BatchResult): Promise<Committed> {
    const committed = this.#tail.then(() => this.#commit(batch, result));
    this.#tail = committed.then(() => undefined);
    // The rejection is the caller's; here it only keeps later batches from being committed.
    this.#tail.catch(() => undefined);
    return committed;
  }

  /** Nothing more is put out, logged or waited for of the job's own code; commits under way and later ones reject with `error`. */
  abort(error: EngineError): void {
    this.#abortError = error;
    this.#rejectAborted(error);
  }

  async #commit(batch: Batch, result: BatchResult): Promise<Committed> {
    const { log } = this.#options;
    this.#check();
    const outputs = this.#dueOutputs(batch, result);
    if (log !== undefined && (outputs.length > 0 || result.deltas.length > 0)) await log.syncOffsets();
    const handles: { [output: string]: Json } = {};
    let outputRows = 0;
    for (const { port, output, numRows } of outputs) {
      this.#check();
      try {
        const handle = await this.#commitOutput(port, batch.time, output);
        if (handle !== undefined) handles[port.id] = handle;
      } catch (error) {
        if (this.#options.onBatchFailure !== 'continue' || !(error instanceof EngineError)) throw error;
        this.#check();
        return await this.#leaveOut(outputs, error);
      }
      if (port !== this.#options.deadLetters) outputRows += numRows;
    }
    this.#check();
    if (log !== undefined) {
      const deltas: DeltaBytes[] = result.deltas.map(({ operator, partition, ipc }) => ({
        operator,
        partition,
        bytes: this.#options.bytesOf(ipc),
        numRows: ipc.numRows,
      }));
      const info = { records: result.inputRecords, badRecords: result.badRecords, outputRows };
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
      const numRows = [...staged, ...collected].reduce((sum, part) => sum + part.numRows, 0);
      return numRows === 0 && port.skipsEmpty ? [] : [{ port, output: { staged, collected }, numRows }];
    });
    if (deadLetters === undefined || result.deadLetters.length === 0) return due;
    const staged = result.deadLetters.map(part => ({ numRows: part.numRows, bytes: view(part.blocks) }));
    return [{ port: deadLetters, output: { staged, collected: [] }, numRows: 0 }, ...due];
  }

  async #commitOutput(port: OutputPort, time: BatchTime, output: BatchOutput): Promise<Json | undefined> {
    try {
      const committed = port.commit(time, output);
      return await (port.runsUserCode === true ? Promise.race([committed, this.#aborted]) : committed);
    } catch (error) {
      if (error instanceof EngineError) throw error;
      throw new EngineError('sinkFailed', `output ${port.id} could not commit batch ${time}: ${messageOf(error)}`, {
        cause: error,
        detail: { output: port.id, batch: time },
      });
    }
  }
}
