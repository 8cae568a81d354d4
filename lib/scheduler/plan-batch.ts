import type { Clock } from '../core/clock.js';
import { EngineError, messageOf } from '../core/errors.js';
import type { Json } from '../core/json.js';
import type { BatchTime } from '../core/time.js';
import type { Batch } from './batch.js';
import type { LogPort, Progress, SourcePort } from './ports.js';
import type { RateControllers } from './rate/rate-controllers.js';

export interface PlanRequest {
  readonly time: BatchTime;
  readonly previousTime: number;
  readonly dueMs: number;
  readonly clock: Clock;
  readonly mode: 'clock' | 'drain';
  readonly sources: readonly SourcePort[];
  readonly parallelism: number;
  readonly maxBatchBytes: number;
  readonly maxBatchRecords: number;
  readonly log: LogPort | undefined;
  /** Limits what a batch takes of each source; without it, only the bounds of all batches do. */
  readonly rates?: RateControllers;
  /** Keep the sources' states with the batch, for a checkpoint after it. */
  readonly checkpoint: boolean;
}

/**
 * Fixes what a batch reads, source by source, and appends it to the offset log; the log's sync is started and not waited
 * for. Under 'drain' there is no batch when no source has anything left.
 */
export async function planBatch(request: PlanRequest): Promise<{ batch: Batch | undefined; caughtUp: boolean }> {
  const { time, sources, log, clock } = request;
  const ranges: { [source: string]: readonly Json[] } = {};
  let caughtUp = true;
  let numRanges = 0;
  const size = { records: 0, bytes: 0 };
  let progress: Progress | undefined;
  for (const source of sources) {
    const plan = await planSource(source, request);
    ranges[source.id] = plan.ranges;
    if (source.isInput !== false) numRanges += plan.ranges.length;
    size.records += plan.records;
    size.bytes += plan.bytes;
    caughtUp &&= plan.caughtUp;
    if (plan.progress !== undefined) progress = addProgress(progress, plan.progress);
  }
  if (request.mode === 'drain' && numRanges === 0 && caughtUp) return { batch: undefined, caughtUp };
  log?.logOffsets(time, ranges);
  // Runs beside the computation; its errors are met again where the commit waits for it. A batch without input has no
  // computation to run beside: the sync of its commit record makes both durable.
  if (numRanges > 0) log?.syncOffsets().catch(() => undefined);
  const sourceStates = request.checkpoint
    ? Object.fromEntries(sources.map(source => [source.id, source.state()]))
    : undefined;
  const { previousTime, dueMs } = request;
  const submittedMs = clock.now();
  const batch = { time, previousTime, ranges, size, submittedMs, dueMs, rerun: false, progress, sourceStates };
  return { batch, caughtUp };
}

async function planSource(source: SourcePort, request: PlanRequest): ReturnType<SourcePort['plan']> {
  const { time, parallelism, maxBatchBytes, maxBatchRecords, mode, rates } = request;
  const most = { maxBytes: maxBatchBytes, maxRecords: maxBatchRecords };
  const bounds = rates?.bound(source.id, request, most) ?? most;
  try {
    const plan = await source.plan({ time, parallelism, ...bounds, drain: mode === 'drain' });
    rates?.planned(source.id, plan.records);
    return plan;
  } catch (error) {
    if (error instanceof EngineError) throw error.code === 'typeMismatch' ? rowsRefused(source.id, error) : error;
    throw new EngineError('sourceFailed', `source ${source.id} could not say what is new: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Rows that a program gave, a queue's for one, and that are no data. */
const rowsRefused = (source: string, error: EngineError): EngineError =>
  new EngineError(error.code, `rows of source ${source}: ${error.message}`, { cause: error });

/** Progress of all sources together; of different units only the first counts. */
function addProgress(sum: Progress | undefined, more: Progress): Progress {
  if (sum === undefined || sum.unit !== more.unit) return sum ?? more;
  return { done: sum.done + more.done, total: sum.total + more.total, unit: sum.unit };
}
