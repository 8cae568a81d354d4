/**
 * Brings the state tables of all workers to where the checkpoint says they were. Each slot restores its own partitions,
 * one request behind another, and no slot waits for any other; the workers read the files themselves, those of a snapshot
 * and those of the log.
 */
import { EngineError } from '../core/errors.js';
import { keyGroupRange } from '../core/hash.js';
import type { StateChange } from '../core/state-change.js';
import type { LoggedDelta } from '../checkpoint/segment-scan.js';
import type { SnapshotFileRef, StatePieceRef, WorkerRequest } from '../protocol/messages.js';
import { losesWorker } from '../protocol/task-failure.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import { failureError } from './batch-error.js';
import { slowDiskMs } from './engine-settings.js';

/** What the state is made of: each part overrides what those before have of its keys. */
export interface StateParts {
  /** Operators that begin with their initial state, which each worker has from the job. */
  readonly seeds: readonly string[];
  readonly files: readonly SnapshotFileRef[];
  /** In the order in which they were committed. */
  readonly deltas: readonly LoggedDelta[];
  /** How they become state of the present job, by operator and the definition that they carry; empty text: none. */
  readonly changes: ReadonlyMap<string, ReadonlyMap<string, StateChange>>;
}

export interface RestoreRequest {
  readonly pool: SlotPool;
  /** Threads that may be lost on one partition. */
  readonly maxFailures: number;
  /** For one request; a thread that takes longer is lost. */
  readonly timeoutMs: number;
  /** Partitions that each operator has now; it may have had others when the rows were written. */
  readonly partitions: ReadonlyMap<string, number>;
  readonly numKeyGroups: number;
  readonly parts: StateParts;
  /** Called when rows are loaded: of which partition a table has how many, and which key groups got some from the log. */
  readonly onTable: (operator: string, partition: number, numRows: number, changed: Uint32Array | undefined) => void;
  /** Bytes that are loaded, of all slots, out of how many. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Bytes that one request has, about: enough for reading and loading to go on beside each other. */
const REQUEST_BYTES = 16 * 1024 * 1024;

type RestoreMessage = Extract<WorkerRequest, { kind: 'seedState' | 'restoreSnapshot' | 'restoreDeltas' }>;

export async function restoreState(request: RestoreRequest): Promise<void> {
  const { pool, partitions, onTable, onProgress } = request;
  const bySlot = Array.from({ length: pool.numSlots }, (): RestoreMessage[] => []);
  for (const [operator, numPartitions] of partitions) {
    for (let partition = 0; partition < numPartitions; partition++)
      bySlot[pool.homeOf(partition)]?.push(...messagesFor(request, operator, partition, numPartitions));
  }
  const totalBytes = bySlot.flat().reduce((sum, message) => sum + bytesOf(message), 0);
  let doneBytes = 0;
  await Promise.all(
    bySlot.map(async (messages, slot) => {
      for (const message of messages) {
        const { numRows, changed } = await restorePartition(request, slot, message);
        onTable(message.operator, message.partition, numRows, changed);
        doneBytes += bytesOf(message);
        if (totalBytes > 0) onProgress?.(doneBytes, totalBytes);
      }
    }),
  );
}

/** All that a partition is made of: files and changes that have key groups of it, in requests of bounded size. */
function messagesFor(
  { numKeyGroups, parts }: RestoreRequest,
  operator: string,
  partition: number,
  numPartitions: number,
): RestoreMessage[] {
  const own = keyGroupRange(partition, numPartitions, numKeyGroups);
  const has = (range: { readonly from: number; readonly to: number }): boolean =>
    range.from < own.to && own.from < range.to;
  const changeOf = (definition = ''): Pick<StatePieceRef, 'change'> => {
    const change = parts.changes.get(operator)?.get(definition);
    return change === undefined ? {} : { change };
  };
  const allFiles = parts.files.filter(file => file.operator === operator);
  const files = allFiles
    // One without rows may be of columns that the operator has not any more.
    .filter(file => file.numRows > 0)
    .filter(file => has(file.groups ?? keyGroupRange(file.partition, allFiles.length, numKeyGroups)))
    .map(({ path, byteLength, crc32, definition }) => ({ path, byteLength, crc32, ...changeOf(definition) }));
  const deltas = parts.deltas
    .filter(delta => delta.operator === operator)
    .filter(({ partition: of, numPartitions: n }) => n === undefined || has(keyGroupRange(of, n, numKeyGroups)))
    .map(({ definition, ...delta }): StatePieceRef => {
      const { path, position, byteLength, crc32 } = delta;
      return { path, position, byteLength, crc32, ...changeOf(definition) };
    });
  return [
    ...(parts.seeds.includes(operator) ? [{ kind: 'seedState', operator, partition } as const] : []),
    ...chunksOf(files).map(pieces => ({ kind: 'restoreSnapshot', operator, partition, pieces }) as const),
    ...chunksOf(deltas).map(pieces => ({ kind: 'restoreDeltas', operator, partition, pieces }) as const),
  ];
}

function chunksOf(pieces: readonly StatePieceRef[]): StatePieceRef[][] {
  const chunks: StatePieceRef[][] = [];
  let bytes = REQUEST_BYTES;
  for (const piece of pieces) {
    if (bytes >= REQUEST_BYTES) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(piece);
    bytes += piece.byteLength;
  }
  return chunks;
}

const bytesOf = (message: RestoreMessage): number =>
  message.kind === 'seedState' ? 0 : message.pieces.reduce((sum, piece) => sum + piece.byteLength, 0);

async function restorePartition(
  { pool, maxFailures, timeoutMs }: RestoreRequest,
  slot: number,
  message: RestoreMessage,
): Promise<{ readonly numRows: number; readonly changed: Uint32Array | undefined }> {
  const { operator, partition } = message;
  for (let attempt = 1; ; attempt++) {
    // Files may be larger than the slot's memory.
    const fileMs = slowDiskMs(bytesOf(message));
    const reply = await pool.run(slot, message, Math.max(timeoutMs, fileMs));
    if (reply.ok && reply.kind === 'restored') {
      pool.adoptTable(slot, reply.table);
      return { numRows: reply.numRows, changed: reply.changed };
    }
    const what = `state of operator '${operator}' (partition ${partition}) could not be restored`;
    if (reply.ok) throw new EngineError('internal', `${what}: answered '${reply.kind}'`);
    // Rows are set, not added: loading them again after a lost thread gives the same table.
    if (losesWorker(reply.failure) && attempt < maxFailures) continue;
    throw failureError(reply.failure, 'checkpointUnwritable', what);
  }
}
