/**
 * Finds out what a checkpoint directory holds, changing nothing: the newest manifest whose snapshot files are whole, or
 * the one before it, and the log from there on. The log after the older manifest has everything that the newer snapshot
 * had, so stepping back loses nothing; it is said in a warning. Damage to the log itself cannot be stepped back from.
 */
import { join } from 'node:path';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import type { Json } from '../core/json.js';
import type { RangesBySource } from './batch-record.js';
import { corrupt, hasCode, MANIFEST, namesIn, PREVIOUS_MANIFEST, STATE_FOLDER } from './checkpoint-files.js';
import { findSegments, readLog, type ReadLog } from './log-chain.js';
import { readManifest, type Manifest } from './manifest.js';
import { scanSegment, type LoggedDelta } from './segment-scan.js';
import { checkSnapshot } from './snapshot-check.js';

/** A batch that was planned after the snapshot, or before it and left out of it. */
export interface LoggedBatch {
  readonly time: number;
  /** Of the batch planned before it; undefined when it was the very first. */
  readonly previousTime: number | undefined;
  /** Where the log has what it reads. */
  readonly segment: number;
  /** What it reads, for all time. */
  readonly ranges: RangesBySource;
  readonly committed: boolean;
  /** Of committed ones: handles by output id, the driver's numbers, and the changes of state. */
  readonly sinks: { readonly [output: string]: Json };
  readonly info: Json;
  readonly deltas: readonly LoggedDelta[];
}

export interface LoadedCheckpoint {
  readonly manifest: Manifest;
  /** The manifest before, with its files still there; undefined when there is none or it was stepped back to. */
  readonly previous: Manifest | undefined;
  readonly steppedBack: boolean;
  readonly warnings: readonly string[];
  readonly log: ReadLog;
  /** After the manifest's time, and before them those that it left out, in order of batch time. */
  readonly batches: readonly LoggedBatch[];
  /** The committed ones in the order in which they were committed: that of their changes of state. */
  readonly commits: readonly LoggedBatch[];
  /** Highest segment number in the directory, part of the log or not. */
  readonly lastFoundSegment: number;
  /** Highest epoch that a file names. */
  readonly epoch: number;
}

/**
 * @param job when given, a manifest of another job is refused with `checkpointForeign`
 * @returns undefined when nothing was ever checkpointed here
 */
export async function loadCheckpoint(
  fs: FileSystem,
  directory: string,
  job?: string,
): Promise<LoadedCheckpoint | undefined> {
  const warnings: string[] = [];
  const newest = await tryManifest(fs, directory, MANIFEST, job);
  let chosen = newest;
  let steppedBack = false;
  if (typeof newest === 'string') {
    chosen = await tryManifest(fs, directory, PREVIOUS_MANIFEST, job);
    if (typeof chosen === 'string') {
      if (await isUntouched(fs, directory)) return undefined;
      throw corrupt(
        join(directory, MANIFEST),
        undefined,
        `${newest}, and ${PREVIOUS_MANIFEST} cannot be used either: ${chosen}`,
      );
    }
    steppedBack = true;
    warnings.push(
      `the newest checkpoint in ${directory} is damaged (${newest}): stepped back to the one before it, of ` +
        `${timeText(chosen.manifest.time)}, and rolled forward through the log; nothing is lost`,
    );
  }
  const { manifest } = chosen as UsableManifest;
  const log = await readLog(fs, directory, manifest.checkpointId, manifest.firstSegment, manifest.lastSegment);
  if (log.tornBytes > 0) {
    const last = log.segments.at(-1);
    warnings.push(
      `the log ends in an unfinished write (${last?.path}, ${log.tornBytes} bytes at byte ${last?.end}): left out, ` +
        `as after a crash in the middle of a batch`,
    );
  }
  const found = await findSegments(fs, directory);
  const previous = steppedBack ? undefined : await readPrevious(fs, directory, manifest);
  return {
    manifest,
    previous,
    steppedBack,
    warnings,
    log,
    ...batchesOf(log, manifest),
    lastFoundSegment: Math.max(...found.map(segment => segment.segment)),
    epoch: Math.max(manifest.epoch, ...found.map(segment => segment.header?.epoch ?? 0)),
  };
}

interface UsableManifest {
  readonly manifest: Manifest;
}

