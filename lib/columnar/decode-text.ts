import type { TextFormat } from '../core/format.js';
import type { BadSlice, Decoded, Decoder } from './decode-result.js';
import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

const RESULT_BYTES = 16;

/** Lines or words to one column of slices. A line has no LF or CRLF and may be empty; a word is never empty. */
export function makeTextDecoder(
  memory: SlotMemory,
  format: TextFormat,
  columns: readonly string[] | undefined,
): Decoder {
  const k = kernels(memory);
  const isKept = columns === undefined || columns.length > 0;
  const notUtf8 = `a ${format.unit} of UTF-8 wanted, got bytes that are not UTF-8`;

  function decode(address: Address, byteLength: number, final: boolean): Decoded {
    const end = address + byteLength;
    const linesEnd = k.lastLineEnd(address, end) >>> 0;
    const result = memory.scratch(RESULT_BYTES);
    k.lineCount(address, end, result);
    const [numLines, notAscii] = memory.u32.subarray(result >>> 2, (result >>> 2) + 2);
    const textEnd = final ? end : linesEnd;
    const isWords = format.unit === 'word';
    const room = (isWords ? k.wordCount(address, textEnd) >>> 0 : numLines) + 1;
    const values = memory.scratch(room * 4);
    const lengths = memory.scratch(room * 4);
    let numRows = isWords
      ? k.textWords(address, textEnd, values, lengths)
      : k.textLines(address, linesEnd, values, lengths);
    if (!isWords && final && linesEnd < end) {
      memory.u32[(values >>> 2) + numRows] = linesEnd;
      memory.u32[(lengths >>> 2) + numRows] = end - linesEnd;
      numRows++;
    }
    const consumed = final ? byteLength : linesEnd - address;
    const bad: BadSlice[] = [];
    if (notAscii !== 0 && k.validUtf8(address, address + consumed) === 0) {
      numRows = dropInvalid(address, values, lengths, numRows, bad);
    }
    return {
      chunk: {
        kind: 'columns',
        numRows,
        memory,
        schema: format.columns,
        columns: [isKept ? { values, lengths, validity: 0 } : undefined],
        ascii: notAscii === 0,
        textStart: address,
        textEnd: end,
        scalar: format.scalar,
      },
      consumed,
      dropped: 0,
      bad,
    };
  }

  /** Moves the valid lines together; returns how many there are. */
  function dropInvalid(start: Address, values: Address, lengths: Address, numRows: number, bad: BadSlice[]): number {
    const u32 = memory.u32;
    let kept = 0;
    for (let row = 0; row < numRows; row++) {
      const line = u32[(values >>> 2) + row];
      const length = u32[(lengths >>> 2) + row];
      if (k.validUtf8(line, line + length) === 0) {
        bad.push({ offset: line - start, byteLength: length, reason: notUtf8 });
        continue;
      }
      u32[(values >>> 2) + kept] = line;
      u32[(lengths >>> 2) + kept] = length;
      kept++;
    }
    return kept;
  }
  return { decode };
}
