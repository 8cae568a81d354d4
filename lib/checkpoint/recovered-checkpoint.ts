import type { Json } from '../core/json.js';
import type { LoadedCheckpoint, LoggedBatch } from './load-checkpoint.js';
import type { Manifest, SnapshotFile } from './manifest.js';
import type { MatchedOperators } from './match-operators.js';

/** Where an earlier driver got to: restore the snapshots, then go through the batches in order. */
export interface RecoveredCheckpoint {
  /** This driver's: greater than that of every one before. */
  readonly epoch: number;
  readonly numKeyGroups: number;
  /** Batch time of the snapshot; undefined when none was taken yet. */
  readonly snapshotTime: number | undefined;
  readonly snapshots: readonly SnapshotFile[];
  /** By source id, for `SourceDriver.start`: as of the snapshot; `replay` each batch after that. */
  readonly sourceStates: { readonly [source: string]: Json };
  /** After the snapshot, and before them those it left out, in order of batch time. Those not committed are to be run again. */
  readonly batches: readonly LoggedBatch[];
  /** The committed ones in order of their commits: so their deltas are to be applied. */
  readonly commits: readonly LoggedBatch[];
  /** By output id, the handle last committed. */
  readonly sinks: { readonly [output: string]: Json };
  /** By source id, what its rate controller had learned at the last commit. */
  readonly rates: { readonly [source: string]: Json };
  readonly lastCommitted: number | undefined;
  readonly lastPlanned: number | undefined;
  /** Sentences for the user: what was stepped back from, left out or starts empty. */
  readonly warnings: readonly string[];
  /** How pieces of state are changed while they are loaded. */
  readonly changes: MatchedOperators['changes'];
}

export function recover(
  manifest: Manifest,
  loaded: LoadedCheckpoint,
  warnings: readonly string[],
  changes: MatchedOperators['changes'],
): RecoveredCheckpoint {
  const { batches, commits } = loaded;
  const { epoch, numKeyGroups, time, snapshots, sourceStates } = manifest;
  return {
    epoch,
    numKeyGroups,
    snapshotTime: time,
    snapshots,
    sourceStates,
    batches,
    commits,
    warnings,
    changes,
    sinks: lastHandles(loaded),
    rates: lastRates(loaded),
    lastCommitted: lastTime(commits, time),
    lastPlanned: lastTime(batches, time),
  };
}

/** The latest of some batches and the snapshot; undefined when there is none of them. */
export function lastTime(batches: readonly LoggedBatch[], snapshotTime: number | undefined): number | undefined {
  const last = Math.max(snapshotTime ?? -Infinity, ...batches.map(batch => batch.time));
  return last === -Infinity ? undefined : last;
}

/** By output id, the handle last committed: the manifest's, replaced by those committed after it. */
export function lastHandles({ manifest, commits }: LoadedCheckpoint): { readonly [output: string]: Json } {
  const handles = new Map(Object.entries(manifest.sinks));
  for (const batch of commits) for (const [output, handle] of Object.entries(batch.sinks)) handles.set(output, handle);
  return Object.fromEntries(handles);
}

/** The manifest's, unless a batch that was committed after it has newer ones in the numbers of its commit. */
function lastRates({ manifest, batches }: LoadedCheckpoint): { readonly [source: string]: Json } {
  for (const { committed, info } of batches.toReversed()) {
    const { rates } = (info ?? {}) as { readonly rates?: { readonly [source: string]: Json } };
    if (committed && rates !== undefined) return rates;
  }
  return manifest.rates ?? {};
}
