/**
 * A file that holds state which has no room in memory. It is read amid a task, some KiB at a place, as a rule from the
 * system's own memory: that takes a few microseconds and the way to libuv's pool and back 200, so its calls return when
 * they are done. Nothing in it outlives the run, so nothing is ever synced. Errors are Node's own (`code` EIO, ENOSPC ...).
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

export interface SpillFile {
  /** Reads at `position` into all of `into`, which may lie in shared memory; fewer bytes only at the end of the file. @returns how many */
  read(into: Uint8Array, position: number): number;
  /** Writes all bytes at `position`. */
  write(bytes: Uint8Array, position: number): void;
  close(): void;
}

/** @param flags `w+` creates or empties; `r+` opens one that is there */
export type OpenSpillFile = (path: string, flags: 'w+' | 'r+') => SpillFile;

export const openSpillFile: OpenSpillFile = (path, flags) => {
  const fd = openSync(path, flags, 0o600);
  return {
    read(into, position) {
      let done = 0;
      while (done < into.length) {
        const n = readSync(fd, into, done, into.length - done, position + done);
        if (n === 0) break;
        done += n;
      }
      return done;
    },
    write(bytes, position) {
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
    },
    close: () => closeSync(fd),
  };
};
