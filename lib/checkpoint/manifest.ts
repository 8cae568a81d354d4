/**
 * The manifest names all that a restart needs: snapshot files begun at one batch time, or before where their key groups have
 * not changed since; the state of the sources and sinks at that time; and where in the log the batches after it begin. It is replaced atomically, after everything it names
 * is durable, and the one before is kept with its files.
 */
import { join } from 'node:path';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import type { KeyGroupRange } from '../core/hash.js';
import type { Json } from '../core/json.js';
import { decodeCheckedJson, encodeCheckedJson } from './checked-json.js';
import { corrupt, hasCode, isSnapshotName, MANIFEST, PREVIOUS_MANIFEST } from './checkpoint-files.js';
import { encodeRunRecord, runRecordOf, type RunRecord } from './run-record.js';

/** An operator with state, as a checkpoint remembers it. */
export interface OperatorInfo {
  readonly id: string;
  /** What it does: state of another kind does not fit. */
  readonly kind: string;
  /** Key and value columns, as `formatSchema` prints them. */
  readonly keys: string;
  readonly values: string;
  /** What running aggregates mean, by name: `sum(size) where action = "click"`. Not in manifests of before it was noted. */
  readonly aggregates?: { readonly [name: string]: string };
  /** Of what the job's functions keep, as the job counts it; not given: 0. */
  readonly version?: number;
  /** What leads to it, where the job gives it no id; it may change, and the operator is found again by it. */
  readonly path?: string;
}

/** What an operator's state was once: some of the snapshot files and of the log may still be of it. */
export interface FormerOperator extends OperatorInfo {
  /** What those pieces say they are of; empty: nothing, as pieces of before it was noted. */
  readonly definition: string;
}

/**
 * State of some key groups of one operator as one Arrow IPC file. It may be older than the manifest: then none of its key
 * groups has changed since.
 */
export interface SnapshotFile {
  readonly operator: string;
  /** That wrote it, of as many as there were then. */
  readonly partition: number;
  /** Not given: all key groups of the partition, of as many partitions as the operator has files. */
  readonly groups?: KeyGroupRange;
  /** Absolute. */
  readonly path: string;
  readonly byteLength: number;
  readonly crc32: number;
  readonly numRows: number;
  /** What its rows are, as `definitionOf` says; not given: as the operator was when that was not noted. */
  readonly definition?: string;
}

/** A batch that failed and was left out while later ones were committed: a restart runs it again. */
export interface LeftOutBatch {
  readonly time: number;
  /** Of the batch planned before it; null when it was the very first. */
  readonly previousTime: number | null;
}

export interface Manifest {
  /** Of the file that it was read from. */
  readonly formatVersion?: number;
  readonly checkpointId: string;
  readonly job: string;
  readonly fingerprint: string;
  readonly operators: readonly OperatorInfo[];
  /** What some pieces of state are of still, where it is not what `operators` says; not given: none. */
  readonly former?: readonly FormerOperator[];
  readonly numKeyGroups: number;
  /** Grows with every snapshot. */
  readonly generation: number;
  readonly epoch: number;
  /** All commits up to this batch time are in the snapshots, with some changes of later ones; undefined: there is no snapshot yet. */
  readonly time: number | undefined;
  /** Batches up to `time` that were not committed when the snapshots were taken: what they read is in the log. */
  readonly leftOut: readonly LeftOutBatch[];
  readonly writtenMs: number;
  readonly snapshots: readonly SnapshotFile[];
  readonly sourceStates: { readonly [source: string]: Json };
  /** By output id, the handle last committed at `time`. */
  readonly sinks: { readonly [output: string]: Json };
  /** By source id, what its rate controller goes on with. Not in manifests of before there were any. */
  readonly rates?: { readonly [source: string]: Json };
  /** The first log segment that has anything later than `time` or of `leftOut`, and the last one that existed: both must be there. */
  readonly firstSegment: number;
  readonly lastSegment: number;
  /**
   * Snapshots may hold changes of commits in log segments before this one, of none in it or later: a state between two of
   * the former cannot be made of them. Not in manifests of before it was noted: then `lastSegment` bounds it.
   */
  readonly settledSegment?: number;
  /** How its owner was started. */
  readonly run?: RunRecord | undefined;
}

