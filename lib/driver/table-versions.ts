/**
 * The versions of one static table that batches read: bytes in shared memory, and with a checkpoint a copy of each on
 * disk, because the offset log only names a version, and the file that it was read from may be another by then.
 *
 *   CHECKPOINT/tables/ID/000003.table   the bytes of version 3, as they were read, behind a header (table-file.ts)
 *
 * A version goes when no batch that is not committed reads it and two snapshots were begun after that: a restart may
 * begin at the one before the last.
 */
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { corrupt, hasCode, namesIn } from '../checkpoint/checkpoint-files.js';
import { readable } from '../checkpoint/segment-file.js';
import { EngineError, messageOf } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import type { Json } from '../core/json.js';
import { storageCure } from '../core/storage-cure.js';
import { sharedCopy } from '../core/shared-bytes.js';
import { TEMPORARY_FILE } from '../core/write-file-atomic.js';
import { decodeTableFile, encodeTableFile } from './table-file.js';

/** A version as the offset log names it. */
export type VersionName = { readonly version: number; readonly byteLength: number; readonly crc32: number };

export interface TableVersion {
  readonly name: VersionName;
  readonly bytes: Uint8Array;
}

const FILE_NAME = /^(\d{6,15})\.table$/;
export const fileName = (version: number): string => `${String(version).padStart(6, '0')}.table`;

export const nameOf = (version: number, bytes: Uint8Array): VersionName => ({
  version,
  byteLength: bytes.length,
  crc32: crc32(bytes),
});

export const isSameContent = (a: VersionName, b: VersionName): boolean =>
  a.byteLength === b.byteLength && a.crc32 === b.crc32;

export const versionNameOf = (logged: Json): VersionName => logged as VersionName;

/** Of a version that nothing reads any more. */
interface Unused {
  /** Last batch that was planned before that. */
  readonly since: number;
  numSnapshots: number;
}

export class TableVersions {
  readonly #fs: FileSystem;
  /** Undefined: nothing outlives the run. */
  readonly #folder: string | undefined;
  #folderIs: 'unknown' | 'there' = 'unknown';
  readonly #inMemory = new Map<number, TableVersion>();
  /** Versions that have a file. */
  readonly #onDisk = new Set<number>();
  readonly #unused = new Map<number, Unused>();

  constructor(fs: FileSystem, folder: string | undefined) {
    this.#fs = fs;
    this.#folder = folder;
  }

  /** Takes into memory what an earlier run kept; which of it is needed is known when its batches are. */
  async open(): Promise<void> {
    const folder = this.#folder;
    if (folder !== undefined) await readable(folder, () => this.#read(folder));
  }

  async #read(folder: string): Promise<void> {
    for (const file of await namesIn(this.#fs, folder)) {
      if (TEMPORARY_FILE.test(file)) await this.#fs.remove(join(folder, file));
      const version = Number(FILE_NAME.exec(file)?.[1]);
      if (Number.isNaN(version)) continue;
      const path = join(folder, file);
      const bytes = decodeTableFile(await this.#fs.readFile(path), path);
      this.#onDisk.add(version);
      this.#inMemory.set(version, { name: nameOf(version, bytes), bytes: sharedCopy(bytes) });
    }
  }

  /** Whether an earlier run, or this one, kept none. */
  get isEmpty(): boolean {
    return this.#inMemory.size === 0;
  }

  /** The version of that name. Throws `checkpointCorrupt` when its file is missing or has other bytes. */
  get(name: VersionName): TableVersion {
    const found = this.#inMemory.get(name.version);
    if (found !== undefined && isSameContent(found.name, name)) return found;
    const path = join(this.#folder ?? '', fileName(name.version));
    const problem =
      found === undefined
        ? 'this version of a static table is missing'
        : `${name.byteLength} bytes with crc32 ${name.crc32} are wanted, ${found.name.byteLength} with ${found.name.crc32} are there`;
    throw corrupt(path, undefined, problem);
  }

  /** Keeps a new version; when this resolves it survives a crash. Throws `checkpointUnwritable`. */
  async add(version: number, bytes: Uint8Array): Promise<TableVersion> {
    const made = { name: nameOf(version, bytes), bytes: sharedCopy(bytes) };
    const folder = this.#folder;
    if (folder !== undefined) {
      try {
        if (this.#folderIs === 'unknown') await this.#makeFolder(folder);
        await this.#fs.writeFileAtomic(join(folder, fileName(version)), encodeTableFile(bytes));
      } catch (error) {
        if (error instanceof EngineError) throw error;
        throw new EngineError(
          'checkpointUnwritable',
          `a version of a static table could not be kept in ${folder}: ${messageOf(error)}; ${storageCure(error, 'the checkpoint directory')}`,
          { cause: error },
        );
      }
      this.#onDisk.add(version);
    }
    this.#inMemory.set(version, made);
    return made;
  }

  /** The folder's own name has to be durable before what is in it counts. */
  async #makeFolder(folder: string): Promise<void> {
    await this.#fs.mkdir(folder);
    const tables = dirname(folder);
    await this.#fs.syncDirectory(tables);
    await this.#fs.syncDirectory(dirname(tables));
    this.#folderIs = 'there';
  }

  /** Forgets what batches need no more. @param needed versions that they may read @param planned time of the last batch */
  keepOnly(needed: ReadonlySet<number>, planned: number): void {
    for (const version of this.#inMemory.keys()) if (!needed.has(version)) this.#inMemory.delete(version);
    for (const version of this.#onDisk) {
      if (needed.has(version)) this.#unused.delete(version);
      else if (!this.#unused.has(version)) this.#unused.set(version, { since: planned, numSnapshots: 0 });
    }
  }

  /** A snapshot that was begun with the batch of this time is durable. @returns when files that are needed no more are gone */
  async snapshotTaken(time: number): Promise<void> {
    for (const [version, unused] of this.#unused) {
      if (time > unused.since) unused.numSnapshots++;
      if (unused.numSnapshots < 2 || this.#folder === undefined) continue;
      this.#unused.delete(version);
      this.#onDisk.delete(version);
      await this.#fs.remove(join(this.#folder, fileName(version))).catch((error: unknown) => {
        // Of no consequence: the next run finds it unused again.
        if (!hasCode(error, 'ENOENT')) this.#onDisk.add(version);
      });
    }
  }
}
