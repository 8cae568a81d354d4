import { resolve } from 'node:path';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import type { Json } from '../core/json.js';
import type { RangesBySource } from './batch-record.js';
import { hasCode } from './checkpoint-files.js';
import { loadCheckpoint, type LoadedCheckpoint } from './load-checkpoint.js';
import { readLock, type LockHolder } from './lock.js';
import { MANIFEST_VERSION, type OperatorInfo, type SnapshotFile } from './manifest.js';
import { lastHandles, lastTime } from './recovered-checkpoint.js';
import type { RunRecord } from './run-record.js';

/** What a checkpoint holds, as data. */
export interface CheckpointSummary {
  readonly directory: string;
  /** Of the manifest. */
  readonly formatVersion: number;
  readonly job: string;
  /** How its last owner was started; undefined where it did not say. */
  readonly run: RunRecord | undefined;
  readonly fingerprint: string;
  readonly epoch: number;
  /** Undefined when nobody uses it. A process that ended without giving it back still stands here. */
  readonly holder: LockHolder | undefined;
  readonly numKeyGroups: number;
  readonly operators: readonly OperatorSummary[];
  readonly snapshotTime: number | undefined;
  readonly lastPlanned: number | undefined;
  readonly lastCommitted: number | undefined;
  /** Planned and not committed: a restart runs them again. */
  readonly numOpen: number;
  readonly sources: readonly SourceSummary[];
  /** By output id, the handle last committed. */
  readonly sinks: { readonly [output: string]: Json };
  readonly log: { readonly numSegments: number; readonly bytes: number; readonly batches: number };
  /** All of them whole: a damaged one makes the checkpoint unreadable, or stepped back as `warnings` say. */
  readonly snapshots: readonly SnapshotFile[];
  readonly warnings: readonly string[];
}

export interface OperatorSummary extends OperatorInfo {
  /** Rows in snapshot files; a row that a later delta changes is counted once more there. */
  readonly snapshotRows: number;
  readonly snapshotBytes: number;
  readonly numDeltas: number;
  readonly deltaRows: number;
  readonly deltaBytes: number;
}

export interface SourceSummary {
  readonly id: string;
  /** As of the snapshot; undefined before the first. */
  readonly state: Json | undefined;
  /** What the batches after it read, in order. */
  readonly batches: readonly { readonly time: number; readonly ranges: readonly Json[] }[];
}

const MAX_TRIES = 5;

/**
 * Reads and checks a checkpoint without taking it, even while its driver goes on. Changes nothing.
 * Throws `checkpointCorrupt`, and `checkpointForeign` when there is none.
 */
export async function readCheckpoint(fs: FileSystem, directory: string): Promise<CheckpointSummary> {
  const path = resolve(directory);
  const found = await findCheckpoint(fs, path);
  if (typeof found !== 'string') return found;
  throw new EngineError(
    'checkpointForeign',
    `${path} is not a checkpoint: ${found}. Wanted the directory given as --checkpoint`,
  );
}

/** The same; where there is no checkpoint, why not. */
export async function findCheckpoint(fs: FileSystem, directory: string): Promise<CheckpointSummary | string> {
  try {
    if (!(await fs.stat(directory)).isDirectory) return 'it is a file';
    const holder = await readLock(fs, directory);
    const loaded = await loadWhileInUse(fs, directory);
    if (loaded === undefined) return 'it has no manifest';
    return summarize(directory, loaded, holder?.released === true ? undefined : holder);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return 'there is no such directory';
    throw thrown;
  }
}

/** A driver at work may remove files between the reading of the manifest and theirs: then the next manifest is read. */
export async function loadWhileInUse(fs: FileSystem, directory: string): Promise<LoadedCheckpoint | undefined> {
  for (let i = 1; ; i++) {
    try {
      const loaded = await loadCheckpoint(fs, directory);
      if (loaded?.steppedBack !== true || i === MAX_TRIES) return loaded;
    } catch (thrown) {
      if (i === MAX_TRIES) throw thrown;
    }
  }
}

function summarize(directory: string, loaded: LoadedCheckpoint, holder: LockHolder | undefined): CheckpointSummary {
  const { manifest, batches, log, warnings } = loaded;
  const { job, run, fingerprint, numKeyGroups, snapshots, time } = manifest;
  return {
    directory,
    formatVersion: manifest.formatVersion ?? MANIFEST_VERSION,
    job,
    run,
    fingerprint,
    epoch: loaded.epoch,
    holder,
    numKeyGroups,
    operators: manifest.operators.map(operator => summarizeOperator(operator, loaded)),
    snapshotTime: time,
    lastPlanned: lastTime(batches, time),
    lastCommitted: lastTime(loaded.commits, time),
    numOpen: batches.filter(batch => !batch.committed).length,
    sources: summarizeSources(loaded),
    sinks: lastHandles(loaded),
    log: {
      numSegments: log.segments.length,
      bytes: log.segments.reduce((sum, segment) => sum + segment.end, 0),
      batches: batches.length,
    },
    snapshots,
    warnings,
  };
}

function summarizeOperator(operator: OperatorInfo, { manifest, batches }: LoadedCheckpoint): OperatorSummary {
  const files = manifest.snapshots.filter(file => file.operator === operator.id);
  const deltas = batches.flatMap(batch => batch.deltas).filter(delta => delta.operator === operator.id);
  return {
    ...operator,
    snapshotRows: files.reduce((sum, file) => sum + file.numRows, 0),
    snapshotBytes: files.reduce((sum, file) => sum + file.byteLength, 0),
    numDeltas: deltas.length,
    deltaRows: deltas.reduce((sum, delta) => sum + delta.numRows, 0),
    deltaBytes: deltas.reduce((sum, delta) => sum + delta.byteLength, 0),
  };
}

function summarizeSources({ manifest, batches }: LoadedCheckpoint): SourceSummary[] {
  const states = new Map(Object.entries(manifest.sourceStates));
  const ids = new Set([...states.keys(), ...batches.flatMap(batch => Object.keys(batch.ranges))]);
  return [...ids].toSorted().map(id => ({
    id,
    state: states.get(id),
    batches: batches.flatMap(({ time, ranges }) => rangesOf(ranges, id).map(found => ({ time, ranges: found }))),
  }));
}

const rangesOf = (ranges: RangesBySource, id: string): (readonly Json[])[] =>
  Object.entries(ranges)
    .filter(([source]) => source === id)
    .map(([, found]) => found);
