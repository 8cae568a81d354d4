/**
 * The files of a driver that may have been suspended for any time (SIGSTOP, a sleeping laptop, a virtual machine that was
 * moved) and does not know it: right before each operation that changes something it looks whether the checkpoint is
 * still its own, and throws `checkpointFenced` when it is not.
 *
 *   driver      look, write   look, write  (suspended ...............) look -> fenced: nothing is written
 *   successor                              removes the lock, reads, writes
 *
 * A file system cannot do both in one step: a driver that is suspended within the microseconds between a look and its
 * operation does that one operation when it comes back, and no other. That is harmless for nearly all of them. The
 * successor has read the log up to an end that it remembers, snapshot files have names of their own, a rename finds its
 * temporary file gone (a start removes those), and bytes of an output go where the successor, which runs the same batch on
 * the same input, has put the same. What is left are outputs: a file that is cut, or a part of a batch's folder that is
 * removed, that late; both happen only at a start, and after a write that failed.
 */
import { EngineError } from './errors.js';
import type { FileHandle, FileStat, FileSystem } from './file-system.js';
import { writeFileAtomic } from './write-file-atomic.js';

export class FencedFileSystem implements FileSystem {
  readonly #fs: FileSystem;
  #check: () => Promise<void>;

  /** @param check throws when the checkpoint is somebody else's; without it nothing is looked up until `fencedBy` */
  constructor(fs: FileSystem, check: () => Promise<void> = () => Promise.resolve()) {
    this.#fs = fs;
    this.#check = check;
  }

  /** From now on `check` is asked before each change, through handles that are open too. */
  fencedBy(check: () => Promise<void>): void {
    this.#check = check;
  }

  readdir(path: string): Promise<string[]> {
    return this.#fs.readdir(path);
  }

  stat(path: string): Promise<FileStat> {
    return this.#fs.stat(path);
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#fs.readFile(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#fs.syncDirectory(path);
  }

  async mkdir(path: string): Promise<void> {
    await this.#check();
    return this.#fs.mkdir(path);
  }

  /** In its steps, so that the rename, which takes effect, is behind a look of its own. */
  writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
    return writeFileAtomic(this, path, bytes);
  }

  async open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<FileHandle> {
    if (flags === 'w' || flags === 'wx') await this.#check();
    const file = await this.#fs.open(path, flags);
    if (flags === 'r') return file;
    return {
      write: async (buffers, position) => {
        await this.#check();
        return file.write(buffers, position);
      },
      read: (buffer, position) => file.read(buffer, position),
      truncate: async size => {
        await this.#check();
        return file.truncate(size);
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#check();
    return this.#fs.rename(from, to);
  }

  async link(existing: string, path: string): Promise<void> {
    await this.#check();
    return this.#fs.link(existing, path);
  }

  async remove(path: string): Promise<void> {
    await this.#check();
    return this.#fs.remove(path);
  }
}

/** A check for threads that know the lock by its path alone. @param what is not written any more, for the message */
export const whileLocked =
  (fs: Pick<FileSystem, 'stat'>, lockFile: string, what: string) => async (): Promise<void> => {
    try {
      await fs.stat(lockFile);
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
      throw new EngineError(
        'checkpointFenced',
        `nothing more is stored in ${what}: another driver has taken the checkpoint over. Only one driver may run a job`,
        { cause },
      );
    }
  };
