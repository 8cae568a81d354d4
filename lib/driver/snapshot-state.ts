import { EngineError } from '../core/errors.js';
import type { SnapshotFileRef } from '../protocol/messages.js';
import { losesWorker } from '../protocol/task-failure.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import { failureError } from './batch-error.js';

export interface SnapshotRequest {
  readonly pool: SlotPool;
  /** Threads that may be lost on one partition. */
  readonly maxFailures: number;
  /** For one partition; a thread that takes longer is lost. */
  readonly timeoutMs: number;
  /** Partitions of each operator. */
  readonly partitions: ReadonlyMap<string, number>;
  readonly pathOf: (operator: string, partition: number) => string;
}

/** Has every worker write its partitions of the state, the slots beside each other. No state may change meanwhile. */
export async function snapshotState(request: SnapshotRequest): Promise<readonly SnapshotFileRef[]> {
  const { pool, partitions, pathOf } = request;
  const slots = Array.from({ length: pool.numSlots }, (_, slot) => slot);
  const files = await Promise.all(
    slots.map(async slot => {
      const written: SnapshotFileRef[] = [];
      for (const [operator, numPartitions] of partitions) {
        for (let partition = 0; partition < numPartitions; partition++) {
          if (pool.homeOf(partition) !== slot) continue;
          written.push(await snapshotPartition(request, slot, operator, partition, pathOf(operator, partition)));
        }
      }
      return written;
    }),
  );
  return files.flat();
}

/** A thread that is lost leaves a file that the next attempt replaces. */
async function snapshotPartition(
  { pool, maxFailures, timeoutMs }: SnapshotRequest,
  slot: number,
  operator: string,
  partition: number,
  path: string,
): Promise<SnapshotFileRef> {
  for (let attempt = 1; ; attempt++) {
    const reply = await pool.runWhenIdle(slot, { kind: 'snapshotState', operator, partition, path }, timeoutMs);
    if (reply.ok && reply.kind === 'snapshot') return reply.file;
    const what = `state of operator '${operator}' (partition ${partition}) could not be written to ${path}`;
    if (reply.ok) throw new EngineError('internal', `${what}: answered '${reply.kind}'`);
    if (losesWorker(reply.failure) && attempt < maxFailures) continue;
    throw failureError(reply.failure, 'checkpointUnwritable', what);
  }
}
