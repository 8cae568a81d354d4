/** The steps by which a driver becomes the owner of a checkpoint directory, before the first batch. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../core/clock.js';
import { FencedFileSystem } from '../core/fenced-file-system.js';
import type { FileSystem } from '../core/file-system.js';
import type { StateUpgrade } from '../core/state-change.js';
import { makeFolder } from '../core/make-folder.js';
import { writeAgain } from '../core/write-again.js';
import { hasCode, LOG_FOLDER, STATE_FOLDER } from './checkpoint-files.js';
import { removeLeftovers } from './leftovers.js';
import { loadCheckpoint, type LoadedCheckpoint } from './load-checkpoint.js';
import { Lock } from './lock.js';
import { findSegments } from './log-chain.js';
import { SEGMENT_HEADER_BYTES } from './log-format.js';
import { LogRetention } from './log-retention.js';
import { replaceManifest, type Manifest, type OperatorInfo } from './manifest.js';
import { matchOperators, type MatchedOperators } from './match-operators.js';
import { isAlive, processIdentity, type ProcessIdentity } from './process-identity.js';
import type { RunRecord } from './run-record.js';
import { readable, refused } from './segment-file.js';
import { WriteAheadLog, type LogStart } from './write-ahead-log.js';

export interface CheckpointOptions {
  /** Name of the job: the checkpoint of another one is refused. */
  readonly job: string;
  /** Of the plan; one that changed is only noted, what decides is whether the operators fit. */
  readonly fingerprint: string;
  readonly operators: readonly OperatorInfo[];
  /** What the job says of states that earlier versions of it left, by operator. */
  readonly upgrades?: ReadonlyMap<string, StateUpgrade>;
  /** For a new checkpoint; an existing one keeps its own. */
  readonly numKeyGroups: number;
  readonly owner?: { readonly pid: number; readonly host: string };
  /** Whether the process named in a lock still runs. For simulations; the default asks the system. */
  readonly isAlive?: (holder: ProcessIdentity) => boolean;
  readonly clock?: Pick<Clock, 'now'>;
  /** How this driver was started, for those that go on with the checkpoint. */
  readonly run?: RunRecord;
}

/** A checkpoint directory that is this driver's. */
export interface OpenedCheckpoint {
  readonly lock: Lock;
  /** Changes nothing once the lock is somebody else's. */
  readonly fs: FileSystem;
  /** What an earlier driver left; undefined at the very first start. */
  readonly loaded: LoadedCheckpoint | undefined;
  readonly warnings: readonly string[];
  readonly changes: MatchedOperators['changes'];
  readonly current: Manifest;
  readonly log: WriteAheadLog;
  readonly retention: LogRetention;
}

const NOTHING: MatchedOperators = { warnings: [], changes: new Map(), former: [] };

/** @param directory absolute */
export async function openCheckpoint(
  fs: FileSystem,
  directory: string,
  options: CheckpointOptions,
  clock: Pick<Clock, 'now'>,
): Promise<OpenedCheckpoint> {
  const lock = await refused(directory, async () => {
    await makeFolder(fs, join(directory, LOG_FOLDER));
    await makeFolder(fs, join(directory, STATE_FOLDER));
    return acquire(fs, directory, options, clock);
  });
  try {
    const loaded = await readable(directory, () => loadCheckpoint(fs, directory, options.job));
    const matched =
      loaded === undefined ? NOTHING : matchOperators(directory, loaded, options.operators, options.upgrades);
    const fenced = new FencedFileSystem(fs, () => lock.check());
    const begun = await refused(directory, () =>
      begin(fenced, directory, options, clock, lock, loaded, matched.former),
    );
    const { changes, warnings } = matched;
    return { lock, fs: fenced, loaded, warnings: [...(loaded?.warnings ?? []), ...warnings], changes, ...begun };
  } catch (thrown) {
    // What went wrong first is what the user must see.
    await Promise.allSettled([lock.release()]);
    throw thrown;
  }
}

async function acquire(
  fs: FileSystem,
  directory: string,
  options: CheckpointOptions,
  clock: Pick<Clock, 'now'>,
): Promise<Lock> {
  const { pid, host } = options.owner ?? { pid: process.pid, host: hostname() };
  const segments = await findSegments(fs, directory);
  return Lock.acquire(fs, directory, {
    identity: processIdentity(pid, host),
    isAlive: options.isAlive ?? isAlive,
    nowMs: clock.now(),
    epochFloor: Math.max(0, ...segments.map(segment => segment.header?.epoch ?? 0)),
  });
}

/** Begins the owner's own log segment and names it in the manifest. */
async function begin(
  fs: FileSystem,
  directory: string,
  options: CheckpointOptions,
  clock: Pick<Clock, 'now'>,
  lock: Lock,
  loaded: LoadedCheckpoint | undefined,
  former: MatchedOperators['former'],
): Promise<{ current: Manifest; log: WriteAheadLog; retention: LogRetention }> {
  await removeLeftovers(fs, directory, loaded);
  const { job, fingerprint, operators, numKeyGroups } = options;
  const checkpointId = loaded?.manifest.checkpointId ?? randomBytes(8).toString('hex');
  const epoch = Math.max(lock.holder.epoch, (loaded?.epoch ?? 0) + 1);
  const last = loaded?.log.segments.at(-1);
  // The owner before may have been killed between a write, or a rename, and its sync, or its sync failed: what was read
  // need not be on disk, and the new segment's header and the manifest are about to say that it is.
  if (last !== undefined) await writeAgain(fs, last.path, last.lastFrame, last.end);
  for (const folder of ['', LOG_FOLDER, STATE_FOLDER]) await fs.syncDirectory(join(directory, folder));
  const start = {
    checkpointId,
    epoch,
    segment: (loaded?.lastFoundSegment ?? 0) + 1,
    previous: last?.segment ?? 0,
    previousEnd: last?.end ?? SEGMENT_HEADER_BYTES,
    firstSequence: loaded?.log.nextSequence ?? 1,
  };
  const log = await startLog(fs, directory, start, lock);
  const { segment } = log;
  try {
    await lock.check();
    const first = {
      checkpointId,
      numKeyGroups,
      generation: 1,
      time: undefined,
      leftOut: [],
      snapshots: [],
      sourceStates: {},
      sinks: {},
    };
    const writtenMs = loaded?.manifest.writtenMs ?? clock.now();
    const kept = loaded?.manifest ?? { ...first, firstSegment: segment };
    const { run } = options;
    // Pieces that are there stay as they are; what they are of must be known until none of them is left.
    const now = { job, fingerprint, operators, former };
    const current: Manifest = { ...kept, ...now, epoch, writtenMs, lastSegment: segment, run };
    await replaceManifest(fs, directory, current, undefined);
    return { current, log, retention: LogRetention.of(loaded, segment) };
  } catch (thrown) {
    await log.close();
    throw thrown;
  }
}

/** A segment name may have been taken by an owner that has lost its lock since and will never name it in a manifest. */
async function startLog(fs: FileSystem, directory: string, start: LogStart, lock: Lock): Promise<WriteAheadLog> {
  for (let { segment } = start; ; segment++) {
    try {
      return await WriteAheadLog.start(fs, directory, { ...start, segment }, () =>
        refused(lock.path, () => lock.check()),
      );
    } catch (thrown) {
      if (!hasCode(thrown, 'EEXIST')) throw thrown;
    }
  }
}
