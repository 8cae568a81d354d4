/**
 * Whole folders of text files, for saveAsTextFile: a file for each partition, and `_SUCCESS`, which says who wrote them.
 *
 *   out/words/part-00000        lines of partition 0
 *   out/words/part-00001
 *   out/words/_SUCCESS          {"version":1,"job":"words","output":"foreachRDD","batch":1000,"action":3}
 *   out/_temporary-words/       the same on the way: what a crash leaves of it is taken over by the next write of out/words
 *
 * All of it is written and synced under the temporary name, then renamed: under its own name a folder is complete.
 * A batch that runs again after a crash finds its own folder by `_SUCCESS` and leaves it; any other folder or file of
 * that name is refused.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { EngineError, messageOf } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import { makeFolder } from '../core/make-folder.js';
import { storageCure } from '../core/storage-cure.js';
import { writeNewFile } from '../core/write-file-atomic.js';

/** Which action wrote a folder: the same again when its batch runs again. */
export interface FolderWriter {
  readonly job: string;
  readonly output: string;
  /** Batch time. */
  readonly batch: number;
  /** Number of the action in the call of the output's function. */
  readonly action: number;
}

const SUCCESS = '_SUCCESS';
/** Of what it says. */
const VERSION = 1;

export class TextFolders {
  readonly #fs: FileSystem;
  /** Ends when the write before has: two writes of one folder would share its temporary name. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  /** Writes `texts`, a file for each. Throws `outputUnwritable`; then there is no folder of that name that was not there before. */
  write(path: string, texts: readonly string[], writer: FolderWriter): Promise<void> {
    const writing = this.#last.then(() => this.#write(resolve(path), texts, writer));
    this.#last = writing.catch(() => undefined);
    return writing;
  }

  async #write(path: string, texts: readonly string[], writer: FolderWriter): Promise<void> {
    const success = `${JSON.stringify({ version: VERSION, ...writer })}\n`;
    // Folders of before there was a version in it.
    const own = [success, `${JSON.stringify(writer)}\n`];
    try {
      if (await this.#isThere(path)) {
        if (!own.includes((await this.#successOf(path)) ?? '')) {
          throw unwritable(
            path,
            'there is something of that name: give each batch a name of its own, such as its time',
          );
        }
        // The run that wrote it may have died before the name was durable.
        await this.#fs.syncDirectory(dirname(path));
        return;
      }
      const temporary = join(dirname(path), `_temporary-${basename(path)}`);
      await makeFolder(this.#fs, dirname(path));
      await this.#emptyFolder(temporary);
      for (const [index, text] of texts.entries())
        await writeNewFile(this.#fs, join(temporary, `part-${String(index).padStart(5, '0')}`), Buffer.from(text));
      await writeNewFile(this.#fs, join(temporary, SUCCESS), Buffer.from(success));
      await this.#fs.syncDirectory(temporary);
      await this.#fs.rename(temporary, path);
      await this.#fs.syncDirectory(dirname(path));
    } catch (error) {
      throw error instanceof EngineError
        ? error
        : unwritable(path, `${messageOf(error)}; ${storageCure(error, 'that folder')}`, error);
    }
  }

  /** Makes the folder, or takes what is in it away: files that a crash left. */
  async #emptyFolder(path: string): Promise<void> {
    await this.#fs.mkdir(path);
    for (const name of await this.#fs.readdir(path)) await this.#fs.remove(join(path, name));
  }

  async #isThere(path: string): Promise<boolean> {
    try {
      await this.#fs.stat(path);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async #successOf(path: string): Promise<string | undefined> {
    try {
      return Buffer.from(await this.#fs.readFile(join(path, SUCCESS))).toString();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

/** No such name, or a file where a folder would be. */
const isMissing = (error: unknown): boolean => hasCode(error, 'ENOENT', 'ENOTDIR');

const unwritable = (path: string, why: string, cause?: unknown): EngineError =>
  new EngineError('outputUnwritable', `saveAsTextFile wants to make the folder ${path}: ${why}`, { cause });
