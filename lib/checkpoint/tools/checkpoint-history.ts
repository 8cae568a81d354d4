/**
 * To which batches a checkpoint can be stepped back. A manifest and the log after it give the state after each commit,
 * but for those that were made while its snapshot was written: the files have some of their changes already, and nobody
 * knows which. For these the manifest before may do, whose files and log are still there.
 *
 *   MANIFEST.prev   snapshot |···| commit  commit  commit  commit  commit
 *   MANIFEST                               snapshot |··········|  commit
 *   reachable                    ^       ^        ^       ^       ^      ^
 */
import type { FileSystem } from '../../core/file-system.js';
import type { EngineError } from '../../core/errors.js';
import { MANIFEST, PREVIOUS_MANIFEST } from '../checkpoint-files.js';
import { batchesOf } from '../load-checkpoint.js';
import { readManifest, type Manifest } from '../manifest.js';
import { checkSnapshot } from '../snapshot-check.js';
import { requireCheckpoint } from './change-checkpoint.js';
import { isDamage, readLogPrefix, type LogPrefix } from './log-prefix.js';
import { countedRecords, type CountedRecord } from './log-records.js';

/** A manifest that can be read, with what there is of the log behind it. */
export interface CheckpointBase {
  readonly name: typeof MANIFEST | typeof PREVIOUS_MANIFEST;
  readonly manifest: Manifest;
  readonly log: LogPrefix;
  readonly records: readonly CountedRecord[];
  /** Times of the commits behind the manifest, in their order. */
  readonly commits: readonly number[];
  /** How many of them the state must have at the least. */
  readonly numUnsettled: number;
  /** What is wrong with its snapshot files; none of it can be restored then. */
  readonly problems: readonly string[];
}

export interface CheckpointHistory {
  /** Newest first. */
  readonly bases: readonly CheckpointBase[];
  /** What is wrong with a manifest that cannot be read. */
  readonly problems: readonly string[];
}

/** Reads all that is there, damaged or not. Throws `checkpointForeign` when there is no manifest at all. */
export async function readHistory(fs: FileSystem, directory: string): Promise<CheckpointHistory> {
  await requireCheckpoint(fs, directory);
  const bases: CheckpointBase[] = [];
  const problems: string[] = [];
  for (const name of [MANIFEST, PREVIOUS_MANIFEST] as const) {
    try {
      const manifest = await readManifest(fs, directory, name);
      if (manifest === undefined) {
        if (name === MANIFEST) problems.push(`${MANIFEST} is missing`);
      } else bases.push(await readBase(fs, directory, name, manifest));
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      problems.push(bareProblem(thrown));
    }
  }
  return { bases, problems };
}

async function readBase(
  fs: FileSystem,
  directory: string,
  name: CheckpointBase['name'],
  manifest: Manifest,
): Promise<CheckpointBase> {
  const log = await readLogPrefix(fs, directory, manifest);
  const records = countedRecords(log, manifest);
  const commits = records.filter(({ record }) => record.kind === 'commit');
  const numUnsettled = commits.filter(({ settled }) => !settled).length;
  const problems: string[] = [];
  for (const snapshot of manifest.snapshots) {
    const problem = await checkSnapshot(fs, snapshot);
    if (problem !== undefined) problems.push(`${snapshot.path}: ${problem}`);
  }
  const settledFrom = manifest.settledSegment ?? manifest.lastSegment;
  if (manifest.snapshots.length > 0 && !log.segments.some(({ segment }) => segment >= settledFrom)) {
    problems.push(
      `${log.damage === undefined ? 'the log' : bareProblem(log.damage)}: it ends before the snapshot does`,
    );
  }
  try {
    batchesOf(log, manifest);
  } catch (thrown) {
    if (!isDamage(thrown)) throw thrown;
    problems.push(bareProblem(thrown));
  }
  return { name, manifest, log, records, commits: commits.map(({ record }) => record.time), numUnsettled, problems };
}

/** Batches after which the state can be had from this base, oldest first; undefined = before the very first. */
export function reachableFrom({ manifest, commits, numUnsettled, problems }: CheckpointBase): (number | undefined)[] {
  if (problems.length > 0) return [];
  return numUnsettled === 0 ? [manifest.time, ...commits] : commits.slice(numUnsettled - 1);
}

/** A refusal without its cure, for a list of problems. */
export const bareProblem = (error: EngineError): string =>
  error.message.replace(/^the checkpoint is damaged: /, '').replace(/\. Put the checkpoint directory back.*$/s, '');
