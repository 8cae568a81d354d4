import { EngineError } from '../core/errors.js';
import type { CsvFormat } from '../core/format.js';
import { csvHeaderProblem, CsvRecords } from './decode-csv-record.js';
import { DecodeColumns } from './decode-columns.js';
import { DecodeFilter } from './decode-filter.js';
import type { BadSlice, Decoded, Decoder } from './decode-result.js';
import { Misfit } from './decode-value.js';
import { kernels } from './kernels.js';
import type { Predicate } from './predicate-data.js';
import type { Address, SlotMemory } from './slot-memory.js';

const STATE_BYTES = 64;
/** The index kernel writes 8 or 16 entries at a time. */
const INDEX_SLACK = 16;

/**
 * CSV records to columns: the kernels count, index and decode; a record that is not regular in every field comes back
 * with its bounds and is decided by `CsvRecords`.
 *
 * @param columns names the plan uses; undefined = all
 * @param header names of the record's fields; undefined = the declared columns in order.
 *   Throws `typeMismatch` when a declared column is not among them.
 * @param where leaves out records of which it is not true, as far as `DecodeFilter` can test it
 */
export function makeCsvDecoder(
  memory: SlotMemory,
  format: CsvFormat,
  columns: readonly string[] | undefined,
  header: readonly string[] | undefined,
  where: Predicate | undefined,
): Decoder {
  const declared = format.columns;
  const names = header ?? declared.map(column => column.name);
  const problem = csvHeaderProblem(names, declared);
  if (problem !== undefined) throw new EngineError('typeMismatch', problem);
  const k = kernels(memory);
  const target = new DecodeColumns(memory, declared, columns);
  const filter = new DecodeFilter(memory, declared, columns, where);
  const records = new CsvRecords(declared, format.delimiter, names);
  const places = names.map(name => declared.findIndex(column => column.name === name));
  const delimiter = format.delimiter.charCodeAt(0);
  const keepsText = declared.some(column => column.kind === 'utf8' && (columns?.includes(column.name) ?? true));
  const hasText = declared.some(column => column.kind === 'utf8');

  function decode(address: Address, byteLength: number, final: boolean): Decoded {
    const end = address + byteLength;
    const state = memory.scratch(STATE_BYTES);
    k.csvCount(address, end, delimiter, state);
    const [numMarks, numLines, notAscii, doubled] = memory.u32.subarray(state >>> 2, (state >>> 2) + 4);
    const index = memory.scratch((numMarks + INDEX_SLACK) * 4);
    k.csvIndex(address, end, delimiter, index);
    target.begin(numLines + 1);
    const fields = memory.scratch(names.length * 4);
    const unescaped = doubled !== 0 && keepsText ? memory.scratch(byteLength) : 0;
    memory.u32.set(
      places.map(place => (place < 0 ? 0 : target.entry(place))),
      fields >>> 2,
    );
    memory.u32.set([index, address, 0, 0, 0, unescaped, 0, ...filter.begin(target), 0], state >>> 2);
    // What follows the last LF is cut anywhere, perhaps inside a character; it belongs to no complete record.
    const checkedEnd = notAscii === 0 || final ? end : k.lastLineEnd(address, end) >>> 0;
    const checkText = hasText && notAscii !== 0 && k.validUtf8(address, checkedEnd) === 0;

    const bad: BadSlice[] = [];
    const decide = (from: Address, to: Address): void => {
      const values = records.values(Buffer.from(memory.memory.buffer, from, to - from).toString('latin1'));
      const row = memory.u32[(state >>> 2) + 2];
      if (values instanceof Misfit) {
        bad.push({ offset: from - address, byteLength: to - from, reason: values.reason });
        return;
      }
      target.putRow(row, values);
      filter.count(state);
    };
    while (k.csvDecode(delimiter, index + numMarks * 4, fields, names.length, checkText ? 1 : 0, state) === 1) {
      decide(memory.u32[(state >>> 2) + 3], memory.u32[(state >>> 2) + 4]);
    }
    const rest = memory.u32[(state >>> 2) + 1];
    if (final && rest < end) decide(rest, end);

    const inPlace = !target.copiedText && memory.u32[(state >>> 2) + 5] === unescaped;
    return {
      chunk: {
        kind: 'columns',
        numRows: memory.u32[(state >>> 2) + 2],
        memory,
        schema: declared,
        columns: target.vectors(),
        ascii: notAscii === 0 && target.ascii,
        textStart: inPlace ? address : 0,
        textEnd: inPlace ? end : 0,
        scalar: false,
        tested: filter.tested,
      },
      consumed: final ? byteLength : rest - address,
      dropped: memory.u32[(state >>> 2) + 9],
      bad,
    };
  }
  return { decode };
}
