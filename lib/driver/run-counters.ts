import type { BatchInfo, RunSummary } from '../metrics/run-events.js';
import type { CompletedBatch } from '../scheduler/batch.js';

/** Adds up a run's numbers, batch by batch, for the listeners. */
export class RunCounters {
  readonly #startMs: number;
  /** Rows of each state table, by operator and partition. */
  readonly #tables = new Map<string, number>();
  #batches = 0;
  #records = 0;
  #bytes = 0;
  #badRecords = 0;
  #outputRows = 0;
  #failedBatches = 0;
  #endMs: number;

  constructor(startMs: number) {
    this.#startMs = startMs;
    this.#endMs = startMs;
  }

  setTable(operator: string, partition: number, numRows: number): void {
    this.#tables.set(`${partition}/${operator}`, numRows);
  }

  /** Keys in all state tables. */
  get stateRows(): number {
    let sum = 0;
    for (const rows of this.#tables.values()) sum += rows;
    return sum;
  }

  /** A batch failed and was left out. */
  skip(): void {
    this.#failedBatches++;
  }

  /** @param drain batches are cut as fast as they run: delays count from when a batch was cut, not from its time */
  complete({ batch, result, outputRows, startedMs, completedMs }: CompletedBatch, drain: boolean): BatchInfo {
    const dueMs = drain || batch.rerun ? batch.submittedMs : batch.dueMs;
    this.#batches++;
    this.#records += result.inputRecords;
    this.#bytes += result.inputBytes;
    this.#badRecords += result.badRecords;
    this.#outputRows += outputRows;
    this.#endMs = completedMs;
    return {
      time: batch.time,
      submittedMs: batch.submittedMs,
      startedMs,
      completedMs,
      schedulingDelayMs: Math.max(0, startedMs - dueMs),
      processingDelayMs: completedMs - startedMs,
      totalDelayMs: Math.max(0, completedMs - dueMs),
      records: result.inputRecords,
      recordsBySource: Object.fromEntries(result.recordsBySource),
      bytes: result.inputBytes,
      badRecords: result.badRecords,
      outputRows,
      stateRows: this.stateRows,
      numTasks: result.numTasks,
      failedTasks: result.failedTasks,
      rerun: batch.rerun,
      progress: batch.progress,
    };
  }

  summary(reason: RunSummary['reason']): RunSummary {
    return {
      batches: this.#batches,
      records: this.#records,
      bytes: this.#bytes,
      badRecords: this.#badRecords,
      outputRows: this.#outputRows,
      stateRows: this.stateRows,
      failedBatches: this.#failedBatches,
      elapsedMs: this.#endMs - this.#startMs,
      reason,
    };
  }
}
