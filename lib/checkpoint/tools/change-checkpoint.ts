/**
 * How a tool changes a checkpoint that nobody runs, so that a crash at any moment leaves it as it was or as it shall be:
 *
 *   lock      as a driver takes it: refused while one runs, and one that starts meanwhile is refused
 *   aside     every file gets a second name in aside/, so that what was can be had again
 *   log       the records that shall count go to new segments. Behind a sound log they only repeat it, and the old
 *             manifest reads them as the same batches; behind a damaged one they belong to no chain of it
 *   MANIFEST  MANIFEST.prev goes, MANIFEST is replaced (from here on the change is made), MANIFEST.prev is the same again:
 *             stepping back must not lead behind the change
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.js';
import { EngineError } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import { writeAgain } from '../../core/write-again.js';
import { corrupt, LOG_FOLDER, MANIFEST, namesIn, PREVIOUS_MANIFEST, STATE_FOLDER } from '../checkpoint-files.js';
import { loadCheckpoint, type LoadedCheckpoint } from '../load-checkpoint.js';
import { Lock } from '../lock.js';
import { findSegments, type ReadLog } from '../log-chain.js';
import { SEGMENT_HEADER_BYTES } from '../log-format.js';
import { encodeManifest, type Manifest } from '../manifest.js';
import { isAlive, processIdentity, type ProcessIdentity } from '../process-identity.js';
import { refused } from '../segment-file.js';
import type { CountedRecord } from './log-records.js';
import { rewriteLog } from './rewrite-log.js';
import { setAside } from './set-aside.js';

/** The world of a tool. */
export interface ToolWorld {
  readonly fs: FileSystem;
  readonly clock: Pick<Clock, 'now'>;
  /** For simulations; the defaults are this process, and what the system says. */
  readonly owner?: { readonly pid: number; readonly host: string };
  readonly isAlive?: (holder: ProcessIdentity) => boolean;
}

/** What a checkpoint shall be. */
export interface CheckpointChange {
  /** Part of a folder's name: lower-case letters and dashes. */
  readonly name: string;
  /** The new content; where its log lies, its generation and epoch are set here. */
  readonly manifest: Manifest;
  /** What the log shall say after the manifest, in order. */
  readonly records: readonly CountedRecord[];
  /** What a restart would go on from now; undefined when it would be refused for damage. */
  readonly current: CurrentCheckpoint | undefined;
}

export interface CurrentCheckpoint {
  readonly name: typeof MANIFEST | typeof PREVIOUS_MANIFEST;
  /** All of its log. */
  readonly log: Pick<ReadLog, 'segments' | 'nextSequence'>;
}

/** Takes the lock for as long as `work` takes. Throws `checkpointLocked` while a process that runs has it. */
export async function withLock<T>(world: ToolWorld, directory: string, work: (lock: Lock) => Promise<T>): Promise<T> {
  const { pid, host } = world.owner ?? { pid: process.pid, host: hostname() };
  const lock = await refused(directory, async () => {
    const segments = await findSegments(world.fs, directory);
    return Lock.acquire(world.fs, directory, {
      identity: processIdentity(pid, host),
      isAlive: world.isAlive ?? isAlive,
      nowMs: world.clock.now(),
      epochFloor: Math.max(0, ...segments.map(({ header }) => header?.epoch ?? 0)),
    });
  });
  try {
    return await work(lock);
  } finally {
    // What went wrong first is what the user must see; a lock of a dead process is taken over.
    await Promise.allSettled([lock.release()]);
  }
}

/** The same for a directory that is a checkpoint: nothing is written to any other. Throws also `checkpointForeign`. */
export async function withCheckpoint<T>(
  world: ToolWorld,
  directory: string,
  work: (lock: Lock) => Promise<T>,
): Promise<T> {
  await requireCheckpoint(world.fs, directory);
  return withLock(world, directory, work);
}

/** Throws `checkpointForeign` for a directory without a manifest, and for none. @returns the names in it */
export async function requireCheckpoint(fs: FileSystem, directory: string): Promise<readonly string[]> {
  const names = await namesIn(fs, directory);
  if (names.includes(MANIFEST) || names.includes(PREVIOUS_MANIFEST)) return names;
  throw new EngineError(
    'checkpointForeign',
    `${directory} is not a checkpoint: it has no manifest. Wanted the directory given as --checkpoint`,
  );
}

/** @returns the folder with the files as they were. Throws `checkpointUnwritable`, `checkpointFenced`. */
export async function changeCheckpoint(
  { fs, clock }: ToolWorld,
  directory: string,
  lock: Lock,
  change: CheckpointChange,
): Promise<string> {
  return refused(directory, async () => {
    const { manifest, records, current } = change;
    const aside = await setAside(fs, directory, change.name);
    const found = await findSegments(fs, directory);
    const last = current?.log.segments.at(-1);
    if (last !== undefined) await writeAgain(fs, last.path, last.lastFrame, last.end);
    for (const folder of ['', LOG_FOLDER, STATE_FOLDER]) await fs.syncDirectory(join(directory, folder));
    const epoch = Math.max(
      lock.holder.epoch,
      manifest.epoch + 1,
      ...found.map(({ header }) => (header?.epoch ?? 0) + 1),
    );
    const start = {
      checkpointId: manifest.checkpointId,
      epoch,
      segment: Math.max(0, ...found.map(({ segment }) => segment)) + 1,
      previous: last?.segment ?? 0,
      previousEnd: last?.end ?? SEGMENT_HEADER_BYTES,
      firstSequence: current?.log.nextSequence ?? 1,
    };
    const rewritten = await rewriteLog(fs, directory, start, records, () => lock.check());
    await lock.check();
    const next: Manifest = {
      ...manifest,
      ...rewritten,
      generation: manifest.generation + 1,
      epoch,
      writtenMs: clock.now(),
    };
    const previous = join(directory, PREVIOUS_MANIFEST);
    if (current?.name === MANIFEST) {
      await fs.remove(previous);
      await fs.syncDirectory(directory);
    }
    const bytes = encodeManifest(directory, next);
    await fs.writeFileAtomic(join(directory, MANIFEST), bytes);
    await fs.writeFileAtomic(previous, bytes);
    return aside;
  });
}

/** What a restart would go on from, for tools that change something else than what is damaged. Throws as `loadCheckpoint`. */
export async function loadForChange(
  fs: FileSystem,
  directory: string,
): Promise<{ readonly loaded: LoadedCheckpoint; readonly current: CurrentCheckpoint }> {
  const loaded = await loadCheckpoint(fs, directory);
  if (loaded === undefined) throw corrupt(join(directory, MANIFEST), undefined, 'it is gone');
  return { loaded, current: { name: loaded.steppedBack ? PREVIOUS_MANIFEST : MANIFEST, log: loaded.log } };
}
