/**
 * The driver half of saveAsTextFiles: a folder for each batch, as Spark leaves it.
 *
 *   out/words-1700000000000.txt/part-00000     lines of the first task that has any
 *                               part-00001
 *                               _SUCCESS       written last: the folder is whole
 *
 * The batch's time is in the name, so a batch that is committed again takes the place of what it left before: first
 * `_SUCCESS` goes, durably, then the parts are written anew. `_SUCCESS` says in which batch the output began, by which
 * an open knows the folders beyond the last committed batch that are its own: they are emptied. Others that look like
 * it, from another run, are left alone.
 *
 * Until the handle of the first batch is durable, a marker beside the folders holds its time.
 */
import { basename, dirname, join } from 'node:path';
import { EngineError, messageOf } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import { newerFormat } from '../core/format-version.js';
import { storageCure } from '../core/storage-cure.js';
import type { TextFoldersSpec } from '../core/file-sink-spec.js';
import type { Json } from '../core/json.js';
import type { BatchTime } from '../core/time.js';
import { TEMPORARY_FILE } from '../core/write-file-atomic.js';
import { isSamePlace, OutputFiles } from './output-files.js';
import type { SinkDriver, StagedOutput } from './sink.js';
import { stagedParts } from './staged-text.js';

/** What the commit log keeps. */
type TextFoldersHandle = {
  readonly path: string;
  readonly suffix: string;
  /** The latest batch time that is committed. */
  readonly time: number;
  /** Of the batch that was committed last: one that failed before comes after later ones. Absent: `time`. */
  readonly last?: number;
  /** Of the first batch of the output. */
  readonly since: number;
};

const SUCCESS = '_SUCCESS';
const PART = /^part-\d{5,}$/;

export class TextFoldersDriver implements SinkDriver {
  readonly #fs: FileSystem;
  readonly #spec: TextFoldersSpec;
  /** Where the folders lie. */
  readonly #parent: string;
  readonly #marker: string;
  #handle: TextFoldersHandle | undefined;
  /** False once it is known that there is no marker. */
  #mayHaveMarker = true;

  constructor(fs: FileSystem, spec: TextFoldersSpec) {
    this.#fs = fs;
    this.#spec = spec;
    this.#parent = dirname(spec.path);
    this.#marker = join(this.#parent, `.${basename(spec.path)}-${spec.suffix}.first-folder`);
  }

  async open(handle: Json | undefined): Promise<void> {
    try {
      await this.#open(handle);
    } catch (error) {
      if (error instanceof EngineError) throw error;
      const { path } = this.#spec;
      const message = `output ${path} cannot be opened: ${messageOf(error)}; ${storageCure(error, 'its folder')}`;
      throw new EngineError('outputUnwritable', message, { cause: error, detail: { path } });
    }
  }

