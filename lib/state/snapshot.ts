/**
 * A state table, or some key groups of it, as one Arrow IPC file (columns: `state-ipc.ts`), written piece by piece, so that its size does not
 * matter and no piece takes long. The table may change between two pieces: each row is then there as it was at the time
 * of its piece, and one that moved may come twice, the later one newer. With every delta since the first piece applied
 * again, in order, that is the state of the last one. The file has its name from the start: what refers to it is written
 * after it.
 */
import { crc32 } from 'node:zlib';
import type { Schema } from 'apache-arrow';
import { EngineError, messageOf } from '../core/errors.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import type { KeyGroupRange } from '../core/hash.js';
import { ipcWriter, type IpcWriter } from '../columnar/arrow.js';
import { kernels } from '../columnar/kernels.js';
import type { Address } from '../columnar/slot-memory.js';
import { allocDelta } from './delta-layout.js';
import { deltaBatch, snapshotSchema, type ValueColumns } from './state-ipc.js';
import type { StateTable } from './state-table.js';

/** Rows and bytes that a piece, one record batch, has at the most (one row may have more bytes): a millisecond or two. */
const PIECE_ROWS = 16384;
const PIECE_BYTES = 1024 * 1024;

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
  /** Behind the last key group that is written, counted from the table's first. */
  readonly #to: number;
  /** Where the next piece begins, as the kernel has it. */
  #cursor: readonly number[];
  #numRows = 0;
  #numPieces = 0;

  private constructor(table: StateTable, columns: ValueColumns, file: ChecksummedFile, groups: KeyGroupRange) {
    this.#table = table;
    this.#columns = columns;
    this.#schema = snapshotSchema(columns);
    this.#file = file;
    this.#cursor = [groups.from - table.from, 0, 0, 0];
    this.#to = groups.to - table.from;
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
      const scan = new TableScan(this.#table, this.#cursor, this.#to);
      const n = scan.next();
      this.#cursor = scan.cursor;
      if (n === 0 && this.#numPieces > 0) return 0;
      const parts = scan.toDelta(n);
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

/** Some of a table's rows, from a cursor on; in scratch. */
class TableScan {
  readonly #table: StateTable;
  readonly #cursor: Address;
  readonly #to: number;
  readonly #keys: Address;
  readonly #lengths: Address;
  readonly #refs: Address;

  constructor(table: StateTable, cursor: readonly number[], to: number) {
    const { memory } = table;
    this.#table = table;
    this.#to = to;
    this.#cursor = memory.scratch(16);
    this.#keys = memory.scratch(PIECE_ROWS * 4);
    this.#lengths = memory.scratch(PIECE_ROWS * 4);
    this.#refs = memory.scratch(PIECE_ROWS * 4);
    memory.u32.set(cursor, this.#cursor / 4);
  }

  /** Where the next rows are. */
  get cursor(): number[] {
    return [...this.#table.memory.u32.subarray(this.#cursor / 4, this.#cursor / 4 + 4)];
  }

  /** Moves to the next rows; returns how many, 0 at the end. */
  next(): number {
    const { memory, address } = this.#table;
    return kernels(memory).stateScan(
      address,
      this.#cursor,
      this.#to,
      PIECE_ROWS,
      PIECE_BYTES,
      this.#keys,
      this.#lengths,
      this.#refs,
    );
  }

  /** The rows it stands on, copied into the form of a delta. */
  toDelta(n: number) {
    const { memory, valueBytes } = this.#table;
    const k = kernels(memory);
    const mark = memory.scratchMark();
    const values = memory.scratch(n * 4);
    const lengths = memory.scratch(n * 4);
    if (valueBytes === 'variable') k.stateValues(this.#refs, n, values, lengths);
    const parts = allocDelta(memory, {
      numRows: n,
      numRemoved: 0,
      valueBytes,
      keyBytes: k.slicesBytes(this.#lengths, n, 0),
      dataBytes: valueBytes === 'variable' ? k.slicesBytes(lengths, n, 0) : 0,
    });
    k.slicesGather(this.#keys, this.#lengths, n, 0, parts.keyOffsets, parts.keys);
    if (valueBytes === 'variable') k.slicesGather(values, lengths, n, 0, parts.values, parts.data);
    else for (let c = 0; c * 8 < valueBytes; c++) k.stateColumn(this.#refs, n, c, parts.values + c * n * 8);
    memory.releaseScratch(mark);
    return parts;
  }
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
    const message = `state cannot be written to ${path}: ${messageOf(cause)}; free space or give another checkpoint directory`;
    throw new EngineError('checkpointUnwritable', message, { cause });
  }
}
