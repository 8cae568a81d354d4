/** Starts the computation of a batch: once, or under onPoison: 'deadletter' as often as it takes to find what it fails on. */
import type { EngineOptions } from '../core/options.js';
import { formatBatchTime } from '../core/time.js';
import { firstUserFrame, formatFrame } from '../executor/failure-of.js';
import type { CheckpointStore } from '../checkpoint/checkpoint-store.js';
import type { RunListener } from '../metrics/run-events.js';
import { formatFailure } from '../protocol/task-failure.js';
import type { Batch, BatchFailure, BatchResult } from '../scheduler/batch.js';
import { BatchRun, type BatchRunOptions } from '../scheduler/batch-run.js';
import type { BatchComputation, BatchTurn } from '../scheduler/batch-turn.js';
import { choiceIn, choiceRecord, withoutPoison, type PoisonRecord } from '../scheduler/poison-choice.js';
import { PoisonHunt, type Part } from '../scheduler/poison-hunt.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import type { BoundPlan } from './batch-planner.js';
import { describeRange } from './describe-inputs.js';

export interface ComputeRequest {
  readonly batch: Batch;
  readonly bound: BoundPlan;
  readonly pool: SlotPool;
  readonly run: BatchRunOptions;
  readonly turn: BatchTurn;
  readonly options: Pick<EngineOptions, 'onPoison' | 'maxPoisonRecords'>;
  readonly store: CheckpointStore | undefined;
  readonly release: (result: BatchResult) => void;
  readonly listener: RunListener;
}

export function computeBatch(
  request: ComputeRequest,
  done: (outcome: BatchResult | BatchFailure) => void,
): BatchComputation {
  const { batch, bound, options, store, listener, release } = request;
  if (options.onPoison === 'fail') {
    // What an earlier run of the batch has left out stays out, whatever the option is now.
    return startRun(request, withoutPoison(batch, choiceIn(batch.ranges)), done);
  }
  const when = `batch ${formatBatchTime(batch.time)} (${batch.time})`;
  const hunt = new PoisonHunt(
    batch,
    {
      compiled: bound.compiled,
      maxRecords: options.maxPoisonRecords,
      compute: (part, ended, which) => startRun(request, part, ended, which),
      release,
      reasonOf,
      onBegin: failure =>
        listener({
          kind: 'warning',
          message: `${when}: ${reasonOf(failure)}: the record is looked for, to go on without it (onPoison: deadletter)`,
        }),
      onChosen: (choice, found) => {
        logChoice(store, batch.time, choice);
        const fate = store === undefined ? '' : ' and put with the dead letters';
        for (const record of found)
          listener({
            kind: 'warning',
            message: `${when}: left out${fate}, record ${record.row} of ${placeOf(request, record)}: ${record.reason}`,
          });
      },
    },
    done,
  );
  hunt.start();
  return hunt;
}

function startRun(
  { bound: { compiled, inputs }, pool, run, turn }: ComputeRequest,
  batch: Batch,
  done: (outcome: BatchResult | BatchFailure) => void,
  part?: Part,
): BatchRun {
  const own: BatchRunOptions =
    part === undefined
      ? { ...run, inputs }
      : {
          ...run,
          inputs: { ...inputs, absent: new Set([...(inputs.absent ?? []), ...part.absent]) },
          isSmall: false,
          maxTaskFailures: part.attempts === 'one' ? 1 : run.maxTaskFailures,
          // What the search tries is no attempt of the batch.
          onRetry: () => undefined,
        };
  const started = new BatchRun(compiled, pool, batch, own, done, turn);
  started.start();
  return started;
}

function logChoice(store: CheckpointStore | undefined, time: number, choice: readonly PoisonRecord[]): void {
  try {
    store?.logChoice(time, choiceRecord(choice));
  } catch {
    // The log refuses after an error of its own: the commit of the batch, which waits for it, meets that error.
  }
}

/** `map at /jobs/a.ts:3: RangeError: too large at /jobs/a.ts:4:11`. */
function reasonOf({ failure, label }: BatchFailure): string {
  const ran = failure.kind === 'userError' || failure.kind === 'engineError' ? failure.node : undefined;
  const place = failure.kind === 'userError' ? formatFrame(firstUserFrame(failure.stack)) : '';
  const where = ran === undefined || ran === '' ? label : ran;
  return `${where}: ${formatFailure(failure)}${place === '' ? '' : ` at ${place}`}`;
}

function placeOf({ batch, bound: { compiled } }: ComputeRequest, { source, range }: PoisonRecord): string {
  const kind = compiled.plan.nodes
    .map(({ operation }) => operation)
    .find(operation => operation.kind === 'source' && operation.sourceId === source);
  const read = batch.ranges[source]?.[range];
  const described = kind?.kind === 'source' && read !== undefined ? describeRange(kind.spec.kind, read) : undefined;
  return described === undefined ? `source ${source}` : `source ${source} (${described})`;
}
