/**
 * One driver at a time uses a checkpoint. Who it is stands in LOCK.<number>; the highest number counts, and every owner
 * takes the next one with a hard link, which of several processes exactly one gets. The owner before, should it still
 * run, is fenced: its lock file is removed BEFORE the new owner reads the log, and an owner looks for its file AFTER each
 * of its writes and before it reports them. So what was reported is seen by the successor, and what the successor has
 * not seen was never reported:
 *
 *   old owner   write ... is my lock there? yes -> durable, reported         write ... is it there? no -> fenced
 *   new owner                                      remove old lock, read log
 *
 * A lock is left behind marked as released, so that numbers never come again. A lock of a dead process is taken over.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { EngineError } from '../core/errors.js';
import type { FileStat, FileSystem } from '../core/file-system.js';
import type { Json } from '../core/json.js';
import { temporaryPath, writeNewFile } from '../core/write-file-atomic.js';
import { decodeCheckedJson, encodeCheckedJson } from './checked-json.js';
import { hasCode, lockEpoch, lockName } from './checkpoint-files.js';
import { isAlive, processIdentity, type ProcessIdentity } from './process-identity.js';
import { readable } from './segment-file.js';

/** What a lock file says. */
export interface LockHolder extends ProcessIdentity {
  readonly epoch: number;
  /** Random, one per acquisition. */
  readonly owner: string;
  readonly sinceMs: number;
  /** The owner gave it back. */
  readonly released: boolean;
}

export interface LockRequest {
  readonly identity: ProcessIdentity;
  /** Whether the process of a lock file on the same host still runs. */
  readonly isAlive: (holder: ProcessIdentity) => boolean;
  readonly nowMs: number;
  /** Used when there is no lock file: the highest epoch that the checkpoint's other files name. */
  readonly epochFloor: number;
}

/** By which an owner knows its own file again without reading it. */
type LockMark = Pick<FileStat, 'ino' | 'mtimeMs'>;

const FORMAT = 'sluice-lock';
const MAX_TRIES = 20;

export class Lock {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly holder: LockHolder;
  readonly #mark: LockMark;

  private constructor(fs: FileSystem, directory: string, holder: LockHolder, mark: LockMark) {
    this.#fs = fs;
    this.#directory = directory;
    this.holder = holder;
    this.#mark = mark;
  }

  /** Takes the lock, or throws `checkpointLocked` saying who has it and since when. */
  static async acquire(fs: FileSystem, directory: string, request: LockRequest): Promise<Lock> {
    for (let i = 0; i < MAX_TRIES; i++) {
      const before = await readLock(fs, directory);
      if (before !== undefined) refuseIfHeld(directory, before, request);
      const epoch = (before?.epoch ?? request.epochFloor) + 1;
      const holder = { ...request.identity, epoch, owner: randomUUID(), sinceMs: request.nowMs, released: false };
      const mark = await linkNew(fs, directory, holder);
      if (mark !== undefined) {
        const epochs = await lockEpochs(fs, directory);
        const path = join(directory, lockName(epoch));
        // Only with a listing that was out of date when the link was made: others came and went in between.
        if (epochs.some(other => other > epoch)) {
          await fs.remove(path);
          continue;
        }
        for (const other of epochs) if (other < epoch) await fs.remove(join(directory, lockName(other)));
        return new Lock(fs, directory, holder, mark);
      }
    }
    throw new EngineError('checkpointLocked', `${directory}: other drivers keep taking the checkpoint: start only one`);
  }