  async #open(handle: Json | undefined): Promise<void> {
    await new OutputFiles(this.#fs, { path: this.#parent, isFolder: true, prefix: '', extension: '' }).prepare();
    const known = handle as TextFoldersHandle | undefined;
    const { path, suffix } = this.#spec;
    const isHere = known !== undefined && known.suffix === suffix && isSamePlace(known.path, path);
    this.#handle = isHere ? known : undefined;
    if (isHere) {
      for (const time of await this.#times()) {
        if (time > known.time && (await this.#timeIn(join(this.#folderOf(time), SUCCESS))) === known.since)
          await this.#empty(time);
      }
      await this.#dropMarker();
    } else {
      const marked = await this.#timeIn(this.#marker);
      if (marked !== undefined) await this.#empty(marked);
    }
  }

  async commit(time: BatchTime, staged: readonly StagedOutput[]): Promise<Json> {
    const before = this.#handle;
    if (before !== undefined && time === (before.last ?? before.time)) return before;
    const since = before?.since ?? time;
    try {
      // That a further batch comes means that the handle of the one before is durable.
      if (before !== undefined) await this.#dropMarker();
      else await this.#placeMarker(time);
      await this.#write(
        time,
        since,
        staged.filter(output => output.numRows > 0),
      );
    } catch (error) {
      if (error instanceof EngineError) throw error;
      const folder = this.#folderOf(time);
      throw new EngineError(
        'sinkFailed',
        `output ${folder} could not be written: ${messageOf(error)}; ${storageCure(error, 'it')}`,
        { cause: error, detail: { path: folder } },
      );
    }
    const { path, suffix } = this.#spec;
    return (this.#handle = { path, suffix, time: Math.max(time, before?.time ?? time), last: time, since });
  }

  async close(): Promise<void> {}

  #folderOf(time: number): string {
    const { path, suffix } = this.#spec;
    return `${path}-${time}${suffix === '' ? '' : `.${suffix}`}`;
  }

  async #write(time: number, since: number, parts: readonly StagedOutput[]): Promise<void> {
    const folder = this.#folderOf(time);
    await this.#empty(time);
    await this.#fs.mkdir(folder);
    // 'wx': a driver that comes back late and does not own the checkpoint any more empties nothing of its successor's.
    await Promise.all(parts.map((part, i) => this.#writeFile(join(folder, partName(i)), stagedParts(part).rows, 'wx')));
    // No name of a part may be lost where that of _SUCCESS is not.
    await Promise.all([this.#fs.syncDirectory(folder), this.#fs.syncDirectory(this.#parent)]);
    await this.#fs.writeFileAtomic(join(folder, SUCCESS), noteOf(since));
  }

  async #writeFile(path: string, buffers: readonly Uint8Array[], flags: 'w' | 'wx'): Promise<void> {
    const file = await this.#fs.open(path, flags);
    try {
      await file.write(buffers, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Takes what a batch left out of its folder, if there is one; what somebody else put there stays. */
  async #empty(time: number): Promise<void> {
    const folder = this.#folderOf(time);
    const names = await this.#namesIn(folder);
    if (names.includes(SUCCESS)) {
      await this.#fs.remove(join(folder, SUCCESS));
      await this.#fs.syncDirectory(folder);
    }
    const rest = names.filter(name => PART.test(name) || (name.startsWith(SUCCESS) && TEMPORARY_FILE.test(name)));
    for (const name of rest) await this.#fs.remove(join(folder, name));
    if (rest.length > 0) await this.#fs.syncDirectory(folder);
  }

  /** Times of the batches that there are folders of, whoever made them. */
  async #times(): Promise<number[]> {
    const prefix = `${basename(this.#spec.path)}-`;
    const ending = this.#spec.suffix === '' ? '' : `.${this.#spec.suffix}`;
    const names = await this.#namesIn(this.#parent);
    return names.flatMap(name => {
      const digits = name.slice(prefix.length, name.length - ending.length);
      return name.startsWith(prefix) && name.endsWith(ending) && /^\d+$/.test(digits) ? [Number(digits)] : [];
    });
  }

  async #placeMarker(time: number): Promise<void> {
    // Torn by a crash it says nothing, and no folder was begun yet.
    await this.#writeFile(this.#marker, [noteOf(time)], 'w');
    await this.#fs.syncDirectory(this.#parent);
    this.#mayHaveMarker = true;
  }

  async #dropMarker(): Promise<void> {
    if (!this.#mayHaveMarker) return;
    await this.#fs.remove(this.#marker);
    this.#mayHaveMarker = false;
  }

  /** The first batch that a marker or a `_SUCCESS` of ours names; undefined for no file or another's. */
  async #timeIn(path: string): Promise<number | undefined> {
    const bytes = await orNothing(this.#fs.readFile(path));
    const match = bytes === undefined ? null : NOTE.exec(Buffer.from(bytes).toString('latin1'));
    if (match === null) return undefined;
    const version = Number(match[1] ?? VERSION);
    if (version > VERSION) throw newerFormat(path, version, VERSION);
    return Number(match[2]);
  }

  async #namesIn(folder: string): Promise<readonly string[]> {
    return (await orNothing(this.#fs.readdir(folder))) ?? [];
  }
}

const partName = (index: number): string => `part-${String(index).padStart(5, '0')}`;

/** Of what `_SUCCESS` and the marker say; without one it is 1. */
const VERSION = 1;
const NOTE = /^sluice(?: version (\d+))? since (\d+)\n$/;
const noteOf = (since: number): Uint8Array => Buffer.from(`sluice version ${VERSION} since ${since}\n`);

/** What is read, or undefined where there is none. */
async function orNothing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
