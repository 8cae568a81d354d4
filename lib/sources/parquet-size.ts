/**
 * How much a Parquet file says that its rows will take, told from its footer before anything is unpacked: a few kilobytes
 * may stand for gigabytes, where a value is repeated or a codec does well.
 */
import type { Parquet } from '../columnar/parquet.js';

/** Of one value of one row, unpacked. */
const VALUE_BYTES = 8;

/** Bytes of the given columns, pages and values, or undefined where the footer cannot be read. */
export async function unpackedBytes(
  library: Parquet,
  bytes: Uint8Array<ArrayBuffer>,
  columns: readonly string[],
): Promise<number | undefined> {
  try {
    const file = await library.ParquetFile.fromFile(new Blob([bytes]));
    const metadata = file.metadata();
    let total = 0;
    for (const group of metadata.rowGroups()) {
      total += group.numRows() * columns.length * VALUE_BYTES;
      for (const column of group.columns()) {
        if (columns.includes(column.columnPath()[0] ?? '')) total += column.uncompressedSize();
      }
    }
    metadata.free();
    file.free();
    return total;
  } catch {
    // Whoever reads the file says what is wrong with it.
    return undefined;
  }
}
