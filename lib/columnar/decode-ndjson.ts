import { isUtf8 } from 'node:buffer';
import { messageOf } from '../core/errors.js';
import type { NdjsonFormat } from '../core/format.js';
import { pathOf } from '../core/json-paths.js';
import { DecodeColumns } from './decode-columns.js';
import { DecodeFilter } from './decode-filter.js';
import type { BadSlice, Decoded, Decoder } from './decode-result.js';
import { valuesOfObject } from './decode-json-object.js';
import { Misfit } from './decode-value.js';
import type { CellValue } from './decode-value.js';
import { placesOf } from './json-objects.js';
import { kernels } from './kernels.js';
import type { Predicate } from './predicate-data.js';
import type { Address, SlotMemory } from './slot-memory.js';

const STATE_BYTES = 64;
const SLOTS_BYTES = 2048;

/** The values of the declared columns of one line, by JSON.parse, or why it has none. */
function valuesOfLine(line: Buffer, format: NdjsonFormat): CellValue[] | Misfit {
  if (!isUtf8(line)) return new Misfit('a JSON object wanted, got bytes that are not UTF-8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.toString('utf8'));
  } catch (error) {
    return new Misfit(`a JSON object wanted: ${messageOf(error)}`);
  }
  return valuesOfObject(format, parsed);
}

/**
 * Lines of JSON to columns: the kernel takes plain lines; any other comes back with its bounds and takes JSON.parse,
 * with the same answer.
 *
 * @param columns names the plan uses; undefined = all
 * @param where leaves out records of which it is not true, as far as `DecodeFilter` can test it
 */
export function makeNdjsonDecoder(
  memory: SlotMemory,
  format: NdjsonFormat,
  columns: readonly string[] | undefined,
  where: Predicate | undefined,
): Decoder {
  const declared = format.columns;
  const places = placesOf(declared.map(column => pathOf(column, format.paths)));
  const k = kernels(memory);
  const target = new DecodeColumns(memory, declared, columns, places);
  const filter = new DecodeFilter(memory, declared, columns, where);

  function decode(address: Address, byteLength: number, final: boolean): Decoded {
    const end = address + byteLength;
    const linesEnd = k.lastLineEnd(address, end) >>> 0;
    const state = memory.scratch(STATE_BYTES);
    const slots = memory.scratch(SLOTS_BYTES);
    k.lineCount(address, linesEnd, state);
    const [numLines, notAscii] = memory.u32.subarray(state >>> 2, (state >>> 2) + 2);
    target.begin(numLines + 1);
    memory.u32.set([0, address, 0, 0, 0, 0, 0, ...filter.begin(target), 0], state >>> 2);
    const checkText = notAscii !== 0 && k.validUtf8(address, linesEnd) === 0;
    let ascii = notAscii === 0;

    const bad: BadSlice[] = [];
    const decide = (from: Address, to: Address): void => {
      const line = Buffer.from(memory.bytes(from, to - from));
      const values = valuesOfLine(line, format);
      if (values instanceof Misfit) {
        bad.push({ offset: from - address, byteLength: to - from, reason: values.reason });
        return;
      }
      const row = memory.u32[(state >>> 2) + 2];
      target.putRow(row, values);
      filter.count(state);
    };
    const check = checkText ? 1 : 0;
    while (k.jsonDecode(linesEnd, target.table, declared.length, places.objects.length, check, slots, state) === 1) {
      decide(memory.u32[(state >>> 2) + 3], memory.u32[(state >>> 2) + 4]);
    }
    if (final && linesEnd < end) decide(linesEnd, end);
    if (!target.ascii) ascii = false;

    return {
      chunk: {
        kind: 'columns',
        numRows: memory.u32[(state >>> 2) + 2],
        memory,
        schema: declared,
        columns: target.vectors(),
        ascii,
        textStart: target.copiedText ? 0 : address,
        textEnd: target.copiedText ? 0 : end,
        scalar: false,
        tested: filter.tested,
      },
      consumed: final ? byteLength : linesEnd - address,
      dropped: memory.u32[(state >>> 2) + 9],
      bad,
    };
  }
  return { decode };
}
