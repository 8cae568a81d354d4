/**
 * The durable side of a running job: which batches were planned, which are committed, and their state. One driver owns a
 * checkpoint directory at a time (lock.ts). Order of calls:
 *
 *   open -> { store, recovered }
 *   per batch t, in order:   logOffsets(t)   syncOffsets() before t's sinks commit   logCommit(t)
 *   from time to time:       snapshotPath() per operator and partition, files written by workers, writeManifest(t)
 *   close
 *
 * Offsets and commit go to one log, so a batch that has nothing to commit in sinks skips syncOffsets() and costs one
 * sync in all; batches in flight at once share syncs. What crashed is found as it was: a batch whose logCommit resolved
 * is committed, one whose syncOffsets resolved is planned; of the calls that had not resolved some may be found done.
 */
import { basename, join, resolve } from 'node:path';
import { SystemClock, type Clock } from '../core/clock.js';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import type { KeyGroupRange } from '../core/hash.js';
import type { Json } from '../core/json.js';
import { encodeCommit, encodeOffsets, type BatchCommit, type RangesBySource } from './batch-record.js';
import {
  isSnapshotName,
  LOG_FOLDER,
  namesIn,
  segmentNumber,
  segmentPath,
  snapshotName,
  STATE_FOLDER,
} from './checkpoint-files.js';
import type { Lock } from './lock.js';
import { COMMIT_RECORD, OFFSETS_RECORD, RECORD_HEADER_BYTES, type RecordKind } from './log-format.js';
import type { LogRetention } from './log-retention.js';
import { replaceManifest, type LeftOutBatch, type Manifest, type SnapshotFile } from './manifest.js';
import { openCheckpoint, type CheckpointOptions, type OpenedCheckpoint } from './open-checkpoint.js';
import { lastTime, recover, type RecoveredCheckpoint } from './recovered-checkpoint.js';
import { refused } from './segment-file.js';
import { definitionOf } from './state-definition.js';
import type { WriteAheadLog } from './write-ahead-log.js';

export type { CheckpointOptions } from './open-checkpoint.js';

/** What a restart begins with, of one batch time: state in snapshot files, the rest as data. */
export interface Snapshot {
  /** All commits up to here are in the snapshots. Of later ones some changes may be: they are committed, and all in the log. */
  readonly time: number;
  readonly snapshots: readonly SnapshotFile[];
  /** By source id, what `SourceDriver.state()` gave when exactly the batches up to `time` were planned. */
  readonly sourceStates: { readonly [source: string]: Json };
  /** By output id, the handle last committed up to `time`. */
  readonly sinks: { readonly [output: string]: Json };
  /** By source id, what its rate controller goes on with; of the last batch or a later one, correctness doesn't hang on it. */
  readonly rates?: { readonly [source: string]: Json };
  /** Batches up to `time` that failed and are not in the snapshots: they stay planned, and a restart runs them again. */
  readonly leftOut?: readonly number[];
}

/** A batch that is planned and not committed. */
interface OpenBatch extends LeftOutBatch {
  /** The log segment with what it reads; or a later one. */
  readonly segment: number;
}

export class CheckpointStore {
  readonly directory: string;
  readonly numKeyGroups: number;
  readonly epoch: number;
  readonly #fs: FileSystem;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #lock: Lock;
  readonly #log: WriteAheadLog;
  readonly #retention: LogRetention;
  /** What is written of each operator's state. */
  readonly #definitions: ReadonlyMap<string, string>;
  /** The first log segment that has nothing but this run's. */
  readonly #ownSegment: number;
  #current: Manifest;
  /** The generation before `#current`, whose files are kept. */
  #previous: Manifest | undefined;
  #lastPlanned: number;
  /** Planned and not committed, by time. */
  readonly #open = new Map<number, OpenBatch>();
  #lastCommitted: number;
  /** Of commits that are known to be durable. */
  #lastDurable: number;
  #writingManifest = false;
  #closed = false;

  private constructor(directory: string, clock: Pick<Clock, 'now'>, opened: OpenedCheckpoint) {
    const { current, loaded } = opened;
    this.#fs = opened.fs;
    this.#clock = clock;
    this.#lock = opened.lock;
    this.#log = opened.log;
    this.#retention = opened.retention;
    this.#definitions = new Map(current.operators.map(operator => [operator.id, definitionOf(operator)]));
    this.#ownSegment = current.lastSegment;
    this.#current = current;
    this.#previous = loaded?.previous;
    this.directory = directory;
    this.numKeyGroups = current.numKeyGroups;
    this.epoch = current.epoch;
    for (const { time, previousTime = null, segment, committed } of loaded?.batches ?? [])
      if (!committed) this.#open.set(time, { time, previousTime, segment });
    this.#lastPlanned = lastTime(loaded?.batches ?? [], current.time) ?? -Infinity;
    this.#lastCommitted = lastTime(loaded?.commits ?? [], current.time) ?? -Infinity;
    this.#lastDurable = this.#lastCommitted;
  }

