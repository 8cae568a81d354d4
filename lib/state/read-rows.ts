/** Rows of state as they lie in snapshots and changes (`state-ipc.ts`), for tools that have no table to put them into. */
import type { Data, RecordBatch } from 'apache-arrow';
import { EngineError, messageOf } from '../core/errors.js';
import type { FileHandle } from '../core/file-system.js';
import { arrow } from '../columnar/arrow.js';
import { asArrowFile } from './state-ipc.js';

/** A number of a state's column; bytes where the value has no columns. */
export type StateField = number | bigint | Uint8Array;

/** One record batch. Everything it gives is a view of it. */
export class StateRows {
  readonly numRows: number;
  /** Whether the value is bytes of any length instead of columns of numbers. */
  readonly isVariable: boolean;
  readonly #key: Data;
  readonly #removed: Uint8Array;
  readonly #values: readonly Data[];

  constructor(batch: RecordBatch) {
    const [key, removed, ...values] = batch.data.children as [Data, Data, ...Data[]];
    this.numRows = batch.numRows;
    this.isVariable = values.some(column => column.valueOffsets !== undefined);
    this.#key = key;
    this.#removed = removed.values as Uint8Array;
    this.#values = values;
  }

  key(row: number): Uint8Array {
    return bytesAt(this.#key, row);
  }

  /** Whether the key has no state any more. */
  isRemoved(row: number): boolean {
    return ((this.#removed[row >> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  /** The values of a row, column by column. */
  values(row: number): StateField[] {
    return this.#values.map(column =>
      column.valueOffsets === undefined ? (column.values[row] as number | bigint) : bytesAt(column, row),
    );
  }
}

const bytesAt = ({ valueOffsets, values }: Data, row: number): Uint8Array =>
  (values as Uint8Array).subarray(Number(valueOffsets[row]), Number(valueOffsets[row + 1]));

/** The rows of an Arrow stream or file. Needs `loadArrow`. Throws `checkpointCorrupt`: check the checksum before. */
export async function* readStateRows(
  source: Uint8Array | { readonly file: FileHandle; readonly byteLength: number },
): AsyncGenerator<StateRows> {
  const { RecordBatchReader } = arrow();
  try {
    const reader =
      source instanceof Uint8Array
        ? RecordBatchReader.from(source).open()
        : await (await RecordBatchReader.from(asArrowFile(source.file, source.byteLength))).open();
    const fields = reader.schema?.fields ?? [];
    if (fields[0]?.name !== 'key' || fields[1]?.name !== 'removed')
      throw new EngineError('checkpointCorrupt', `its columns are (${fields.map(({ name }) => name).join(', ')})`);
    for (;;) {
      const { done, value } = (await reader.next()) as IteratorResult<RecordBatch>;
      if (done === true) return;
      yield new StateRows(value);
    }
  } catch (cause) {
    const message = `rows of state cannot be read as Arrow IPC: ${messageOf(cause)}`;
    throw new EngineError('checkpointCorrupt', message, { cause });
  }
}
