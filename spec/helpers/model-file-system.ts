/**
 * A file system in memory that knows what was synced and what was not, and can crash: at a moment (`crash`), or in the
 * middle of a chosen operation (`downAt`), after which every operation fails until `crash` decides what is left. Contents
 * are torn by sectors, names are lost one by one, as a disk may do it. Every operation takes a turn of the microtask
 * queue, so that callers interleave as they would on a thread pool.
 */
import { dirname } from 'node:path';
import type { FileHandle, FileStat, FileSystem } from '../../lib/core/file-system.js';
import { writeFileAtomic } from '../../lib/core/write-file-atomic.js';
import { ModelFile } from './model-file.js';
import type { Random } from './random-values.js';

/** What survives: `kill` = everything written (the process died); `power` = what was synced, and by `random` some of the rest. */
export type Crash = { readonly kind: 'kill' } | { readonly kind: 'power'; readonly random?: Random };

/** What fails from now on, or from an operation on, until it is lifted: a full disk, one that breaks, rights taken away. */
export interface Fault {
  readonly code: string;
  readonly operations: readonly Operation[];
  /** Of opens only those with such flags. */
  readonly flags?: readonly string[];
  /** Number of the first operation that may fail. */
  readonly from?: number;
  /** On paths that contain this. */
  readonly path?: string;
  /** Not on this path. */
  readonly except?: string;
  /** How much of a write is done before it fails; default nothing. */
  readonly share?: number;
  /** A sync that fails has the writes before it forgotten, as the systems do it: the next sync says nothing of them. */
  readonly forgetsWrites?: boolean;
}

export type Operation =
  | 'mkdir'
  | 'readdir'
  | 'stat'
  | 'open'
  | 'rename'
  | 'link'
  | 'remove'
  | 'syncDirectory'
  | 'write'
  | 'read'
  | 'truncate'
  | 'sync';
type Entry = ModelFile | 'directory';

export class ModelFileSystem implements FileSystem {
  /** Names now, and as of their directory's last sync. */
  #entries = new Map<string, Entry>([['/', 'directory']]);
  #durable = new Map<string, Entry>([['/', 'directory']]);
  #files: ModelFile[] = [];
  /** Directories whose new name is not durable. */
  #renamed: { readonly from: string; readonly to: string }[] = [];
  #incarnation = 0;
  #numOperations = 0;
  #downAt: number | undefined;
  #down = false;
  readonly #failures: { readonly operation: Operation; readonly code: string; readonly path: string }[] = [];
  #counts = new Map<Operation, number>();
  readonly #faults = new Set<Fault>();
  readonly #done: Operation[] = [];

  /** What each operation so far was, by its number. */
  get operations(): readonly Operation[] {
    return this.#done;
  }

  /** Makes operations fail. @returns what lifts the fault */
  failWhile(fault: Fault): () => void {
    this.#faults.add(fault);
    return () => void this.#faults.delete(fault);
  }

  /** Operations so far. */
  get numOperations(): number {
    return this.#numOperations;
  }

  /** How often an operation was called since the last `resetCounts`. */
  count(operation: Operation): number {
    return this.#counts.get(operation) ?? 0;
  }

  resetCounts(): void {
    this.#counts = new Map();
  }

  /** Goes down in the middle of the operation with this number (the first is 0): what it changes is done half, or not, or wholly. */
  downAt(operation: number): void {
    this.#downAt = operation;
  }

  get isDown(): boolean {
    return this.#down;
  }

  /** The next such operation on a path that contains `path` fails with `code`, having changed nothing. */
  failNext(operation: Operation, code: string, path = ''): void {
    this.#failures.push({ operation, code, path });
  }

