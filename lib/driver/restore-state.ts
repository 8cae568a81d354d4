/** Brings the state tables of all workers to where the checkpoint says they were, partition by partition in parallel. */
import { EngineError } from '../core/errors.js';
import { formatFailure, losesWorker } from '../protocol/task-failure.js';
import type { SlotPool } from '../scheduler/slot-pool.js';

/** Some rows of one operator's state, as Arrow IPC bytes; a later one overrides an earlier one. */
export interface StateRows {
  readonly operator: string;
  readonly bytes: Uint8Array;
}

export interface RestoreRequest {
  readonly pool: SlotPool;
  /** Partitions that each operator has now; it may have had others when the rows were written. */
  readonly partitions: ReadonlyMap<string, number>;
  /** In order: snapshots, then deltas. Taken one by one, so that they need not be in memory together. */
  readonly rows: AsyncIterable<StateRows>;
  /** Called when the pieces are rows of which partition a table has how many. */
  readonly onTable: (operator: string, partition: number, numRows: number) => void;
}

const MAX_ATTEMPTS = 4;

export async function restoreState({ pool, partitions, rows, onTable }: RestoreRequest): Promise<void> {
  for await (const { operator, bytes } of rows) {
    const numPartitions = partitions.get(operator) ?? 0;
    // One request at a time on a slot: the partitions of a slot follow one another, the slots run beside each other.
    const slots = Array.from({ length: pool.numSlots }, (_, slot) => slot);
    await Promise.all(
      slots.map(async slot => {
        for (let partition = 0; partition < numPartitions; partition++) {
          if (pool.homeOf(partition) !== slot) continue;
          onTable(operator, partition, await restorePartition(pool, slot, operator, partition, bytes));
        }
      }),
    );
  }
}

async function restorePartition(
  pool: SlotPool,
  slot: number,
  operator: string,
  partition: number,
  bytes: Uint8Array,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const reply = await pool.run(slot, { kind: 'restoreState', operator, partition, bytes }, 0);
    if (reply.ok && reply.kind === 'restored') {
      pool.adoptTable(slot, reply.table);
      return reply.numRows;
    }
    const failure = reply.ok ? undefined : reply.failure;
    // Rows are set, not added: loading them again after a lost thread gives the same table.
    if (failure !== undefined && losesWorker(failure) && attempt < MAX_ATTEMPTS) continue;
    const why = failure === undefined ? `answered '${reply.ok ? reply.kind : ''}'` : formatFailure(failure);
    throw new EngineError(
      'checkpointCorrupt',
      `state of operator '${operator}' (partition ${partition}) could not be restored: ${why}`,
    );
  }
}
