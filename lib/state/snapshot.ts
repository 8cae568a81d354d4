/**
 * A whole state table as one Arrow IPC file (columns: `state-ipc.ts`), written batch by batch, so that its size does not
 * matter. The file has its name from the start: what refers to it is written after it.
 */
import { crc32 } from 'node:zlib';
import { EngineError, messageOf } from '../core/errors.js';
import type { FileHandle, FileSystem } from '../core/file-system.js';
import { ipcWriter } from '../columnar/arrow.js';
import { kernels } from '../columnar/kernels.js';
import type { Address } from '../columnar/slot-memory.js';
import { allocDelta } from './delta-layout.js';
import { deltaBatch, type ValueColumns } from './state-ipc.js';
import type { StateTable } from './state-table.js';

/** Rows and bytes that a record batch has at the most (one row may have more bytes). */
const BATCH_ROWS = 65536;
const BATCH_BYTES = 16 * 1024 * 1024;

export interface WrittenSnapshot {
  readonly byteLength: number;
  /** Of all bytes of the file. */
  readonly crc32: number;
  readonly numRows: number;
}

/**
 * Creates or replaces the file and syncs it (not its directory). The table must not change meanwhile. Needs `loadArrow`.
 * Throws `checkpointUnwritable`, `memoryLimit`.
 */
export async function writeSnapshot(
  table: StateTable,
  path: string,
  columns: ValueColumns,
  fs: FileSystem,
): Promise<WrittenSnapshot> {
  const { memory } = table;
  const file = await ChecksummedFile.create(fs, path);
  const mark = memory.scratchMark();
  try {
    const writer = ipcWriter('file', bytes => file.add(bytes));
    const scan = new TableScan(table);
    let numRows = 0;
    for (let n = scan.next(); n > 0 || numRows === 0; n = scan.next()) {
      const parts = scan.toDelta(n);
      try {
        writer.write(deltaBatch(memory, parts, columns));
        await file.flush();
      } finally {
        memory.free(parts.address);
      }
      numRows += n;
      if (n === 0) break;
    }
    writer.finish();
    await file.end();
    return { byteLength: file.byteLength, crc32: file.crc32, numRows };
  } finally {
    memory.releaseScratch(mark);
    await file.close();
  }
}

/** Goes over a table's rows, some at a time. */
class TableScan {
  readonly #table: StateTable;
  readonly #cursor: Address;
  readonly #keys: Address;
  readonly #lengths: Address;
  readonly #refs: Address;

  constructor(table: StateTable) {
    const { memory } = table;
    this.#table = table;
    this.#cursor = memory.scratch(16);
    this.#keys = memory.scratch(BATCH_ROWS * 4);
    this.#lengths = memory.scratch(BATCH_ROWS * 4);
    this.#refs = memory.scratch(BATCH_ROWS * 4);
    memory.u32.set([0, 0, 0, 0], this.#cursor / 4);
  }

  /** Moves to the next rows; returns how many, 0 at the end. */
  next(): number {
    const { memory, address } = this.#table;
    return kernels(memory).stateScan(
      address,
      this.#cursor,
      BATCH_ROWS,
      BATCH_BYTES,
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

  async end(): Promise<void> {
    await this.flush();
    await guard(this.#path, () => this.#handle.sync());
  }

  close(): Promise<void> {
    return guard(this.#path, () => this.#handle.close());
  }
}

async function guard<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    const message = `state cannot be written to ${path}: ${messageOf(cause)}; free space or give another checkpoint directory`;
    throw new EngineError('checkpointUnwritable', message, { cause });
  }
}
