import { dirname } from 'node:path';
import { FencedFileSystem, whileLocked } from '../core/fenced-file-system.js';
import type { FileSystem } from '../core/file-system.js';
import type { KeyGroupRange } from '../core/hash.js';
import type { WorkerReply, WorkerRequest } from '../protocol/messages.js';
import { SnapshotWriter } from '../state/snapshot.js';
import type { StateTables } from './state-tables.js';

type SnapshotRequest = Pick<
  Extract<WorkerRequest, { kind: 'snapshotState' }>,
  'operator' | 'partition' | 'path' | 'piece'
> & { readonly groups?: KeyGroupRange | undefined; readonly lockFile?: string | undefined };

/** The snapshot that a thread is writing, one at a time; a thread that takes its slot over begins again. */
export class SnapshotPieces {
  readonly #tables: StateTables;
  readonly #fs: FileSystem;
  #open: { readonly path: string; readonly writer: SnapshotWriter } | undefined;

  constructor(tables: StateTables, fs: FileSystem) {
    this.#tables = tables;
    this.#fs = fs;
  }

  async write({ operator, partition, path, piece, groups, lockFile }: SnapshotRequest): Promise<WorkerReply> {
    const writer = await this.#writerOf({ operator, partition, path, piece, groups, lockFile });
    if (writer === undefined) return { ok: true, kind: 'snapshotPiece', next: 0 };
    try {
      const written = await writer.writePiece();
      if (written === undefined) return { ok: true, kind: 'snapshotPiece', next: writer.numPieces };
      await this.#close();
      return { ok: true, kind: 'snapshot', file: { operator, partition, path, ...(groups && { groups }), ...written } };
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  async #writerOf({
    operator,
    partition,
    path,
    piece,
    groups,
    lockFile,
  }: SnapshotRequest): Promise<SnapshotWriter | undefined> {
    if (piece === 0) {
      await this.#close();
      const table = this.#tables.get(operator, partition);
      const fs =
        lockFile === undefined
          ? this.#fs
          : new FencedFileSystem(this.#fs, whileLocked(this.#fs, lockFile, dirname(path)));
      const writer = await SnapshotWriter.create(table, path, this.#tables.valueOf(operator).value, fs, groups);
      this.#open = { path, writer };
    }
    return this.#open?.path === path && this.#open.writer.numPieces === piece ? this.#open.writer : undefined;
  }

  async #close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.writer.close();
  }
}
