/**
 * Where the blocks of a run go that have no room in memory: the checkpoint's folder `spill`, or without a checkpoint a folder
 * of the run's own among the system's temporary files, made when it is first needed. No file outlives the run; what a
 * killed one left in the checkpoint is removed at the start, and what it left elsewhere when a folder is made there.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlockFiles, isBlockFile } from '../blocks/block-files.js';
import { SPILL_FOLDER, namesIn } from '../checkpoint/checkpoint-files.js';
import type { FileSystem } from '../core/file-system.js';
import type { EngineOptions } from '../core/options.js';
import type { BlockStorage } from '../scheduler/block-room.js';

export interface BlockStore extends BlockStorage {
  /** Removes what an earlier run left. */
  open(): Promise<void>;
  /** Removes all files of this one. */
  close(): Promise<void>;
}

/** Bytes of blocks that may move which a slot has in memory at the most. */
export const maxBlockBytesOf = ({ maxBlockBytes, slotMemoryBytes }: EngineOptions): number =>
  maxBlockBytes === 0 ? Math.floor(slotMemoryBytes / 2) : maxBlockBytes;

/** @param onWarning hears of files that cannot be removed */
export function makeBlockStore(
  fs: FileSystem,
  checkpoint: string | undefined,
  onWarning: (message: string) => void,
): BlockStore {
  return checkpoint === undefined ? temporaryStore(fs, onWarning) : checkpointStore(fs, checkpoint, onWarning);
}

function checkpointStore(fs: FileSystem, checkpoint: string, onWarning: (message: string) => void): BlockStore {
  const folder = join(checkpoint, SPILL_FOLDER);
  const files = new BlockFiles({ fs, folder, makeFolder: () => fs.mkdir(folder), onLeft: onWarning });
  return {
    ...portOf(files),
    async open() {
      for (const name of await namesIn(fs, folder)) if (isBlockFile(name)) await fs.remove(join(folder, name));
    },
    close: () => files.close(),
  };
}

const TEMPORARY = /^sluice-blocks-(\d+)-[0-9a-f]+$/;

function temporaryStore(fs: FileSystem, onWarning: (message: string) => void): BlockStore {
  const folder = join(tmpdir(), `sluice-blocks-${process.pid}-${randomBytes(6).toString('hex')}`);
  let isMade = false;
  const makeFolder = async (): Promise<void> => {
    isMade = true;
    await removeLeft();
    // Rows of the job are nobody else's to read.
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await fs.mkdir(folder);
  };
  const files = new BlockFiles({ fs, folder, makeFolder, onLeft: onWarning });
  return {
    ...portOf(files),
    open: async () => undefined,
    async close() {
      await files.close();
      if (isMade) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What processes left that are not there any more. Another user's folder stays; so does one that is in somebody's way. */
async function removeLeft(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = TEMPORARY.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and another user's.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

const portOf = (files: BlockFiles): BlockStorage => ({
  write: blocks => files.write(blocks),
  read: (place, byteLength) => files.read(place, byteLength),
  release: place => files.release(place),
});