const FORMAT = 'sluice-manifest';
/**
 * 1: a snapshot file for each partition. 2: for key groups, and of earlier snapshots those that are as they were. 3: state
 * of several definitions of an operator; who knows only 2 would take them for one.
 */
export const MANIFEST_VERSION = 3;
/** Of a manifest whose operators have state of one definition each. */
const SINGLE_VERSION = 2;

/** Snapshot files stand in it by their name, so that a checkpoint directory can be moved. */
export function encodeManifest(directory: string, manifest: Manifest): Uint8Array {
  const snapshots = manifest.snapshots.map(({ path, ...file }) => ({
    file: path.slice(join(directory, '/').length).replaceAll('\\', '/'),
    ...file,
  }));
  const { time, formatVersion: _, run, former = [], ...others } = manifest;
  const rest = {
    ...others,
    ...(former.length === 0 ? {} : { former }),
    ...(run === undefined ? {} : { run: encodeRunRecord(run) }),
  };
  const content = { ...rest, time: time ?? null, snapshots } as unknown as { readonly [name: string]: Json };
  return encodeCheckedJson(FORMAT, content, former.length === 0 ? SINGLE_VERSION : MANIFEST_VERSION);
}

/** Reads `name`; undefined when there is none. Throws `checkpointCorrupt` or `checkpointForeign`. */
export async function readManifest(
  fs: FileSystem,
  directory: string,
  name: typeof MANIFEST | typeof PREVIOUS_MANIFEST,
): Promise<Manifest | undefined> {
  const path = join(directory, name);
  let bytes: Uint8Array;
  try {
    bytes = await fs.readFile(path);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
  const { format: _, version, ...decoded } = decodeCheckedJson(FORMAT, bytes, path, MANIFEST_VERSION);
  const content = decoded as unknown as Omit<Manifest, 'time' | 'snapshots' | 'leftOut'> & {
    readonly time: number | null;
    /** Manifests that were written before batches could be left out have none. */
    readonly leftOut?: readonly LeftOutBatch[];
    readonly snapshots: readonly (Omit<SnapshotFile, 'path'> & { readonly file: string })[];
  };
  const snapshots = content.snapshots.map(({ file, ...snapshot }) => {
    if (!isSnapshotName(file))
      throw corrupt(path, undefined, `${JSON.stringify(file)} is not the name of a snapshot file`);
    return { ...snapshot, path: join(directory, file) };
  });
  const run = runRecordOf(content.run as Json | undefined, path);
  return {
    ...content,
    formatVersion: Number(version),
    time: content.time ?? undefined,
    leftOut: content.leftOut ?? [],
    snapshots,
    run,
  };
}

/** The operators of the checkpoint in a directory, without opening it; none where no manifest is whole. Throws what storage throws. */
export async function peekOperators(fs: FileSystem, directory: string): Promise<readonly OperatorInfo[]> {
  for (const name of [MANIFEST, PREVIOUS_MANIFEST] as const) {
    try {
      const manifest = await readManifest(fs, directory, name);
      if (manifest !== undefined) return manifest.operators;
    } catch (thrown) {
      // Whoever opens it says what is wrong with it; a read that failed must not pass for there being nothing.
      if (!(thrown instanceof EngineError || hasCode(thrown, 'ENOTDIR'))) throw thrown;
    }
  }
  return [];
}

/** What the checkpoint in a directory was made with, without opening it; undefined where no manifest can be read. */
export async function peekKeyGroups(fs: FileSystem, directory: string): Promise<number | undefined> {
  try {
    return (await readManifest(fs, directory, MANIFEST))?.numKeyGroups;
  } catch {
    // Whoever opens it says what is wrong.
    return undefined;
  }
}

/**
 * Replaces the manifest. With `previous`, that one is kept as the one before; both replacements are durable in this
 * order, so that after a crash the newest whole manifest is either of the two.
 * @returns bytes written
 */
export async function replaceManifest(
  fs: FileSystem,
  directory: string,
  manifest: Manifest,
  previous: Manifest | undefined,
): Promise<number> {
  const bytes = encodeManifest(directory, manifest);
  if (previous !== undefined) {
    await fs.writeFileAtomic(join(directory, PREVIOUS_MANIFEST), encodeManifest(directory, previous));
  }
  await fs.writeFileAtomic(join(directory, MANIFEST), bytes);
  return bytes.byteLength;
}
