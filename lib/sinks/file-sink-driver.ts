/**
 * The driver half of the file sink: appends each batch's staged bytes to a file, syncs it, and says how long it is now.
 * That length, in the commit log, is what makes the output exactly-once: what lies beyond it after a crash was never
 * committed and is cut off at the next open, and the batch is committed again.
 *
 *   part-000000.csv   |header|batch 1|batch 2|batch 3|        rolled: reached its size or age at the end of batch 3
 *   part-000001.csv   |header|batch 4|ba                      handle: file 1, length up to batch 4
 *                                    ^ the process died here; cut at the next open
 *
 * Whoever reads the files sees whole rows of committed batches, and the rows of the batch that is being committed just
 * now as they are written.
 *
 * The first batch of an output has no handle before it, and a file without a handle could be anybody's. So an output
 * must be empty when it is first opened, and a marker file, durable before the first byte, says until the second commit
 * that what is there is ours and not committed for sure: only then may an open without a handle empty it.
 */
import { EngineError, messageOf } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import { storageCure } from '../core/storage-cure.js';
import type { Json } from '../core/json.js';
import type { BatchTime } from '../core/time.js';
import { isSamePlace, OutputFiles, type OutputPlace } from './output-files.js';
import type { SinkDriver, StagedOutput } from './sink.js';
import type { RollOptions } from '../core/file-sink-spec.js';
import { stagedParts, type StagedParts } from './staged-text.js';

export interface FileSinkOptions extends OutputPlace, RollOptions {
  /** Whether each file begins with the column names, where the rows have any. */
  readonly hasHeader: boolean;
  /** How staged output is taken apart; default: as the text that it is. */
  readonly partsOf?: (staged: StagedOutput) => StagedParts;
}

/** What the commit log keeps. */
type FileSinkHandle = {
  readonly path: string;
  /** Number of the file that is written now; 0 for a single file. */
  readonly file: number;
  /** Committed bytes of it. */
  readonly length: number;
  /** Time of the last committed batch, and of the first one in this file. */
  readonly time: number;
  readonly started: number;
  /** The column names as a CSV record, of Arrow files with their types; '' where rows have none. */
  readonly names: string;
};

/** It goes into the name of a file. */
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

export class FileSinkDriver implements SinkDriver {
  readonly #options: FileSinkOptions;
  readonly #files: OutputFiles;
  #handle: FileSinkHandle | undefined;
  /** Whether the current file is there. */
  #exists = false;
  #hasMarker = false;

  constructor(fs: FileSystem, options: FileSinkOptions) {
    this.#options = options;
    this.#files = new OutputFiles(fs, options);
  }

  async open(handle: Json | undefined): Promise<void> {
    const { path } = this.#options;
    await this.#named('outputUnwritable', `output ${path} cannot be opened`, () => this.#open(handle));
  }

