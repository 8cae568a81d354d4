/** A checkpoint's state as of one batch, as the pieces that it is made of. */
import { loadWhileInUse } from '../../checkpoint/read-checkpoint.js';
import type { FormerOperator, OperatorInfo, SnapshotFile } from '../../checkpoint/manifest.js';
import type { LoggedDelta } from '../../checkpoint/segment-scan.js';
import { readHistory, reachableFrom, type CheckpointBase } from '../../checkpoint/tools/checkpoint-history.js';
import { EngineError } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import type { Json } from '../../core/json.js';
import { readStateRows, type StateRows } from '../../state/read-rows.js';

export interface LoadedState {
  readonly fs: FileSystem;
  readonly directory: string;
  /** The last batch that is in it; undefined before the very first. */
  readonly batch: number | undefined;
  /** What was stepped back from or left out when it was read. */
  readonly warnings: readonly string[];
  readonly operators: readonly OperatorInfo[];
  /** What some pieces are of still, since the job was changed. */
  readonly former?: readonly FormerOperator[];
  readonly snapshots: readonly SnapshotFile[];
  /** To be set over the snapshots in this order. */
  readonly deltas: readonly LoggedDelta[];
  /** By source, its state at the snapshot, and what batches read since up to `batch`. */
  readonly sourceStates: { readonly [source: string]: Json };
  readonly ranges: readonly { readonly [source: string]: readonly Json[] }[];
}

/**
 * The state after the last commit, or after an older one that the checkpoint can be stepped back to. Changes nothing.
 * Throws `checkpointCorrupt`, `checkpointForeign`, and `optionInvalid` for a batch that is not there.
 */
export async function loadState(fs: FileSystem, directory: string, batch?: number): Promise<LoadedState> {
  if (batch !== undefined) return stateAt(fs, directory, batch);
  const loaded = await loadWhileInUse(fs, directory);
  if (loaded === undefined) throw noCheckpoint(directory);
  const { manifest, commits, batches, warnings } = loaded;
  const { operators, former = [], snapshots, sourceStates, time } = manifest;
  return {
    ...{ fs, directory, warnings, operators, former, snapshots, sourceStates },
    batch: commits.length === 0 ? time : Math.max(time ?? -Infinity, ...commits.map(commit => commit.time)),
    deltas: commits.flatMap(({ deltas }) => deltas),
    ranges: batches.filter(found => found.time > (time ?? -Infinity)).map(({ ranges }) => ranges),
  };
}

async function stateAt(fs: FileSystem, directory: string, batch: number): Promise<LoadedState> {
  const { bases } = await readHistory(fs, directory);
  const base = bases.find(found => reachableFrom(found).includes(batch));
  if (base === undefined) {
    const times = [...new Set(bases.flatMap(reachableFrom))]
      .filter(time => time !== undefined)
      .toSorted((a, b) => b - a);
    throw new EngineError(
      'optionInvalid',
      `--batch wants a batch whose state the checkpoint in ${directory} can give, got ${batch}: it has ` +
        (times.length === 0 ? 'none' : `${times.slice(0, 10).join(', ')}${times.length > 10 ? ' ...' : ''}`),
      { detail: { directory, batch } },
    );
  }
  return stateOfBase(fs, directory, base, batch);
}

function stateOfBase(
  fs: FileSystem,
  directory: string,
  { manifest, records, commits }: CheckpointBase,
  batch: number,
): LoadedState {
  const { operators, former = [], snapshots, sourceStates, time } = manifest;
  const last = commits.lastIndexOf(batch);
  const counted = new Set(commits.slice(0, last + 1));
  const deltas: LoggedDelta[] = [];
  const ranges: LoadedState['ranges'][number][] = [];
  for (const { record } of records) {
    if (record.kind === 'offsets') {
      if (record.time <= batch && record.time > (time ?? -Infinity)) ranges.push(record.ranges);
    } else if (counted.has(record.time)) deltas.push(...record.deltas);
  }
  return { fs, directory, batch, warnings: [], operators, former, snapshots, sourceStates, deltas, ranges };
}

const noCheckpoint = (directory: string): EngineError =>
  new EngineError(
    'checkpointForeign',
    `${directory} is not a checkpoint: it has no manifest. Wanted the directory given as --checkpoint`,
  );

/** The rows of one snapshot file. */
export async function* readPiece(fs: FileSystem, { path, byteLength }: SnapshotFile): AsyncGenerator<StateRows> {
  const file = await fs.open(path, 'r');
  try {
    yield* readStateRows({ file, byteLength });
  } finally {
    await file.close();
  }
}
