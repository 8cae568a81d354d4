/**
 * All file operations that durability depends on, as one small interface, so that specs can fail, tear and crash them.
 * Asynchronous forms run on the thread pool. Errors are Node's own (`code` ENOENT, ENOSPC ...).
 */
export interface FileSystem {
  /** Creates a directory and what is missing above it; one that is there is fine. */
  mkdir(path: string): Promise<void>;
  /** Names in a directory, in no order. */
  readdir(path: string): Promise<string[]>;
  stat(path: string): Promise<FileStat>;
  /** The whole file. */
  readFile(path: string): Promise<Uint8Array>;
  /** Creates or replaces `path` with `bytes` so that after a crash either the old or the new content is there: temporary file, sync, rename, directory sync. */
  writeFileAtomic(path: string, bytes: Uint8Array): Promise<void>;
  /** `r` reads; `r+` reads and writes an existing file; `w` creates or empties; `wx` creates and fails with EEXIST. */
  open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
  /** Gives an existing file a second name. Fails with EEXIST when there is one: of several callers exactly one succeeds. */
  link(existing: string, path: string): Promise<void>;
  /** Removes one file; one that is not there is fine. */
  remove(path: string): Promise<void>;
  /** Makes names created, renamed or removed in the directory durable. */
  syncDirectory(path: string): Promise<void>;
}

export interface FileStat {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
  readonly isDirectory: boolean;
}

export interface FileHandle {
  /** Writes all of `buffers` one after another at `position`. Buffers may lie in shared memory and must not change until done. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** Reads into `buffer`; returns how many bytes, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  truncate(size: number): Promise<void>;
  /** fdatasync. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