  async #open(handle: Json | undefined): Promise<void> {
    await this.#files.prepare();
    this.#hasMarker = await this.#files.hasMarker();
    const known = handle as FileSinkHandle | undefined;
    if (known !== undefined && !isCount(known.file)) {
      throw new EngineError(
        'checkpointCorrupt',
        `the checkpoint says that ${this.#options.path} ends in file ${JSON.stringify(known.file)}, which is no number of one: ` +
          'put the checkpoint directory back from a copy, or start with a new one',
        { detail: { path: this.#options.path } },
      );
    }
    // An output that the job now writes elsewhere begins anew there. One place may be named in two ways; and a relative
    // name stays itself when the whole folder was moved.
    if (known !== undefined && isSamePlace(known.path, this.#options.path)) await this.#openAt(known);
    else await this.#openEmpty();
  }

  async commit(time: BatchTime, staged: readonly StagedOutput[]): Promise<Json> {
    const { path } = this.#options;
    return this.#named('sinkFailed', `output ${path} could not be written`, () => this.#commit(time, staged));
  }

  async #commit(time: BatchTime, staged: readonly StagedOutput[]): Promise<Json> {
    const before = this.#handle;
    // An older one was left out when it failed, and comes now.
    if (before !== undefined && time === before.time) return before;
    // That a further batch comes means that the handle of the one before is durable.
    if (before !== undefined && this.#hasMarker) await this.#dropMarker();
    const parts = staged.filter(output => output.numRows > 0).map(this.#options.partsOf ?? stagedParts);
    const start = before ?? this.#startOfFile(0, time, '');
    const [first] = parts;
    if (first === undefined) return (this.#handle = { ...start, time });
    const names = this.#namesOf(parts.map(part => part.names));
    const target = this.#rolls(start, time, names)
      ? this.#startOfFile(start.file + 1, time, names)
      : { ...start, names };
    if (target.file !== start.file) this.#exists = false;
    const rows = parts.flatMap(part => part.rows);
    const hasHeader = this.#options.hasHeader && target.length === 0 && names !== '';
    const buffers = hasHeader ? [first.header, ...rows] : rows;
    if (before === undefined && !this.#hasMarker) await this.#placeMarker();
    await this.#append(target, buffers);
    const numBytes = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
    const started = target.length === 0 ? time : target.started;
    return (this.#handle = { ...target, length: target.length + numBytes, time, started });
  }

  async close(): Promise<void> {
    await this.#files.close();
  }

  async #openEmpty(): Promise<void> {
    this.#handle = undefined;
    const { path, isFolder } = this.#options;
    const indexes = await this.#files.indexes();
    const size = indexes.length === 0 ? 0 : ((await this.#files.sizeOf(indexes[0])) ?? 0);
    if (this.#hasMarker && indexes.every(index => index === 0)) {
      if (isFolder) await this.#files.remove(indexes);
      else if (size > 0) await this.#files.cut(0, 0);
    } else if (size > 0 || (isFolder && indexes.length > 0)) {
      const what = isFolder ? `has ${indexes.length} files ${this.#files.pathOf(indexes[0])} ...` : `has ${size} bytes`;
      throw new EngineError(
        'outputChanged',
        `output ${path} wants to begin empty, because rows of another run cannot be told from its own, and it ${what}: ` +
          'move that away or choose another path',
        { detail: { path } },
      );
    }
    this.#exists = !isFolder && indexes.length > 0;
  }

  async #openAt(handle: FileSinkHandle): Promise<void> {
    const { isFolder } = this.#options;
    const path = this.#files.pathOf(handle.file);
    const beyond = (await this.#files.indexes()).filter(
      index => isFolder && (index > handle.file || (index === handle.file && handle.length === 0)),
    );
    await this.#files.remove(beyond);
    const size = await this.#files.sizeOf(handle.file);
    if ((size ?? 0) < handle.length) {
      const came = size === undefined ? 'it is gone' : `it has ${size}`;
      throw new EngineError(
        'outputChanged',
        `output ${path} wants the ${handle.length} bytes that were committed to it, and ${came}: put the file back as it ` +
          'was, or start over with a new checkpoint and another path',
        { detail: { path, committed: handle.length, size: size ?? null } },
      );
    }
    if (size !== undefined && size > handle.length) await this.#files.cut(handle.file, handle.length);
    if (this.#hasMarker) await this.#dropMarker();
    this.#exists = size !== undefined;
    this.#handle = handle;
  }

  #startOfFile(file: number, time: number, names: string): FileSinkHandle {
    return { path: this.#options.path, file, length: 0, time, started: time, names };
  }

  /** The one list of names that all tasks' rows have. */
  #namesOf([first = '', ...others]: readonly string[]): string {
    const other = others.find(names => names !== first);
    if (other !== undefined) {
      throw new EngineError(
        'typeMismatch',
        `output ${this.#options.path} wants rows with the same columns from every task, got ${shown(first)} and ` +
          `${shown(other)} in one batch: map the rows to objects with the same keys in the same order`,
        { detail: { path: this.#options.path } },
      );
    }
    return first;
  }

  /** Whether the batch begins a new file. */
  #rolls(current: FileSinkHandle, time: number, names: string): boolean {
    const { isFolder, rollBytes, rollMs, path } = this.#options;
    if (current.length === 0) return false;
    if (isFolder) return names !== current.names || current.length >= rollBytes || time - current.started >= rollMs;
    if (names === current.names) return false;
    throw new EngineError(
      'typeMismatch',
      `output ${path} has the columns ${shown(current.names)}, and batch ${time} has ${shown(names)}: write to another ` +
        'file, or to a folder, which gets a new file for new columns',
      { detail: { path, batch: time } },
    );
  }

  async #append(target: FileSinkHandle, buffers: readonly Uint8Array[]): Promise<void> {
    try {
      if (!this.#exists) await this.#files.create(target.file);
      this.#exists = true;
      await this.#files.append(target.file, target.length, buffers);
    } catch (error) {
      await this.#undo(target);
      if (error instanceof EngineError) throw error;
      const path = this.#files.pathOf(target.file);
      throw new EngineError(
        'sinkFailed',
        `output ${path} could not be written at byte ${target.length}: ${messageOf(error)}; ${storageCure(error, 'it')}`,
        {
          cause: error,
          detail: { path, position: target.length },
        },
      );
    }
  }

  /** Takes back what part of a batch was written, for those who read the file meanwhile; the next open would, too. */
  async #undo(target: FileSinkHandle): Promise<void> {
    if (!this.#exists) return;
    const undone = this.#files.cut(target.file, target.length);
    // The disk that failed the write may fail this as well: the first error is the one to tell.
    await undone.catch(() => undefined);
  }

  /** What the system refuses, with what was wanted and what to do. */
  async #named<T>(code: 'outputUnwritable' | 'sinkFailed', what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof EngineError) throw error;
      const detail = { path: this.#options.path };
      throw new EngineError(code, `${what}: ${messageOf(error)}; ${storageCure(error, 'it')}`, {
        cause: error,
        detail,
      });
    }
  }

  async #placeMarker(): Promise<void> {
    await this.#files.placeMarker();
    this.#hasMarker = true;
  }

  async #dropMarker(): Promise<void> {
    await this.#files.removeMarker();
    this.#hasMarker = false;
  }
}

const shown = (names: string): string => (names === '' ? 'none' : names.trimEnd());
