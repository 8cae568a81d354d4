import { messageOf } from '../../core/errors.js';
import type { Column } from '../../core/schema.js';
import { formatBinaryBytes } from '../../core/byte-size.js';
import { arrow, loadArrow } from '../../columnar/arrow.js';
import { arrowFrames } from './arrow-frames.js';
import { SocketReceiver } from './socket-receiver.js';

/** An Arrow message of more bytes, or what claims to be one, is refused. */
export const MAX_MESSAGE_BYTES = 64 * 1024 ** 2;

/**
 * Rows of an Arrow IPC stream from a TCP server. Columns are found by name; those that are not declared are left out.
 * A record batch is stored as one. What does not fit the declared columns is reported, and the connection begun anew.
 */
export class RawSocketReceiver extends SocketReceiver<{ readonly [name: string]: unknown }> {
  readonly #columns: readonly Column[];

  constructor(host: string, port: number, columns: readonly Column[]) {
    super(host, port);
    this.#columns = columns;
  }

  protected override async read(chunks: AsyncIterable<Buffer>): Promise<void> {
    await loadArrow();
    const { RecordBatchReader } = arrow();
    const reader = await RecordBatchReader.from(arrowFrames(chunks, MAX_MESSAGE_BYTES));
    for await (const recordBatch of reader) {
      const fields = this.#columns.map(column => ({ name: column.name, values: recordBatch.getChild(column.name) }));
      const missing = fields.filter(({ values }) => values === null).map(({ name }) => name);
      if (missing.length > 0) {
        const names = recordBatch.schema.fields.map(field => field.name).join(', ');
        throw new Error(`a stream with the columns ${missing.join(', ')} was wanted, it has ${names}`);
      }
      const rows: { [name: string]: unknown }[] = [];
      let textLength = 0;
      for (let row = 0; row < recordBatch.numRows; row++) {
        const cells = fields.map(({ name, values }): [string, unknown] => [name, plain(values?.get(row))]);
        // A text of a dictionary, and with it the message, is as long as it is times the rows that refer to it.
        for (const [, value] of cells) if (typeof value === 'string') textLength += value.length;
        if (textLength > MAX_MESSAGE_BYTES) {
          throw new Error(`a record batch whose texts are more than ${formatBinaryBytes(MAX_MESSAGE_BYTES)}`);
        }
        rows.push(Object.fromEntries(cells));
      }
      await this.#storeRows(rows);
    }
  }

  async #storeRows(rows: readonly { readonly [name: string]: unknown }[]): Promise<void> {
    try {
      await this.store(rows);
    } catch (error) {
      throw new Error(`a record batch of ${rows.length} rows was not stored: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Arrow's 64-bit integers as the numbers that a row holds; whether they fit is checked where rows are. */
const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
