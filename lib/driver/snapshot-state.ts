/**
 * Has the workers write what is to be written of the state while batches go on: a piece on each slot at a time, and between two pieces whoever
 * waits for the slot. So the files hold rows as they were at different times; what makes a state of them is the log since
 * the first piece (`state/snapshot.ts`).
 */
import { EngineError, messageOf } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import { storageCure } from '../core/storage-cure.js';
import type { SnapshotFileRef } from '../protocol/messages.js';
import { losesWorker } from '../protocol/task-failure.js';
import type { SlotPool } from '../scheduler/slot-pool.js';
import { failureError } from './batch-error.js';
import type { WantedFile } from './changed-state.js';

export interface SnapshotRequest {
  readonly pool: SlotPool;
  /** Threads that may be lost on one partition. */
  readonly maxFailures: number;
  readonly fs: FileSystem;
  /** For one piece; a thread that takes longer is lost. */
  readonly timeoutMs: number;
  readonly wanted: readonly WantedFile[];
  readonly pathOf: (file: WantedFile) => string;
  /** While it is there the checkpoint is this driver's. */
  readonly lockFile: string;
}

/** Has every worker write the files of its partitions, the slots beside each other, and syncs them. */
export async function snapshotState(request: SnapshotRequest): Promise<readonly SnapshotFileRef[]> {
  const { pool, wanted } = request;
  const slots = Array.from({ length: pool.numSlots }, (_, slot) => slot);
  const files = await Promise.all(
    slots.map(async slot => {
      const written: SnapshotFileRef[] = [];
      for (const file of wanted)
        if (pool.homeOf(file.partition) === slot) written.push(await writeFile(request, slot, file));
      return written;
    }),
  );
  return files.flat();
}

/** A thread that is lost leaves a file that the next attempt replaces. */
async function writeFile(request: SnapshotRequest, slot: number, file: WantedFile): Promise<SnapshotFileRef> {
  const { pool, maxFailures, timeoutMs, fs, lockFile } = request;
  const { operator, partition, groups } = file;
  const path = request.pathOf(file);
  const what = `state of operator '${operator}' (partition ${partition}) could not be written to ${path}`;
  let piece = 0;
  for (let attempt = 1; ;) {
    const message = { kind: 'snapshotState', operator, partition, path, piece, groups, lockFile } as const;
    const reply = await pool.runWhenIdle(slot, message, timeoutMs);
    if (reply.ok && reply.kind === 'snapshot') {
      await syncFile(fs, path);
      return reply.file;
    }
    if (reply.ok && reply.kind === 'snapshotPiece') {
      // A thread that was lost in between took what it had written with it.
      if (reply.next === 0) attempt++;
      piece = reply.next;
      // Some of it to the disk on the way, so that the end does not hold the log's syncs up.
      if (piece % PIECES_PER_SYNC === PIECES_PER_SYNC - 1) await syncFile(fs, path);
      await othersTurn();
      if (attempt <= maxFailures) continue;
      throw new EngineError('internal', `${what}: its thread was lost ${maxFailures} times`);
    }
    if (reply.ok) throw new EngineError('internal', `${what}: answered '${reply.kind}'`);
    if (!losesWorker(reply.failure) || attempt >= maxFailures)
      throw failureError(reply.failure, 'checkpointUnwritable', what);
    attempt++;
    piece = 0;
  }
}

const PIECES_PER_SYNC = 32;

/** The pool offers a slot two steps after its reply: whoever wants it gets it before the next piece. */
async function othersTurn(): Promise<void> {
  for (let step = 0; step < 4; step++) await Promise.resolve();
}

async function syncFile(fs: FileSystem, path: string): Promise<void> {
  try {
    const file = await fs.open(path, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    const message = `state cannot be written to ${path}: ${messageOf(cause)}; ${storageCure(cause, 'the checkpoint directory')}`;
    throw new EngineError('checkpointUnwritable', message, { cause });
  }
}
