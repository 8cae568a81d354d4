import type { FileSystem } from '../core/file-system.js';
import type { WorkerReply, WorkerRequest } from '../protocol/messages.js';
import { SnapshotWriter } from '../state/snapshot.js';
import type { StateTables } from './state-tables.js';

/** The snapshot that a thread is writing, one at a time; a thread that takes its slot over begins again. */
export class SnapshotPieces {
  readonly #tables: StateTables;
  readonly #fs: FileSystem;
  #open: { readonly path: string; readonly writer: SnapshotWriter } | undefined;

  constructor(tables: StateTables, fs: FileSystem) {
    this.#tables = tables;
    this.#fs = fs;
  }

  async write({
    operator,
    partition,
    path,
    piece,
  }: Extract<WorkerRequest, { kind: 'snapshotState' }>): Promise<WorkerReply> {
    const writer = await this.#writerOf(operator, partition, path, piece);
    if (writer === undefined) return { ok: true, kind: 'snapshotPiece', next: 0 };
    try {
      const written = await writer.writePiece();
      if (written === undefined) return { ok: true, kind: 'snapshotPiece', next: writer.numPieces };
      await this.#close();
      return { ok: true, kind: 'snapshot', file: { operator, partition, path, ...written } };
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  async #writerOf(
    operator: string,
    partition: number,
    path: string,
    piece: number,
  ): Promise<SnapshotWriter | undefined> {
    if (piece === 0) {
      await this.#close();
      const table = this.#tables.get(operator, partition);
      const writer = await SnapshotWriter.create(table, path, this.#tables.valueOf(operator).value, this.#fs);
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
