/**
 * Where records go that could not be read, and those that a job leaves out because it fails on them: NDJSON lines, one a record, in files of their own that are committed with
 * the batch like any output.
 *
 *   {"source":"files","file":"in/a.csv","byteOffset":120,"line":7,"reason":"...","text":"...","base64":"...","batch":1700000000000}
 *
 *   {"source":"files","file":"in/a.csv","byteOffset":240,"line":9,"row":6,"reason":"...","value":{...},"range":null,"text":...}
 *
 * `base64` is the record's bytes (the first 64 KiB), `text` the same as text, or null where they are not UTF-8. A task
 * writes 10,000 of them in full; of more it only says how many: {"source":null,"omitted":123,"batch":...}.
 */
import type { BadRecord, LeftOutRecord } from '../core/bad-record.js';
import type { FileSystem } from '../core/file-system.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import { FileSinkDriver } from './file-sink-driver.js';
import type { SinkDriver, StagedBlocks } from './sink.js';
import type { RollOptions } from '../core/file-sink-spec.js';
import { StagedText } from './staged-text.js';

const MAX_RECORDS = 10_000;
/** Characters of a value, or of a range, as JSON: more is left away. */
const MAX_VALUE_CHARS = 64 * 1024;
const MAX_RANGE_CHARS = 1024;
/** Characters of lines written together. */
const GROUP_CHARS = 64 * 1024;

/** Stages one task attempt's bad records. */
export class DeadLetterWriter {
  readonly #staged: StagedText;
  readonly #batch: number;
  readonly #maxRecords: number;
  /** Takes only text that gives the same bytes back. */
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #lines = '';
  #numLines = 0;
  #numRecords = 0;

  /** @param batch the batch time */
  constructor(memory: SlotMemory, batch: number, maxRecords = MAX_RECORDS) {
    this.#staged = new StagedText(memory);
    this.#batch = batch;
    this.#maxRecords = maxRecords;
  }

  write(record: BadRecord): void {
    this.#numRecords++;
    if (this.#numRecords > this.#maxRecords) return;
    const { source, file, byteOffset, line, reason, bytes } = record;
    const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    this.#add({ source, file, byteOffset, line, reason, text: this.#textOf(bytes), base64, batch: this.#batch });
  }

  /**
   * A record that was read: with its number among those of its task, the row that was made of it, and its bytes and
   * place where the source has them, else the range that the task reads.
   */
  writeLeftOut({ source, row, reason, value, place, range }: LeftOutRecord): void {
    this.#numRecords++;
    if (this.#numRecords > this.#maxRecords) return;
    const { file = null, byteOffset = null, line = null } = place ?? {};
    const bytes = place?.bytes ?? Buffer.from(jsonOf(value, MAX_VALUE_CHARS) ?? '', 'utf8');
    this.#add({
      ...{ source, file, byteOffset, line, row, reason },
      value: parsed(jsonOf(value, MAX_VALUE_CHARS)),
      range: place === undefined ? parsed(jsonOf(range, MAX_RANGE_CHARS)) : null,
      text: this.#textOf(bytes),
      base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
      batch: this.#batch,
    });
  }

  /** `numRows` counts lines. */
  finish(): StagedBlocks {
    const omitted = this.#numRecords - this.#maxRecords;
    if (omitted > 0) this.#add({ source: null, omitted, batch: this.#batch });
    this.#flush();
    return this.#staged.finish();
  }

  #textOf(bytes: Uint8Array): string | null {
    try {
      // A copy: the decoder takes no shared memory.
      return this.#decoder.decode(bytes.slice());
    } catch (error) {
      if (error instanceof TypeError) return null;
      throw error;
    }
  }

  #add(line: object): void {
    this.#lines += `${JSON.stringify(line)}\n`;
    this.#numLines++;
    if (this.#lines.length >= GROUP_CHARS) this.#flush();
  }

  #flush(): void {
    if (this.#numLines > 0) this.#staged.write(this.#lines, this.#numLines, '');
    this.#lines = '';
    this.#numLines = 0;
  }
}

/** The driver half: files `deadletter-000000.ndjson` in a folder. */
export function makeDeadLetterSink(folder: string, fs: FileSystem, roll: RollOptions): SinkDriver {
  const files = { prefix: 'deadletter', extension: '.ndjson', hasHeader: false } as const;
  return new FileSinkDriver(fs, { path: folder, isFolder: true, ...files, ...roll });
}

/** A value as JSON, as far as JSON has it; undefined where it is too long or cannot be written. */
function jsonOf(value: unknown, maxChars: number): string | undefined {
  try {
    const json = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
    return json === undefined || json.length > maxChars ? undefined : json;
  } catch {
    // A row of the program's own may be a thing that refuses.
    return undefined;
  }
}

const parsed = (json: string | undefined): unknown => (json === undefined ? null : JSON.parse(json));
