/** Brings the state tables of all workers to where the checkpoint says they were, partition by partition in parallel. */
import { EngineError } from '../core/errors.js';
import { keyGroupRange } from '../core/hash.js';
import type { SnapshotFileRef, WorkerRequest } from '../protocol/messages.js';
import { losesWorker } from '../protocol/task-failure.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import { failureError } from './batch-error.js';
import { slowDiskMs } from './engine-settings.js';

/**
 * Some rows of one operator's state: Arrow IPC bytes, or undefined for its initial state, which each worker has from the
 * job; or all files of a snapshot, one for each partition that the state had then. What comes later overrides what came
 * before.
 */
export type StateRows =
  | { readonly operator: string; readonly bytes: Uint8Array | undefined }
  | { readonly operator: string; readonly files: readonly SnapshotFileRef[] };

export interface RestoreRequest {
  readonly pool: SlotPool;
  /** Threads that may be lost on one partition. */
  readonly maxFailures: number;
  /** For one piece of one partition; a thread that takes longer is lost. */
  readonly timeoutMs: number;
  /** Partitions that each operator has now; it may have had others when the rows were written. */
  readonly partitions: ReadonlyMap<string, number>;
  readonly numKeyGroups: number;
  /** In order: initial states, snapshots, then deltas. Taken one by one, so that they need not be in memory together. */
  readonly rows: AsyncIterable<StateRows>;
  /** Called when the pieces are rows of which partition a table has how many. */
  readonly onTable: (operator: string, partition: number, numRows: number) => void;
}

export async function restoreState(request: RestoreRequest): Promise<void> {
  const { pool, partitions, rows, onTable } = request;
  const slots = Array.from({ length: pool.numSlots }, (_, slot) => slot);
  for await (const piece of readAhead(rows)) {
    const numPartitions = partitions.get(piece.operator) ?? 0;
    // One request at a time on a slot: the partitions of a slot follow one another, the slots run beside each other.
    await Promise.all(
      slots.map(async slot => {
        for (let partition = 0; partition < numPartitions; partition++) {
          if (pool.homeOf(partition) !== slot) continue;
          for (const message of messagesFor(request, piece, partition, numPartitions))
            onTable(piece.operator, partition, await restorePartition(request, slot, message));
        }
      }),
    );
  }
}

type RestoreMessage = Extract<WorkerRequest, { kind: 'seedState' | 'restoreState' | 'restoreSnapshot' }>;

/** What a partition is told of some rows: of files only those that have key groups of it. */
function messagesFor(
  { numKeyGroups }: RestoreRequest,
  piece: StateRows,
  partition: number,
  numPartitions: number,
): readonly RestoreMessage[] {
  const { operator } = piece;
  if ('files' in piece) {
    const own = keyGroupRange(partition, numPartitions, numKeyGroups);
    return piece.files
      .filter(file => {
        const range = keyGroupRange(file.partition, piece.files.length, numKeyGroups);
        return range.from < own.to && own.from < range.to;
      })
      .map(file => ({ kind: 'restoreSnapshot', operator, partition, file }));
  }
  const { bytes } = piece;
  return [
    bytes === undefined
      ? { kind: 'seedState', operator, partition }
      : { kind: 'restoreState', operator, partition, bytes },
  ];
}

/** Has the next rows read while the last ones are loaded. */
async function* readAhead(rows: AsyncIterable<StateRows>): AsyncIterableIterator<StateRows> {
  const iterator = rows[Symbol.asyncIterator]();
  let next = iterator.next();
  for (;;) {
    const result = await next;
    if (result.done === true) return;
    next = iterator.next();
    // Told when it is asked for; until then nobody looks.
    next.catch(() => undefined);
    yield result.value;
  }
}

async function restorePartition(
  { pool, maxFailures, timeoutMs }: RestoreRequest,
  slot: number,
  message: RestoreMessage,
): Promise<number> {
  const { operator, partition } = message;
  for (let attempt = 1; ; attempt++) {
    // A file may be larger than the slot's memory.
    const fileMs = message.kind === 'restoreSnapshot' ? slowDiskMs(message.file.byteLength) : 0;
    const reply = await pool.run(slot, message, Math.max(timeoutMs, fileMs));
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
