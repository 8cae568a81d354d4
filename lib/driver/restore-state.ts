/** Brings the state tables of all workers to where the checkpoint says they were, partition by partition in parallel. */
import { EngineError } from '../core/errors.js';
import { losesWorker } from '../protocol/task-failure.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import { failureError } from './batch-error.js';

/**
 * Some rows of one operator's state, as Arrow IPC bytes, or undefined for its initial state, which each worker has from
 * the job; a later one overrides an earlier one.
 */
export interface StateRows {
  readonly operator: string;
  readonly bytes: Uint8Array | undefined;
}

export interface RestoreRequest {
  readonly pool: SlotPool;
  /** Threads that may be lost on one partition. */
  readonly maxFailures: number;
  /** For one piece of one partition; a thread that takes longer is lost. */
  readonly timeoutMs: number;
  /** Partitions that each operator has now; it may have had others when the rows were written. */
  readonly partitions: ReadonlyMap<string, number>;
  /** In order: initial states, snapshots, then deltas. Taken one by one, so that they need not be in memory together. */
  readonly rows: AsyncIterable<StateRows>;
  /** Called when the pieces are rows of which partition a table has how many. */
  readonly onTable: (operator: string, partition: number, numRows: number) => void;
}

export async function restoreState(request: RestoreRequest): Promise<void> {
  const { pool, partitions, rows, onTable } = request;
  for await (const { operator, bytes } of rows) {
    const numPartitions = partitions.get(operator) ?? 0;
    // One request at a time on a slot: the partitions of a slot follow one another, the slots run beside each other.
    const slots = Array.from({ length: pool.numSlots }, (_, slot) => slot);
    await Promise.all(
      slots.map(async slot => {
        for (let partition = 0; partition < numPartitions; partition++) {
          if (pool.homeOf(partition) !== slot) continue;
          onTable(operator, partition, await restorePartition(request, slot, operator, partition, bytes));
        }
      }),
    );
  }
}

async function restorePartition(
  { pool, maxFailures, timeoutMs }: RestoreRequest,
  slot: number,
  operator: string,
  partition: number,
  bytes: Uint8Array | undefined,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const message =
      bytes === undefined
        ? ({ kind: 'seedState', operator, partition } as const)
        : ({ kind: 'restoreState', operator, partition, bytes } as const);
    const reply = await pool.run(slot, message, timeoutMs);
    if (reply.ok && reply.kind === 'restored') {
      pool.adoptTable(slot, reply.table);
      return reply.numRows;
    }
    const what = `state of operator '${operator}' (partition ${partition}) could not be restored`;
    if (reply.ok) throw new EngineError('internal', `${what}: answered '${reply.kind}'`);
    // Rows are set, not added: loading them again after a lost thread gives the same table.
    if (losesWorker(reply.failure) && attempt < maxFailures) continue;
    throw failureError(reply.failure, 'checkpointCorrupt', what);
  }
}
