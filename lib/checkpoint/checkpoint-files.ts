import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import type { KeyGroupRange } from '../core/hash.js';

/**
 * What lies in a checkpoint directory, and how it is named:
 *
 *   MANIFEST            names the newest snapshot, its batch time, source states, and where the log since begins
 *   MANIFEST.prev       the manifest before it: its files are all still there, to step back to
 *   LOCK.000003         who uses the checkpoint; the number grows with each owner, the highest one counts
 *   log/000007.wal      the write-ahead log, in segments
 *   state/ID-g32-64-1700000000000-5.arrow    state of operator ID, key groups 32 to 63, at that batch time, for manifest 5 and
 *                       later ones, as long as these key groups do not change (version 1: ID-p2-..., all of a partition)
 *   tables/ID/000003.table   version 3 of static table ID, for as long as a batch may read it
 *   spill/slot-0.state  state of the run at hand that has no room in memory; means nothing to the next
 *   *.tmp-0123456789ab  a file on its way to its name; means nothing
 */
export const MANIFEST = 'MANIFEST';
export const PREVIOUS_MANIFEST = 'MANIFEST.prev';
export const LOG_FOLDER = 'log';
export const STATE_FOLDER = 'state';
export const TABLES_FOLDER = 'tables';
export const SPILL_FOLDER = 'spill';

const LOCK_NAME = /^LOCK\.(\d{6,15})$/;
const SEGMENT_NAME = /^(\d{6,9})\.wal$/;
const SNAPSHOT_NAME = /^state\/[a-z0-9_%~-]+\.arrow$/;

const numbered = (n: number): string => String(n).padStart(6, '0');

export const lockName = (epoch: number): string => `LOCK.${numbered(epoch)}`;
export const lockEpoch = (name: string): number | undefined => numberIn(LOCK_NAME, name);
export const segmentName = (segment: number): string => `${numbered(segment)}.wal`;
export const segmentNumber = (name: string): number | undefined => numberIn(SEGMENT_NAME, name);

/** Path of a segment; `directory` is the checkpoint's. */
export const segmentPath = (directory: string, segment: number): string =>
  join(directory, LOG_FOLDER, segmentName(segment));

function numberIn(pattern: RegExp, name: string): number | undefined {
  const match = pattern.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** Name of a snapshot file relative to the checkpoint directory, with a slash on every system. */
export function snapshotName(
  operator: string,
  partition: number,
  time: number,
  generation: number,
  groups?: KeyGroupRange,
): string {
  const part = groups === undefined ? `p${partition}` : `g${groups.from}-${groups.to}`;
  return `${STATE_FOLDER}/${encodeId(operator)}-${part}-${time}-${generation}.arrow`;
}

/** Whether a name read from a manifest is one that `snapshotName` makes: nothing else is ever joined to a path. */
export const isSnapshotName = (name: string): boolean => SNAPSHOT_NAME.test(name);

const MAX_ENCODED_ID = 96;

/**
 * An operator's id as part of a file name: lower-case letters, digits, `_` and `-` stand for themselves, every other
 * byte of its UTF-8 is `%xx`, so that no two ids meet on a file system that ignores case. A long one is cut and ends in
 * a hash of the whole.
 */
export function encodeId(id: string): string {
  const bytes = Buffer.from(id, 'utf8');
  const encoded = bytes
    .toString('latin1')
    .replace(/[^a-z0-9_-]/g, character => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  if (encoded.length <= MAX_ENCODED_ID) return encoded;
  return `${encoded.slice(0, MAX_ENCODED_ID - 33)}~${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}`;
}

/** A file that is not what was written. `offset` is the first byte that cannot be trusted, where it is known. */
export function corrupt(path: string, offset: number | undefined, problem: string): EngineError {
  const where = offset === undefined ? path : `${path} at byte ${offset}`;
  return new EngineError(
    'checkpointCorrupt',
    `the checkpoint is damaged: ${where}: ${problem}. Put the checkpoint directory back from a copy, ` +
      `or start with a new checkpoint directory (without the state and offsets of this one)`,
    { detail: offset === undefined ? { file: path } : { file: path, offset } },
  );
}

/** Whether an operation failed with one of Node's error codes. */
export function hasCode(thrown: unknown, ...codes: string[]): boolean {
  return thrown instanceof Error && codes.includes(String((thrown as NodeJS.ErrnoException).code));
}

/** Names in a folder; none when there is no such folder. */
export async function namesIn(fs: FileSystem, folder: string): Promise<string[]> {
  try {
    return await fs.readdir(folder);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return [];
    throw thrown;
  }
}