  /**
   * Takes the checkpoint in `directory`, which is created when missing, and finds what an earlier driver left there.
   * `recovered` is undefined at the very first start. Throws `checkpointUnwritable`, `checkpointLocked`,
   * `checkpointForeign` or `checkpointCorrupt`; the lock is given back then and the rest is as it was.
   */
  static async open(
    fs: FileSystem,
    directory: string,
    options: CheckpointOptions,
  ): Promise<{ readonly store: CheckpointStore; readonly recovered: RecoveredCheckpoint | undefined }> {
    const path = resolve(directory);
    const clock = options.clock ?? new SystemClock();
    const opened = await openCheckpoint(fs, path, options, clock);
    const { current, loaded, warnings, changes } = opened;
    return {
      store: new CheckpointStore(path, clock, opened),
      recovered: loaded && recover(current, loaded, warnings, changes),
    };
  }

  /** While this file is there, nobody else has the checkpoint. */
  get lockPath(): string {
    return this.#lock.path;
  }

  /** Throws `checkpointFenced` once another driver has taken the checkpoint over. Microseconds. */
  checkOwner(): Promise<void> {
    return this.#lock.check();
  }

  /** Bytes in the log about batches after the newest snapshot: what a restart would have to go through. */
  get bytesSinceSnapshot(): number {
    return this.#retention.bytesSinceSnapshot;
  }

  /** Batch time of the newest snapshot, or undefined. */
  get snapshotTime(): number | undefined {
    return this.#current.time;
  }

  /**
   * Notes what batch `time` reads; times must grow. Nothing is written yet. A batch that an earlier driver planned is
   * noted already. Throws `checkpointFenced` or `checkpointUnwritable` after an earlier failure.
   */
  logOffsets(time: number, ranges: RangesBySource): void {
    if (time <= this.#lastPlanned) {
      throw new EngineError('internal', `offsets of batch ${time} come after those of batch ${this.#lastPlanned}`);
    }
    const { segment } = this.#log;
    this.#append(OFFSETS_RECORD, time, encodeOffsets(ranges));
    this.#open.set(time, { time, previousTime: this.#lastPlanned === -Infinity ? null : this.#lastPlanned, segment });
    this.#lastPlanned = time;
  }