  /** Absolute path of the lock file: while it is there, nobody else has the checkpoint. */
  get path(): string {
    return join(this.#directory, lockName(this.holder.epoch));
  }

  /** Throws `checkpointFenced` once the lock is somebody else's, `checkpointUnwritable` where it cannot be told. One stat. */
  async check(): Promise<void> {
    const stat = await readable(this.path, () => this.#statOfLock());
    // Where the file was removed before there was a log, the next owner's has the same number.
    if (stat !== undefined && stat.ino === this.#mark.ino && stat.mtimeMs === this.#mark.mtimeMs) return;
    throw await readable(this.path, () => this.#fenced());
  }

  async #statOfLock(): Promise<FileStat | undefined> {
    try {
      return await this.#fs.stat(this.path);
    } catch (thrown) {
      if (hasCode(thrown, 'ENOENT')) return undefined;
      throw thrown;
    }
  }

  /** Marks the lock as given back; does nothing when it was taken over. */
  async release(): Promise<void> {
    try {
      await this.check();
      await this.#fs.writeFileAtomic(this.path, encodeHolder({ ...this.holder, released: true }));
    } catch (thrown) {
      // Taken over before, or on the way: then the file is the other's business.
      const lost: unknown = await this.check().catch((error: unknown) => error);
      if (!(lost instanceof EngineError && lost.code === 'checkpointFenced')) throw thrown;
    }
  }

  async #fenced(): Promise<EngineError> {
    const holder = await readLock(this.#fs, this.#directory);
    const taker = holder === undefined ? 'its lock file was removed' : `${formatHolder(holder)} took it over`;
    return new EngineError(
      'checkpointFenced',
      `${this.#directory}: this driver (process ${this.holder.pid}) lost the checkpoint: ${taker}. ` +
        `Nothing more is written; only one driver may run a job`,
    );
  }
}

/** The lock that counts, or undefined when there is none. Throws `checkpointLocked` when it cannot be read. */
export async function readLock(fs: FileSystem, directory: string): Promise<LockHolder | undefined> {
  for (;;) {
    const epoch = Math.max(0, ...(await lockEpochs(fs, directory)));
    if (epoch === 0) return undefined;
    const path = join(directory, lockName(epoch));
    try {
      const content = decodeCheckedJson(FORMAT, await fs.readFile(path), path) as unknown as LockHolder;
      const { pid, host, start, owner, sinceMs, released } = content;
      return { epoch, pid, host, start, owner, sinceMs, released };
    } catch (thrown) {
      // Removed since it was listed, by one that took a higher number.
      if (hasCode(thrown, 'ENOENT')) continue;
      if (!(thrown instanceof EngineError) || thrown.code === 'checkpointForeign') throw thrown;
      throw new EngineError(
        'checkpointLocked',
        `cannot tell who uses the checkpoint: ${path} is damaged. When no driver runs this job, remove the file`,
        { cause: thrown },
      );
    }
  }
}

/** Throws `checkpointLocked` while a process that runs, this one too, uses the checkpoint. */
export async function refuseIfInUse(fs: FileSystem, directory: string): Promise<void> {
  const holder = await readLock(fs, directory);
  const request = { identity: processIdentity(), isAlive, nowMs: 0, epochFloor: 0 };
  if (holder !== undefined) refuseIfHeld(directory, holder, request);
}

/** `process 4711 on alpha (since 2024-01-01T00:00:00.000Z)`. */
export function formatHolder(holder: LockHolder): string {
  return `process ${holder.pid} on ${holder.host} (since ${new Date(holder.sinceMs).toISOString()})`;
}

function refuseIfHeld(directory: string, holder: LockHolder, request: LockRequest): void {
  if (holder.released) return;
  const path = join(directory, lockName(holder.epoch));
  const detail = { file: path, pid: holder.pid, host: holder.host, sinceMs: holder.sinceMs };
  if (holder.host !== request.identity.host) {
    throw new EngineError(
      'checkpointLocked',
      `${directory} is used by ${formatHolder(holder)}, which cannot be looked up from ${request.identity.host}: ` +
        `stop that driver, or when it is certain that it does not run any more, remove ${path}`,
      { detail },
    );
  }
  if (!request.isAlive(holder)) return;
  throw new EngineError(
    'checkpointLocked',
    `${directory} is used by ${formatHolder(holder)}: stop that driver first, or use another checkpoint directory`,
    { detail },
  );
}

/** Publishes a lock file with its whole content at once. Undefined when its number was taken by somebody else. */
async function linkNew(fs: FileSystem, directory: string, holder: LockHolder): Promise<LockMark | undefined> {
  const path = join(directory, lockName(holder.epoch));
  const temporary = temporaryPath(path);
  await writeNewFile(fs, temporary, encodeHolder(holder));
  try {
    // Of the temporary name: behind the link it may be another's already.
    const { ino, mtimeMs } = await fs.stat(temporary);
    await fs.link(temporary, path);
    return { ino, mtimeMs };
  } catch (thrown) {
    if (hasCode(thrown, 'EEXIST')) return undefined;
    throw thrown;
  } finally {
    await fs.remove(temporary);
  }
}

const encodeHolder = (holder: LockHolder): Uint8Array =>
  encodeCheckedJson(FORMAT, holder as unknown as { readonly [name: string]: Json });

async function lockEpochs(fs: FileSystem, directory: string): Promise<number[]> {
  return (await fs.readdir(directory)).map(lockEpoch).filter(epoch => epoch !== undefined);
}
