/**
 * A state table, or some key groups of it, as one Arrow IPC file (columns: `state-ipc.ts`), written piece by piece, so
 * that its size does not matter and no piece takes long. The table may change between two pieces: each row is then there as it was at the time
 * of its piece, and one that moved may come twice, the later one newer. With every delta since the first piece applied
 * again, in order, that is the state of the last one. The file has its name from the start: what refers to it is written
 * after it.
 */
import { crc32 } from 'node:zlib';
import type { Schema } from 'apache-arrow';
import { EngineError, messageOf } from '../core/errors.js';
import { storageCure } from '../core/storage-cure.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import type { KeyGroupRange } from '../core/hash.js';
import { ipcWriter, type IpcWriter } from '../columnar/arrow.js';
import { kernels } from '../columnar/kernels.js';
import { allocDelta, type DeltaParts } from './delta-layout.js';
import { deltaBatch, snapshotSchema, type ValueColumns } from './state-ipc.js';
import type { StateTable } from './state-table.js';
import { TableScan, type ScannedRows } from './table-scan.js';

export interface WrittenSnapshot {
  readonly byteLength: number;
  /** Of all bytes of the file. */
  readonly crc32: number;
  readonly numRows: number;
}

/** Writes one table. Who has the last piece syncs the file, and its directory. Needs `loadArrow`. */
export class SnapshotWriter {
  readonly #table: StateTable;
  readonly #columns: ValueColumns;
  readonly #file: ChecksummedFile;
  readonly #schema: Schema;
  readonly #writer: IpcWriter;
  readonly #scan: TableScan;
  #numRows = 0;
  #numPieces = 0;

  private constructor(table: StateTable, columns: ValueColumns, file: ChecksummedFile, groups: KeyGroupRange) {
    this.#table = table;
    this.#columns = columns;
    this.#schema = snapshotSchema(columns);
    this.#file = file;
    this.#scan = new TableScan(table, groups);
    this.#writer = ipcWriter('file', bytes => file.add(bytes));
  }

  /** Creates or replaces the file. @param groups of the table's own; default all of them. Throws `checkpointUnwritable`. */
  static async create(
    table: StateTable,
    path: string,
    columns: ValueColumns,
    fs: FileSystem,
    groups: KeyGroupRange = table,
  ): Promise<SnapshotWriter> {
    return new SnapshotWriter(table, columns, await ChecksummedFile.create(fs, path), groups);
  }

  /** How many pieces were written. */
  get numPieces(): number {
    return this.#numPieces;
  }

  /**
   * Writes some rows more. Throws `checkpointUnwritable`, `memoryLimit`.
   * @returns undefined when there may be more; else what the file has, which is whole and not synced
   */
  async writePiece(): Promise<WrittenSnapshot | undefined> {
    const n = await this.#writeRows();
    if (n > 0) return undefined;
    this.#writer.finish();
    await this.#file.flush();
    return { byteLength: this.#file.byteLength, crc32: this.#file.crc32, numRows: this.#numRows };
  }

  /** @returns how many; a file without rows has one empty record batch */
  async #writeRows(): Promise<number> {
    const { memory } = this.#table;
    const mark = memory.scratchMark();
    try {
      const rows = this.#scan.next() ?? NO_ROWS;
      const { n } = rows;
      if (n === 0 && this.#numPieces > 0) return 0;
      const parts = toDelta(this.#table, rows);
      try {
        this.#writer.write(deltaBatch(memory, parts, this.#columns, this.#schema));
        await this.#file.flush();
      } finally {
        memory.free(parts.address);
      }
      this.#numPieces++;
      this.#numRows += n;
      return n;
    } finally {
      memory.releaseScratch(mark);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

const NO_ROWS: ScannedRows = { n: 0, keys: 0, lengths: 0, refs: 0 };

/** Rows copied into the form of a delta. */
function toDelta({ memory, valueBytes }: StateTable, { n, keys, lengths, refs }: ScannedRows): DeltaParts {
  const k = kernels(memory);
  const mark = memory.scratchMark();
  const values = memory.scratch(n * 4);
  const valueLengths = memory.scratch(n * 4);
  if (valueBytes === 'variable') k.stateValues(refs, n, values, valueLengths);
  const parts = allocDelta(memory, {
    numRows: n,
    numRemoved: 0,
    valueBytes,
    keyBytes: k.slicesBytes(lengths, n, 0),
    dataBytes: valueBytes === 'variable' ? k.slicesBytes(valueLengths, n, 0) : 0,
  });
  k.slicesGather(keys, lengths, n, 0, parts.keyOffsets, parts.keys);
  if (valueBytes === 'variable') k.slicesGather(values, valueLengths, n, 0, parts.values, parts.data);
  else for (let c = 0; c * 8 < valueBytes; c++) k.stateColumn(refs, n, c, parts.values + c * n * 8);
  memory.releaseScratch(mark);
  return parts;
}

/** A file written from its start, with the length and crc32 of what was added. */
class ChecksummedFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #pending: Uint8Array[] = [];
  #written = 0;
  byteLength = 0;
  crc32 = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  static async create(fs: FileSystem, path: string): Promise<ChecksummedFile> {
    return new ChecksummedFile(path, await guard(path, () => fs.open(path, 'w')));
  }

  /** Takes bytes that must stay as they are until `flush`. */
  add(bytes: Uint8Array): void {
    this.byteLength += bytes.length;
    this.crc32 = crc32(bytes, this.crc32);
    this.#pending.push(bytes);
  }

  async flush(): Promise<void> {
    const pieces = this.#pending;
    this.#pending = [];
    await guard(this.#path, () => this.#handle.write(pieces, this.#written));
    this.#written = this.byteLength;
  }

  close(): Promise<void> {
    return guard(this.#path, () => this.#handle.close());
  }
}

async function guard<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    const message = `state cannot be written to ${path}: ${messageOf(cause)}; ${storageCure(cause, 'the checkpoint directory')}`;
    throw new EngineError('checkpointUnwritable', message, { cause });
  }
}
