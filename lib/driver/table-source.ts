/**
 * The driver half of a static table, in the form of a source: in each batch the plan names the table's version if it is
 * another than the batch's before, so the offset log and the checkpoint say what each batch reads. The version itself is
 * kept before it is named.
 */
import { EngineError, messageOf } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import type { Json } from '../core/json.js';
import { sharedCopy } from '../core/shared-bytes.js';
import type { BatchTime } from '../core/time.js';
import type { TableSource } from '../api/static-table.js';
import type { BroadcastVersion } from '../api/broadcast.js';
import type { PlanLimit, SourceDriver, SourcePlan } from '../sources/source.js';
import { checkTable, readTable, type FileMark, type ReadTable } from './read-table.js';
import {
  isSameContent,
  nameOf,
  TableVersions,
  versionNameOf,
  type TableVersion,
  type VersionName,
} from './table-versions.js';

/** What a checkpoint holds: the version, and what batches read that are not committed yet and had another. */
type TableState = {
  readonly latest: VersionName | null;
  readonly earlier: readonly { readonly time: number; readonly read: VersionName }[];
};

/** Looks at a file that is being written when a run without a version begins. */
const MAX_TRIES = 5;

export interface TableSourceOptions {
  readonly id: string;
  readonly source: TableSource;
  readonly fs: FileSystem;
  /** Where versions are kept; undefined: nowhere, nothing outlives the run. */
  readonly folder: string | undefined;
  readonly limitBytes: number;
  readonly warn: (message: string) => void;
}

export class StaticTableSource implements SourceDriver {
  readonly #options: TableSourceOptions;
  readonly #versions: TableVersions;
  /** What batches read that are planned and not committed. */
  readonly #byTime = new Map<number, TableVersion>();
  /** The same as the checkpoint has it, of batches that may be committed. */
  readonly #logged = new Map<number, TableVersion>();
  #planned: TableVersion | undefined;
  /** What was read and is in no plan yet. */
  #found: ReadTable | undefined;
  #mark: FileMark | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #lastTime = Number.NEGATIVE_INFINITY;
  #warning = '';
  /** Why the last version that was found is not used. */
  #refusal: unknown;

  constructor(options: TableSourceOptions) {
    this.#options = options;
    this.#versions = new TableVersions(options.fs, options.folder);
  }

  /** What the batch of that time reads, as tasks are told. */
  versionAt(time: number): BroadcastVersion {
    const at = this.#byTime.get(time) ?? this.#planned;
    if (at === undefined) throw new EngineError('internal', `table '${this.#options.id}' has no version at ${time}`);
    return { version: at.name.version, bytes: at.bytes };
  }

  async start(state: Json | undefined): Promise<void> {
    await this.#versions.open();
    if (state !== undefined && state !== null) {
      const { latest, earlier } = state as TableState;
      for (const { time, read } of earlier) this.#logged.set(time, this.#versions.get(read));
      if (latest !== null) this.#planned = this.#versions.get(latest);
    }
    for (let tries = 0; tries < MAX_TRIES && this.#planned === undefined && this.#found === undefined; tries++) {
      await this.#look();
    }
  }

  replay(ranges: readonly Json[], time: number): void {
    for (const range of ranges) this.#planned = this.#versions.get(versionNameOf(range));
    if (this.#planned !== undefined) this.#logged.set(time, this.#planned);
    this.#lastTime = time;
  }

  hold(_ranges: readonly Json[], time: number): void {
    const version = this.#logged.get(time) ?? this.#planned ?? this.#unnamed();
    if (version !== undefined) this.#byTime.set(time, version);
  }

  async plan({ time }: PlanLimit): Promise<SourcePlan> {
    const { refreshMs } = this.#options.source;
    // Never means once a run: the first look is here, behind the replays, unless the start had to have one.
    if (time - this.#lookedAt >= (refreshMs ?? Infinity)) {
      this.#lookedAt = time;
      if (this.#found === undefined) await this.#look();
    }
    this.#logged.clear();
    const before = this.#planned;
    const planned = await this.#take();
    this.#byTime.set(time, planned);
    this.#lastTime = time;
    this.#forget();
    return { ranges: planned === before ? [] : [planned.name], bytes: 0, records: 0, caughtUp: true };
  }

  async commit(time: BatchTime): Promise<void> {
    this.#byTime.delete(time);
    this.#forget();
  }

  checkpointed(time: BatchTime): void {
    void this.#versions.snapshotTaken(time);
  }

  /** A batch that failed and was left out is run again after later ones, on what it read the first time. */
  state(): Json {
    const earlier = [...this.#byTime].filter(([, version]) => version !== this.#planned);
    const state: TableState = {
      latest: this.#planned?.name ?? null,
      earlier: earlier.map(([time, { name }]) => ({ time, read: name })),
    };
    return state;
  }

  async stop(): Promise<void> {}
  /**
   * Reads the table if it is another. The first version must be there; later the one in use stays in use, and a warning
   * says why, unless the job wants to fail for a bad record.
   */
  async #look(): Promise<void> {
    const { id, source, fs, limitBytes } = this.#options;
    try {
      const read = await readTable(fs, id, source, this.#mark);
      if (read === undefined) return;
      this.#mark = read.mark;
      this.#warn(checkTable(id, source, read.bytes, limitBytes));
      this.#found = read;
    } catch (error) {
      const isFailure = error instanceof EngineError && error.code === 'badRecord' && failsOnBadRecord(source);
      // What an earlier run kept may be named by a replay that is still to come.
      if (isFailure || (this.#planned === undefined && this.#versions.isEmpty)) throw error;
      this.#found = undefined;
      this.#refusal = error;
      this.#warn(`${messageOf(error)}. The version before stays in use`);
    }
  }

  /** Of a table that is new in the job: a batch that an earlier one planned reads what is there now. */
  #unnamed(): TableVersion | undefined {
    const bytes = this.#found?.bytes;
    return bytes && { name: nameOf(0, bytes), bytes: sharedCopy(bytes) };
  }

  /** The version that a batch is planned with; a new one is kept before the batch may name it. */
  async #take(): Promise<TableVersion> {
    const { id } = this.#options;
    const before = this.#planned;
    const bytes = this.#found?.bytes;
    // Written again with the same content it is the same version.
    if (bytes !== undefined && (before === undefined || !isSameContent(nameOf(0, bytes), before.name))) {
      this.#planned = await this.#versions.add((before?.name.version ?? 0) + 1, bytes);
    }
    this.#found = undefined;
    if (this.#planned !== undefined) return this.#planned;
    const message = `table '${id}' was written whenever it was read: write it under another name and rename it when it is whole`;
    throw this.#refusal ?? new EngineError('inputMissing', message);
  }

  #forget(): void {
    const versions = this.#planned === undefined ? [] : [this.#planned];
    const needed = [...versions, ...this.#byTime.values()].map(({ name }) => name.version);
    this.#versions.keepOnly(new Set(needed), this.#lastTime);
  }

  /** Once, however often it is found. */
  #warn(message: string | undefined): void {
    if (message !== undefined && message !== this.#warning) this.#options.warn(message);
    this.#warning = message ?? '';
  }
}

const failsOnBadRecord = ({ content }: TableSource): boolean =>
  content.kind === 'file' && content.format.onBadRecord === 'fail';
