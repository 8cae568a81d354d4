import * as nodeFs from 'node:fs';
import { dirname } from 'node:path';
import type { FileHandle, FileStat, FileSystem } from './file-system.js';
import { writeFileAtomic } from './write-file-atomic.js';

/**
 * The machine's files. What may take long is one call on libuv's thread pool through the callback form of node:fs, which
 * costs less per call than the promise form. Looking at a file and writing a few KiB into the page cache take some
 * microseconds, and the way to the pool and back 200: these two are done at once (benchmarks/batch-floor.bench.ts).
 */
export class NodeFileSystem implements FileSystem {
  /** Level by level: where nothing can be made (`/proc/x`), Node's own recursive mkdir never comes back. */
  async mkdir(path: string): Promise<void> {
    try {
      await nodeFs.promises.mkdir(path);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      const above = dirname(path);
      if (code === 'EEXIST' && (await this.stat(path)).isDirectory) return;
      if (code !== 'ENOENT' || above === path || (await this.#exists(above))) throw error;
      await this.mkdir(above);
      await this.mkdir(path);
    }
  }

  async #exists(path: string): Promise<boolean> {
    try {
      await this.stat(path);
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    }
  }

  readdir(path: string): Promise<string[]> {
    return nodeFs.promises.readdir(path);
  }

  stat(path: string): Promise<FileStat> {
    return new Promise(resolve => {
      const stat = nodeFs.statSync(path);
      resolve({ size: stat.size, mtimeMs: stat.mtimeMs, ino: stat.ino, isDirectory: stat.isDirectory() });
    });
  }

  /** In steps, so that a file may be larger than the 2 GiB that one read can take. */
  async readFile(path: string): Promise<Uint8Array> {
    const file = await this.open(path, 'r');
    try {
      const { size } = await this.stat(path);
      const bytes = new Uint8Array(size);
      let end = 0;
      while (end < size) {
        const numRead = await file.read(bytes.subarray(end), end);
        if (numRead === 0) break;
        end += numRead;
      }
      return end === size ? bytes : bytes.slice(0, end);
    } finally {
      await file.close();
    }
  }

  writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
    return writeFileAtomic(this, path, bytes);
  }

  open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<FileHandle> {
    return new Promise((resolve, reject) => {
      nodeFs.open(path, flags, (error, fd) => (error ? reject(error) : resolve(new NodeFileHandle(fd))));
    });
  }

  rename(from: string, to: string): Promise<void> {
    return nodeFs.promises.rename(from, to);
  }

  link(existing: string, path: string): Promise<void> {
    return nodeFs.promises.link(existing, path);
  }

  async remove(path: string): Promise<void> {
    await nodeFs.promises.rm(path, { force: true });
  }

  async syncDirectory(path: string): Promise<void> {
    // Windows has no sync of directories: names are durable there as soon as the call that made them returns.
    if (process.platform === 'win32') return;
    const directory = await nodeFs.promises.open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

/** Linux moves at most this much in one call, and takes at most 1024 buffers. */
const MAX_CALL_BYTES = 0x7ffff000;
const MAX_CALL_BUFFERS = 1024;

/** What is copied into the page cache sooner than a thread of the pool is woken. */
const QUICK_BYTES = 64 * 1024;

class NodeFileHandle implements FileHandle {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** One system call unless there are more than 1024 buffers or 2 GiB; one that wrote less than asked for is continued. */
  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let rest = buffers.filter(buffer => buffer.byteLength > 0);
    while (rest.length > 0) {
      const numWritten = await this.#writeSome(rest.slice(0, MAX_CALL_BUFFERS), position);
      position += numWritten;
      rest = withoutFirst(rest, numWritten);
    }
  }

  #writeSome(buffers: Uint8Array[], position: number): Promise<number> {
    if (buffers.reduce((sum, { byteLength }) => sum + byteLength, 0) <= QUICK_BYTES) {
      return new Promise(resolve => resolve(nodeFs.writevSync(this.#fd, buffers, position)));
    }
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, numWritten: number): void => (error ? reject(error) : resolve(numWritten));
      const [first] = buffers;
      if (buffers.length === 1 && first !== undefined) {
        nodeFs.write(this.#fd, first, 0, Math.min(first.byteLength, MAX_CALL_BYTES), position, done);
      } else {
        nodeFs.writev(this.#fd, buffers, position, done);
      }
    });
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const length = Math.min(buffer.byteLength, MAX_CALL_BYTES);
      nodeFs.read(this.#fd, buffer, 0, length, position, (error, numRead) =>
        error ? reject(error) : resolve(numRead),
      );
    });
  }

  truncate(size: number): Promise<void> {
    return new Promise((resolve, reject) => {
      nodeFs.ftruncate(this.#fd, size, error => (error ? reject(error) : resolve()));
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      nodeFs.fdatasync(this.#fd, error => (error ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      nodeFs.close(this.#fd, error => (error ? reject(error) : resolve()));
    });
  }
}

/** What is left of `buffers` after their first `numBytes` bytes. */
function withoutFirst(buffers: readonly Uint8Array[], numBytes: number): Uint8Array[] {
  let skipped = 0;
  while (skipped < buffers.length && numBytes >= (buffers[skipped] as Uint8Array).byteLength) {
    numBytes -= (buffers[skipped] as Uint8Array).byteLength;
    skipped++;
  }
  const rest = buffers.slice(skipped);
  if (numBytes > 0 && rest[0] !== undefined) rest[0] = rest[0].subarray(numBytes);
  return rest;
}