  /** Ends the world before and begins the one after: handles opened before are dead. */
  crash(crash: Crash = { kind: 'power' }): void {
    this.#incarnation++;
    this.#down = false;
    this.#downAt = undefined;
    if (crash.kind === 'kill') return;
    const { random } = crash;
    // A directory has its new name with all that is in it, or the old one.
    for (const { from, to } of this.#renamed) {
      const isDone = random !== undefined && random() < 0.5;
      const [paths, at, other] = isDone ? [this.#durable, from, to] : [this.#entries, to, from];
      const entry = paths.get(at);
      if (entry !== undefined) paths.set(other, entry);
      paths.delete(at);
      movePaths(paths, at, other);
    }
    this.#renamed = [];
    for (const path of new Set([...this.#entries.keys(), ...this.#durable.keys()])) {
      const survivor = random !== undefined && random() < 0.5 ? this.#entries.get(path) : this.#durable.get(path);
      if (survivor === undefined) this.#entries.delete(path);
      else this.#entries.set(path, survivor);
    }
    for (const path of this.#entries.keys()) if (!this.#reachable(path)) this.#entries.delete(path);
    this.#durable = new Map(this.#entries);
    for (const file of this.#files) file.losePower(random);
  }

  async mkdir(path: string): Promise<void> {
    await this.#step('mkdir', path, () => {
      for (let at = path; !this.#entries.has(at); at = dirname(at)) this.#entries.set(at, 'directory');
      for (let at = path; at !== '/'; at = dirname(at))
        if (this.#entries.get(at) !== 'directory') throw failure('ENOTDIR', 'mkdir', at);
    });
  }

  async readdir(path: string): Promise<string[]> {
    return this.#step('readdir', path, () => {
      if (this.#entries.get(path) !== 'directory')
        throw failure(this.#entries.has(path) ? 'ENOTDIR' : 'ENOENT', 'readdir', path);
      return [...this.#entries.keys()]
        .filter(other => other !== path && dirname(other) === path)
        .map(other => other.slice(path === '/' ? 1 : path.length + 1));
    });
  }

  async stat(path: string): Promise<FileStat> {
    return this.#step('stat', path, () => {
      const entry = this.#entry(path, 'stat');
      if (entry === 'directory') return { size: 0, mtimeMs: 0, ino: 0, isDirectory: true };
      return { size: entry.size, mtimeMs: entry.mtimeMs, ino: entry.ino, isDirectory: false };
    });
  }

  async readFile(path: string): Promise<Uint8Array> {
    const file = await this.open(path, 'r');
    const bytes = new Uint8Array((await this.stat(path)).size);
    await file.read(bytes, 0);
    await file.close();
    return bytes;
  }

  writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
    return writeFileAtomic(this, path, bytes);
  }

  async open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<FileHandle> {
    const change = (): FileHandle => {
      if (flags === 'wx' && this.#entries.has(path)) throw failure('EEXIST', 'open', path);
      if ((flags === 'wx' || flags === 'w') && !this.#entries.has(path)) {
        if (this.#entries.get(dirname(path)) !== 'directory') throw failure('ENOENT', 'open', path);
        const file = new ModelFile(this.#files.length + 1, this.#numOperations);
        this.#files.push(file);
        this.#entries.set(path, file);
      }
      const entry = this.#entry(path, 'open');
      if (entry === 'directory') throw failure('EISDIR', 'open', path);
      if (flags === 'w') entry.truncate(0);
      return this.#handle(path, entry);
    };
    return this.#step('open', path, change, flags);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step('rename', from, () => {
      const entry = this.#entry(from, 'rename');
      const hasFiles = [...this.#entries.keys()].some(path => path.startsWith(`${to}/`));
      if (entry === 'directory' && hasFiles) throw failure('ENOTEMPTY', 'rename', to);
      this.#entries.set(to, entry);
      this.#entries.delete(from);
      if (entry !== 'directory') return;
      movePaths(this.#entries, from, to);
      this.#renamed.push({ from, to });
    });
  }

  async link(existing: string, path: string): Promise<void> {
    await this.#step('link', path, () => {
      const entry = this.#entry(existing, 'link');
      if (this.#entries.has(path)) throw failure('EEXIST', 'link', path);
      this.#entries.set(path, entry);
    });
  }

  async remove(path: string): Promise<void> {
    await this.#step('remove', path, () => void this.#entries.delete(path));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#step('syncDirectory', path, () => {
      this.#entry(path, 'syncDirectory');
      this.#renamed = this.#renamed.filter(({ from, to }) => {
        if (dirname(to) === path) movePaths(this.#durable, from, to);
        return dirname(to) !== path;
      });
      for (const name of new Set([...this.#entries.keys(), ...this.#durable.keys()])) {
        if (dirname(name) !== path) continue;
        const entry = this.#entries.get(name);
        if (entry === undefined) this.#durable.delete(name);
        else this.#durable.set(name, entry);
      }
    });
  }

  /** Paths of all files, sorted. */
  paths(): string[] {
    return [...this.#entries]
      .filter(([, entry]) => entry !== 'directory')
      .map(([path]) => path)
      .toSorted();
  }

  /** Whether a file or directory is there; no operation. */
  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** A file's bytes; no operation. */
  bytesOf(path: string): Uint8Array {
    const entry = this.#entry(path, 'bytesOf');
    const bytes = new Uint8Array(entry === 'directory' ? 0 : entry.size);
    if (entry !== 'directory') entry.read(bytes, 0);
    return bytes;
  }

  /** Replaces a file's bytes, durable; no operation. For damage. */
  replace(path: string, bytes: Uint8Array): void {
    const file = new ModelFile(this.#files.length + 1, this.#numOperations);
    file.write(bytes, 0);
    file.sync();
    this.#files.push(file);
    this.#entries.set(path, file);
    this.#durable.set(path, file);
  }

  /** Takes a file away, durable; no operation. */
  lose(path: string): void {
    this.#entries.delete(path);
    this.#durable.delete(path);
  }

  /** Changes bytes of a file, durable; no operation. */
  overwrite(path: string, position: number, bytes: Uint8Array): void {
    const entry = this.#entry(path, 'overwrite');
    if (entry === 'directory') throw failure('EISDIR', 'overwrite', path);
    entry.write(bytes, position);
    entry.sync();
  }

  /** Another one with the same files, all durable. */
  clone(): ModelFileSystem {
    const other = new ModelFileSystem();
    for (const [path, entry] of this.#entries) {
      const copy = entry === 'directory' ? entry : entry.copy(other.#files.push(entry));
      if (copy !== 'directory') other.#files[copy.ino - 1] = copy;
      other.#entries.set(path, copy);
      other.#durable.set(path, copy);
    }
    return other;
  }

  #handle(path: string, file: ModelFile): FileHandle {
    const incarnation = this.#incarnation;
    const step = <T>(operation: Operation, change: (share: number) => T): Promise<T> => {
      if (incarnation !== this.#incarnation) return Promise.reject(failure('EIO', operation, path));
      return this.#step(operation, path, change);
    };
    return {
      write: (buffers, position) =>
        step('write', share => {
          let rest = Math.floor(share * buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0));
          let at = position;
          for (const buffer of buffers) {
            const piece = buffer.subarray(0, rest);
            file.write(piece, at);
            rest -= piece.byteLength;
            at += piece.byteLength;
          }
          file.mtimeMs = this.#numOperations;
        }),
      read: (buffer, position) => step('read', () => file.read(buffer, position)),
      truncate: size => step('truncate', () => file.truncate(size)),
      sync: async () => {
        try {
          await step('sync', () => file.sync());
        } catch (error) {
          if (error instanceof Error && 'forgetsWrites' in error && error.forgetsWrites === true) file.failSync();
          throw error;
        }
      },
      close: () => Promise.resolve(),
    };
  }

  /** One operation. `change` is given how much of it is to be done: 1, or less where it goes down in the middle. */
  async #step<T>(operation: Operation, path: string, change: (share: number) => T, flags?: string): Promise<T> {
    await Promise.resolve();
    if (this.#down) throw failure('EIO', operation, path);
    const number = this.#numOperations++;
    this.#done.push(operation);
    this.#counts.set(operation, this.count(operation) + 1);
    if (number === this.#downAt) {
      this.#down = true;
      // By the operation's number, so that over all crash points each comes to pass.
      const share = [0, 0.5, 1][number % 3] ?? 0;
      if (share > 0) change(share);
      throw failure('EIO', operation, path);
    }
    const index = this.#failures.findIndex(planned => planned.operation === operation && path.includes(planned.path));
    const [planned] = index < 0 ? [] : this.#failures.splice(index, 1);
    if (planned !== undefined) throw failure(planned.code, operation, path);
    for (const fault of this.#faults) {
      const { operations, from = 0, code, share = 0 } = fault;
      if (flags !== undefined && fault.flags !== undefined && !fault.flags.includes(flags)) continue;
      if (number < from || !operations.includes(operation) || !path.includes(fault.path ?? '') || path === fault.except)
        continue;
      if (operation === 'write' && share > 0) change(share);
      throw Object.assign(failure(code, operation, path), { forgetsWrites: fault.forgetsWrites === true });
    }
    return change(1);
  }

  #entry(path: string, operation: string): Entry {
    const entry = this.#entries.get(path);
    if (entry === undefined) throw failure('ENOENT', operation, path);
    return entry;
  }

  #reachable(path: string): boolean {
    return path === '/' || (this.#entries.get(dirname(path)) === 'directory' && this.#reachable(dirname(path)));
  }
}

/** Gives what lies in a directory its paths under another name. */
function movePaths(paths: Map<string, Entry>, from: string, to: string): void {
  for (const [path, entry] of [...paths]) {
    if (!path.startsWith(`${from}/`)) continue;
    paths.delete(path);
    paths.set(to + path.slice(from.length), entry);
  }
}

function failure(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code });
}