  /**
   * Adds to what batch `time` reads: by names beside those of its sources, replacing what was added before under the
   * same name. For a batch that is planned and not committed; durable, as offsets are, with the next `syncOffsets`.
   */
  logChoice(time: number, added: RangesBySource): void {
    if (!this.#open.has(time))
      throw new EngineError('internal', `batch ${time} is not open: nothing can be added to it`);
    this.#append(OFFSETS_RECORD, time, encodeOffsets(added));
  }

  /** Resolves when all that was logged so far is durable. Sinks may commit a batch only after that. */
  syncOffsets(): Promise<void> {
    return this.#log.sync();
  }

  /**
   * Logs that batch `time` is committed, with its changes of state; resolves when that is durable. It must be planned;
   * an older one than the last comes when it had failed and was left out. `deltas` are written from where they are and must not change until then. Rejects with
   * `checkpointFenced` when another driver took the checkpoint over: this one must stop.
   */
  async logCommit(time: number, commit: BatchCommit): Promise<void> {
    if (!this.#open.has(time)) {
      const last = `last planned ${this.#lastPlanned}, last committed ${this.#lastCommitted}`;
      throw new EngineError(
        'internal',
        `commit of batch ${time}, which is not planned or is committed already (${last})`,
      );
    }
    const deltas = commit.deltas.map(delta => ({ ...delta, definition: this.#definitions.get(delta.operator) }));
    this.#append(COMMIT_RECORD, time, encodeCommit({ ...commit, deltas }));
    this.#open.delete(time);
    this.#lastCommitted = Math.max(this.#lastCommitted, time);
    await this.#log.sync();
    this.#lastDurable = Math.max(this.#lastDurable, time);
  }

  /**
   * Where a worker puts the snapshot of one operator's partition, or of some of its key groups, for the next `writeManifest`. A file that is there is
   * left over and is to be replaced. The worker syncs the file; its name is made durable by `writeManifest`.
   */
  snapshotPath(operator: string, partition: number, time: number, groups?: KeyGroupRange): string {
    return join(this.directory, snapshotName(operator, partition, time, this.#current.generation + 1, groups));
  }

  /**
   * Makes a snapshot the one that a restart begins with. Batches go on meanwhile; a commit waits while the log changes
   * its file. The generation before is kept, older files are removed. One at a time.
   * Files of earlier snapshots that it names are kept.
   * @returns bytes of the snapshot files that are new, and of the manifest
   */
  async writeManifest(snapshot: Snapshot): Promise<{ readonly bytes: number }> {
    if (this.#writingManifest)
      throw new EngineError('internal', `${this.directory}: a manifest is already being written`);
    const leftOut = new Set(snapshot.leftOut);
    const isOpen = [...this.#open.keys()].some(time => time <= snapshot.time && !leftOut.has(time));
    if (isOpen || (snapshot.time > this.#lastDurable && !leftOut.has(snapshot.time))) {
      throw new EngineError(
        'internal',
        `snapshot of batch ${snapshot.time}, but only ${this.#lastDurable} is committed`,
      );
    }
    this.#writingManifest = true;
    try {
      return await refused(this.directory, () => this.#replaceManifest(snapshot));
    } finally {
      this.#writingManifest = false;
    }
  }

  /** Writes what waits, and gives the lock back. After a failed write only the files are closed. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#log.close();
    } finally {
      await this.#lock.release();
    }
  }

  #append(kind: RecordKind, time: number, payload: readonly Uint8Array[]): void {
    this.#log.append(kind, time, payload);
    const payloadBytes = payload.reduce((sum, part) => sum + part.byteLength, 0);
    this.#retention.add(this.#log.segment, time, RECORD_HEADER_BYTES + payloadBytes);
  }

  async #replaceManifest({
    time,
    snapshots,
    sourceStates,
    sinks,
    rates,
    leftOut = [],
  }: Snapshot): Promise<{ readonly bytes: number }> {
    let bytes = 0;
    const known = new Map(this.#current.snapshots.map(file => [file.path, file]));
    const files: SnapshotFile[] = [];
    for (const file of snapshots) {
      const { path, byteLength, operator } = file;
      const definition = this.#definitions.get(operator);
      files.push(known.get(path) ?? { ...file, ...(definition === undefined ? {} : { definition }) });
      if (known.has(path)) continue;
      const { size } = await this.#fs.stat(path);
      if (size !== byteLength)
        throw new EngineError('internal', `${path} has ${size} bytes, its worker wrote ${byteLength}`);
      bytes += size;
    }
    await this.#fs.syncDirectory(join(this.directory, STATE_FOLDER));
    const lastSegment = await this.#log.roll();
    const stillOpen = leftOut.flatMap(left => this.#open.get(left) ?? []);
    const firstSegment = Math.min(
      this.#retention.firstAfter(time, lastSegment),
      ...stillOpen.map(({ segment }) => segment),
    );
    const old = this.#current;
    const next: Manifest = {
      ...old,
      generation: old.generation + 1,
      writtenMs: this.#clock.now(),
      time,
      leftOut: stillOpen.map(({ time: left, previousTime }) => ({ time: left, previousTime })),
      snapshots: files,
      former: (old.former ?? []).filter(
        ({ id, definition }) =>
          firstSegment < this.#ownSegment ||
          files.some(file => file.operator === id && (file.definition ?? '') === definition),
      ),
      sourceStates,
      sinks,
      rates: rates ?? {},
      firstSegment,
      lastSegment,
      settledSegment: lastSegment,
    };
    await this.#lock.check();
    bytes += await replaceManifest(this.#fs, this.directory, next, old);
    this.#previous = old;
    this.#current = next;
    this.#retention.snapshotAt(time);
    await this.#removeUnused();
    return { bytes };
  }

  /**
   * Removes what neither manifest names, whoever left it. What a crash leaves of that goes with the next snapshot or at the
   * next open. The names are looked up before the lock is looked at (each removal does): those of a successor are not
   * among them.
   */
  async #removeUnused(): Promise<void> {
    const manifests = [this.#current, ...(this.#previous === undefined ? [] : [this.#previous])];
    const kept = new Set(manifests.flatMap(({ snapshots }) => snapshots.map(file => basename(file.path))));
    const folder = join(this.directory, STATE_FOLDER);
    const names = await namesIn(this.#fs, folder);
    const firstKept = Math.min(...manifests.map(({ firstSegment }) => firstSegment));
    const segments = (await namesIn(this.#fs, join(this.directory, LOG_FOLDER))).flatMap(
      name => segmentNumber(name) ?? [],
    );
    await this.#lock.check();
    for (const name of names)
      if (isSnapshotName(`${STATE_FOLDER}/${name}`) && !kept.has(name)) await this.#fs.remove(join(folder, name));
    for (const segment of segments)
      if (segment < firstKept) await this.#fs.remove(segmentPath(this.directory, segment));
    this.#retention.dropBefore(firstKept);
  }
}
