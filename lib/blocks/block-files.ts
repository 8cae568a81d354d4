/**
 * Blocks that were moved out of memory. What is moved at once goes to one file, block after block as they lay in memory,
 * with nothing around them: the reference says where each begins and what its checksum is.
 *
 *   blocks-1.spill   | block | block | block ...        removed when the last of its blocks is released
 *
 * The driver writes, tasks read (`read-block-file.ts`). Nothing here is ever synced: no file means anything to another
 * run, which removes what a killed one left.
 */
import { crc32 } from 'node:zlib';
import { join } from 'node:path';
import type { FilePlace } from '../core/file-place.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import { messageOf } from '../core/errors.js';
import { BlockDamaged } from './block-damaged.js';

const fileName = (number: number): string => `blocks-${number}.spill`;

/** Whether a file of that name holds blocks of some run. */
export const isBlockFile = (name: string): boolean => /^blocks-\d+\.spill$/.test(name);

export interface BlockFilesOptions {
  readonly fs: FileSystem;
  /** Absolute path of the folder that the files lie in. */
  readonly folder: string;
  /** Makes the folder; called before the first file, and again when that failed. */
  readonly makeFolder: () => Promise<void>;
  /** Hears of a file that cannot be removed; it is tried again at `close`. */
  readonly onLeft: (message: string) => void;
}

export class BlockFiles {
  readonly #options: BlockFilesOptions;
  /** Blocks that are not released, by path. */
  readonly #held = new Map<string, number>();
  /** Writes and removals under way; none rejects. */
  readonly #pending = new Set<Promise<unknown>>();
  #hasFolder = false;
  #numFiles = 0;

  constructor(options: BlockFilesOptions) {
    this.#options = options;
  }

  /**
   * Writes blocks to a new file; they may lie in shared memory and must not change before it is done. Rejects with Node's
   * own error (ENOSPC, EIO ...), and then no file is left.
   * @returns where each lies; each is to be released
   */
  write(blocks: readonly Uint8Array[]): Promise<readonly FilePlace[]> {
    const writing = this.#write(blocks);
    this.#track(writing.catch(() => undefined));
    return writing;
  }

  async #write(blocks: readonly Uint8Array[]): Promise<readonly FilePlace[]> {
    const { fs, folder, makeFolder } = this.#options;
    if (!this.#hasFolder) await makeFolder();
    this.#hasFolder = true;
    const path = join(folder, fileName(++this.#numFiles));
    let end = 0;
    const places = blocks.map((bytes): FilePlace => {
      const position = end;
      end += bytes.length;
      return { path, position, crc32: crc32(bytes) };
    });
    this.#held.set(path, blocks.length);
    try {
      const file = await fs.open(path, 'w');
      await closing(file, () => file.write(blocks, 0));
    } catch (error) {
      // Without the folder the next attempt would fail as well, whatever became of the disk.
      this.#hasFolder = false;
      await this.#remove(path);
      throw error;
    }
    return places;
  }

  /** One block, from the driver's side. Rejects with `BlockDamaged` when it is not what was written. */
  async read({ path, position, crc32: wanted }: FilePlace, byteLength: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(byteLength);
    let end = 0;
    try {
      const file = await this.#options.fs.open(path, 'r');
      await closing(file, async () => {
        for (let numRead = -1; end < byteLength && numRead !== 0; end += numRead)
          numRead = await file.read(bytes.subarray(end), position + end);
      });
    } catch (cause) {
      throw new BlockDamaged(`${byteLength} bytes of ${path}`, messageOf(cause), { cause });
    }
    return checkedBlock(bytes, end, path, wanted);
  }

  /** Gives a block's place back; with the last one the file goes. */
  release({ path }: FilePlace): void {
    const held = this.#held.get(path);
    // Gone with all others.
    if (held === undefined) return;
    if (held > 1) this.#held.set(path, held - 1);
    else this.#track(this.#remove(path));
  }

  /** Removes all files, what is being written too; whoever reads one then finds it missing. Nothing may be written after. */
  async close(): Promise<void> {
    await Promise.all(this.#pending);
    for (const path of [...this.#held.keys()]) await this.#remove(path);
  }

  #track(work: Promise<unknown>): void {
    this.#pending.add(work);
    void work.then(() => this.#pending.delete(work));
  }

  /** Never rejects: a file that stays keeps its place in the books. */
  async #remove(path: string): Promise<void> {
    this.#held.set(path, 0);
    try {
      await this.#options.fs.remove(path);
      this.#held.delete(path);
    } catch (error) {
      this.#options.onLeft(`${path} cannot be removed, it holds blocks that nobody needs: ${messageOf(error)}`);
    }
  }
}

/** @param numRead how many of them the file had */
export function checkedBlock(bytes: Uint8Array, numRead: number, path: string, wanted: number): Uint8Array {
  if (numRead !== bytes.length) throw new BlockDamaged(`${bytes.length} bytes of ${path}`, `${numRead}`);
  const found = crc32(bytes);
  if (found !== wanted) throw new BlockDamaged(`crc32 ${wanted} in ${path}`, `${found}`);
  return bytes;
}

async function closing(file: FileHandle, f: () => Promise<void>): Promise<void> {
  try {
    await f();
  } finally {
    await file.close();
  }
}