/** The manifest if it and all files it names are whole, else what is wrong. */
async function tryManifest(
  fs: FileSystem,
  directory: string,
  name: typeof MANIFEST | typeof PREVIOUS_MANIFEST,
  job: string | undefined,
): Promise<UsableManifest | string> {
  let manifest: Manifest | undefined;
  try {
    manifest = await readManifest(fs, directory, name);
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.code === 'checkpointCorrupt')
      return thrown.message.replace(/\. Put .*/, '');
    throw thrown;
  }
  if (manifest === undefined) return `${name} is missing`;
  if (job !== undefined && manifest.job !== job) {
    throw new EngineError(
      'checkpointForeign',
      `the checkpoint in ${directory} belongs to job '${manifest.job}', this is job '${job}': ` +
        `use the job's own checkpoint directory, or a new one`,
    );
  }
  for (const snapshot of manifest.snapshots) {
    const problem = await checkSnapshot(fs, snapshot);
    if (problem !== undefined) return `${snapshot.path}: ${problem}`;
  }
  return { manifest };
}

/** The older manifest while the newer is in use: only to know which files it still needs, so a damaged one is none. */
async function readPrevious(fs: FileSystem, directory: string, manifest: Manifest): Promise<Manifest | undefined> {
  try {
    const previous = await readManifest(fs, directory, PREVIOUS_MANIFEST);
    return previous?.checkpointId === manifest.checkpointId && previous.generation < manifest.generation
      ? previous
      : undefined;
  } catch (thrown) {
    if (thrown instanceof EngineError) return undefined;
    throw thrown;
  }
}

/** No manifest was ever written and no record logged: a start that ended before it was one. */
async function isUntouched(fs: FileSystem, directory: string): Promise<boolean> {
  for (const name of [MANIFEST, PREVIOUS_MANIFEST]) if (await exists(fs, join(directory, name))) return false;
  if ((await namesIn(fs, join(directory, STATE_FOLDER))).length > 0) return false;
  for (const { path, header } of await findSegments(fs, directory)) {
    if (header === undefined || header.segment !== 1 || header.previous !== 0) return false;
    if ((await scanSegment(fs, path, header, undefined)).records.length > 0) return false;
  }
  return true;
}

async function exists(fs: FileSystem, path: string): Promise<boolean> {
  try {
    await fs.stat(path);
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return false;
    throw thrown;
  }
}

/** What the log says of batches after the manifest's time, and of those that it left out. Throws `checkpointCorrupt`. */
export function batchesOf(
  log: Pick<ReadLog, 'segments'>,
  { time = -Infinity, leftOut }: Manifest,
): Pick<LoadedCheckpoint, 'batches' | 'commits'> {
  const batches = new Map<number, LoggedBatch>();
  const commits: number[] = [];
  const older = new Map(leftOut.map(batch => [batch.time, batch]));
  let previousTime: number | undefined = time === -Infinity ? undefined : time;
  for (const { segment, path, records } of log.segments) {
    for (const record of records) {
      const left = older.get(record.time);
      if (record.time <= time && left === undefined) continue;
      const planned = batches.get(record.time);
      if (record.kind === 'offsets') {
        const nothing = { committed: false, sinks: {}, info: null, deltas: [] };
        const { time: planTime, ranges } = record;
        const previous = left === undefined ? previousTime : (left.previousTime ?? undefined);
        if (planned === undefined)
          batches.set(planTime, { time: planTime, previousTime: previous, segment, ranges, ...nothing });
        // What was added to the batch after it was planned.
        else if (!planned.committed) batches.set(planTime, { ...planned, ranges: { ...planned.ranges, ...ranges } });
        if (left === undefined) previousTime = planTime;
      } else if (planned === undefined) {
        throw corrupt(path, undefined, `batch ${record.time} is committed and was never planned`);
      } else if (!planned.committed) {
        const { sinks, info, deltas } = record;
        batches.set(record.time, { ...planned, committed: true, sinks, info, deltas });
        commits.push(record.time);
      }
    }
  }
  const lost = leftOut.find(batch => !batches.has(batch.time));
  if (lost !== undefined) {
    const path = log.segments[0]?.path ?? '';
    throw corrupt(path, undefined, `batch ${lost.time} is to be run again, and what it reads is missing from the log`);
  }
  return {
    batches: [...batches.values()].toSorted((a, b) => a.time - b.time),
    commits: commits.flatMap(committed => batches.get(committed) ?? []),
  };
}

const timeText = (time: number | undefined): string =>
  time === undefined ? 'the very beginning' : `batch ${new Date(time).toISOString()}`;
