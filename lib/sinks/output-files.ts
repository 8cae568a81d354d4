/** The files of one output: their names, what is there, and the one that is open. */
import { basename, dirname, join, resolve } from 'node:path';
import { EngineError, messageOf } from '../core/errors.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import { makeFolder } from '../core/make-folder.js';
import { storageCure } from '../core/storage-cure.js';

export interface OutputPlace {
  /** The one file, or the folder of numbered files. */
  readonly path: string;
  readonly isFolder: boolean;
  /** In a folder, files are named `<prefix>-000000<extension>`. */
  readonly prefix: string;
  readonly extension: string;
}

/** Whether two names mean one place: what a handle has, and what the job says now. */
export const isSamePlace = (a: string, b: string): boolean => a === b || resolve(a) === resolve(b);

export class OutputFiles {
  readonly #fs: FileSystem;
  readonly #place: OutputPlace;
  #open: { readonly index: number; readonly file: FileHandle } | undefined;
  /** Whether there may be names that are not durable: those created here, or by a process that died before its sync. */
  #hasNewNames = true;

  constructor(fs: FileSystem, place: OutputPlace) {
    this.#fs = fs;
    this.#place = place;
  }

  /** The folder the files lie in. */
  get folder(): string {
    return this.#place.isFolder ? this.#place.path : dirname(this.#place.path);
  }

  /** See `file-sink-driver.ts`: it lies beside an output folder, not in it, where readers take all files for data. */
  get marker(): string {
    return join(dirname(this.#place.path), `.${basename(this.#place.path)}.first-batch`);
  }

  pathOf(index: number): string {
    const { path, isFolder, prefix, extension } = this.#place;
    return isFolder ? join(path, `${prefix}-${String(index).padStart(6, '0')}${extension}`) : path;
  }

  /** Makes the folder and tries to write there. Throws `outputUnwritable`. */
  async prepare(): Promise<void> {
    const { path, isFolder } = this.#place;
    const probe = join(this.folder, `.${basename(path)}.probe`);
    try {
      await makeFolder(this.#fs, this.folder);
      await (await this.#fs.open(probe, 'w')).close();
      await this.#fs.remove(probe);
    } catch (error) {
      if (error instanceof EngineError) throw error;
      throw unwritable(
        path,
        `the folder ${this.folder} cannot be written (${messageOf(error)}); choose another path, or ${storageCure(error, 'it')}`,
        error,
      );
    }
    if (!isFolder && (await this.#stat(path))?.isDirectory === true) {
      throw unwritable(path, 'there is a folder of that name; choose another path', undefined);
    }
  }

  /** Size of a file, or undefined when there is none. */
  async sizeOf(index: number): Promise<number | undefined> {
    return (await this.#stat(this.pathOf(index)))?.size;
  }

  /** Numbers of the files that are there, ascending. */
  async indexes(): Promise<number[]> {
    const { isFolder, prefix, extension } = this.#place;
    if (!isFolder) return (await this.sizeOf(0)) === undefined ? [] : [0];
    const names = await this.#fs.readdir(this.folder);
    const numbered = names.flatMap(name => {
      const isOurs = name.startsWith(`${prefix}-`) && name.endsWith(extension);
      const digits = name.slice(prefix.length + 1, name.length - extension.length);
      return isOurs && /^\d{6,}$/.test(digits) ? [Number(digits)] : [];
    });
    return numbered.sort((a, b) => a - b);
  }

  /** Cuts a file to `length` bytes, durably. */
  async cut(index: number, length: number): Promise<void> {
    const file = await this.#openFile(index, 'r+');
    await file.truncate(length);
    await file.sync();
  }

  async remove(indexes: readonly number[]): Promise<void> {
    await this.close();
    for (const index of indexes) await this.#fs.remove(this.pathOf(index));
    if (indexes.length > 0) await this.#fs.syncDirectory(this.folder);
  }

  /** Creates a file, which must not be there yet. */
  async create(index: number): Promise<void> {
    await this.#openFile(index, 'wx');
    this.#hasNewNames = true;
  }

  /** Writes behind `position` bytes of an existing file and makes that durable. */
  async append(index: number, position: number, buffers: readonly Uint8Array[]): Promise<void> {
    const file = await this.#openFile(index, 'r+');
    await file.write(buffers, position);
    const syncs = [file.sync()];
    if (this.#hasNewNames) syncs.push(this.#fs.syncDirectory(this.folder));
    await Promise.all(syncs);
    this.#hasNewNames = false;
  }

  async hasMarker(): Promise<boolean> {
    return (await this.#stat(this.marker)) !== undefined;
  }

  /** That it is there is all it says; the text is for people. */
  async placeMarker(): Promise<void> {
    const note = `The first batch of a run writes to ${this.#place.path}; the second one removes this file.\n`;
    const file = await this.#fs.open(this.marker, 'w');
    await file.write([Buffer.from(note)], 0);
    await file.close();
    await this.#fs.syncDirectory(dirname(this.marker));
  }

  async removeMarker(): Promise<void> {
    await this.#fs.remove(this.marker);
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.file.close();
  }

  async #openFile(index: number, flags: 'r+' | 'wx'): Promise<FileHandle> {
    if (this.#open?.index === index && flags === 'r+') return this.#open.file;
    await this.close();
    const file = await this.#fs.open(this.pathOf(index), flags);
    this.#open = { index, file };
    return file;
  }

  async #stat(path: string): Promise<{ readonly size: number; readonly isDirectory: boolean } | undefined> {
    try {
      return await this.#fs.stat(path);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

function unwritable(path: string, why: string, cause: unknown): EngineError {
  return new EngineError('outputUnwritable', `output ${path} cannot be written: ${why}`, {
    cause,
    detail: { path },
  });
}
