/** Reads a static table where the job has it, and checks that workers can. */
import { EngineError, messageOf } from '../core/errors.js';
import type { FileStat, FileSystem } from '../core/file-system.js';
import { encodeValue } from '../core/value-codec.js';
import { createSlotMemory, SlotMemory } from '../columnar/slot-memory.js';
import type { TableSource } from '../api/static-table.js';
import { hasCode } from '../checkpoint/checkpoint-files.js';
import { tableRows } from '../sources/table-rows.js';

/** What tells that a file may be another: nobody looks into it while this is the same. */
export type FileMark = Pick<FileStat, 'size' | 'mtimeMs' | 'ino'>;

export interface ReadTable {
  readonly bytes: Uint8Array;
  /** Undefined for rows of the job. */
  readonly mark: FileMark | undefined;
}

const isSame = (a: FileMark | undefined, b: FileMark): boolean =>
  a !== undefined && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ino === b.ino;

/**
 * The table as it is now, or undefined when it is as it was, or being written.
 *
 * @param known of the version before
 * Throws `inputMissing` for a file that cannot be read.
 */
export async function readTable(
  fs: FileSystem,
  id: string,
  { content, rows }: TableSource,
  known: FileMark | undefined,
): Promise<ReadTable | undefined> {
  if (content.kind === 'rows') {
    return known === undefined ? { bytes: encodeValue(rows), mark: undefined } : undefined;
  }
  try {
    const before = await fs.stat(content.path);
    if (isSame(known, before)) return undefined;
    const bytes = await fs.readFile(content.path);
    const { size, mtimeMs, ino } = await fs.stat(content.path);
    // Else it was written meanwhile: the next look finds it whole.
    const isWhole = bytes.length === size && isSame(before, { size, mtimeMs, ino });
    return isWhole ? { bytes, mark: { size, mtimeMs, ino } } : undefined;
  } catch (error) {
    const how = hasCode(error, 'ENOENT') ? 'is not there' : `cannot be read: ${messageOf(error)}`;
    const message = `table '${id}' wants the file ${content.path}, which ${how}: put it there, or give another path`;
    throw new EngineError('inputMissing', message, { cause: error });
  }
}

const MAX_SHOWN_BYTES = 80;

/**
 * Reads the version as workers will.
 *
 * @returns what to warn of, if anything: records that are left out
 * Throws `badRecord` for a file that has another header, or a bad record under onBadRecord: 'fail'; `typeMismatch` for
 * rows that do not fit their schema.
 */
export function checkTable(
  id: string,
  { content }: TableSource,
  bytes: Uint8Array,
  limitBytes: number,
): string | undefined {
  const memory = new SlotMemory(0, createSlotMemory(limitBytes), limitBytes);
  const { bad } = tableRows(memory, content, bytes, undefined, `table '${id}'`);
  const [first] = bad;
  if (first === undefined || content.kind === 'rows') return undefined;
  const shown = Buffer.from(bytes).toString(
    'utf8',
    first.offset,
    first.offset + Math.min(first.byteLength, MAX_SHOWN_BYTES),
  );
  const where = `${content.path} (byte ${first.offset}): ${first.reason}, in ${JSON.stringify(shown)}`;
  if (content.format.onBadRecord === 'fail') {
    throw new EngineError(
      'badRecord',
      `bad record in table '${id}', ${where}. Mend the file, or use onBadRecord: 'deadletter' or 'drop'`,
      { detail: { table: id, file: content.path, byteOffset: first.offset } },
    );
  }
  const others = bad.length === 1 ? '' : `, and ${bad.length - 1} more`;
  return `a record of table '${id}' cannot be read and is left out: ${where}${others}`;
}
