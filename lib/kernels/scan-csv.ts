// RFC 4180 records into columns, walking the index of quotes, delimiters and LFs. A record that is regular in every
// field is decoded here; any other is handed to the caller whole, with its exact bounds, and scanning goes on after it.
//
// state, u32 each: 0 next index entry (address)   4 where the next record begins   8 rows decoded
//                  12, 16 the record handed over, without its line end   20 where unescaped text goes
//                  28, 32 the tests of the filter (scan-filter.ts) and their end   36 rows that failed them
//
// fields: u32 each, the column entry (scan-column.ts) of the record's fields in order, 0 where undeclared.

import { isKept, KIND, putNull, putParsed, putText, UTF8 } from './scan-column';
import { rowPasses } from './scan-filter';
import { CR, LF, QUOTE } from './scan-structure';
import { validUtf8 } from './scan-utf8';

/** Copies text with its doubled quotes halved; returns the end of the copy. */
function unescape(start: usize, end: usize, out: usize): usize {
  for (let p = start; p < end; p++) {
    const byte = load<u8>(p);
    store<u8>(out++, byte);
    if (byte == QUOTE) p++;
  }
  return out;
}

// @ts-ignore: decorator
@inline
function putField(
  column: usize, row: u32, start: usize, stop: usize, quoted: bool, doubled: bool, checkText: bool, state: usize,
): bool {
  if (load<u32>(column, KIND) == UTF8) {
    if (start == stop && !quoted && putNull(column, row)) return true;
    if (checkText && !validUtf8(start, stop)) return false;
    if (!doubled) putText(column, row, start, stop - start);
    else if (isKept(column)) {
      const text: usize = load<u32>(state, 20);
      const textEnd = unescape(start, stop, text);
      putText(column, row, text, textEnd - text);
      store<u32>(state, textEnd, 20);
    }
    return true;
  }
  if (start == stop) return !quoted && putNull(column, row);
  return putParsed(column, row, start, stop);
}

/**
 * Decodes records until one has to be decided elsewhere (1) or no complete one is left (0); then `state` 4 says where
 * what is left begins.
 */
export function csvDecode(
  delimiter: u32, last: usize, fields: usize, numFields: u32, checkText: bool, state: usize,
): u32 {
  let k: usize = load<u32>(state);
  let p: usize = load<u32>(state, 4);
  let row: u32 = load<u32>(state, 8);
  const tests: usize = load<u32>(state, 28);
  const testsEnd: usize = load<u32>(state, 32);
  for (;;) {
    const record = p;
    let field: u32 = 0;
    let good = true;
    let at: usize = 0;
    let byte: u32 = 0;
    do {
      // Without a mark ahead the record does not end in this region. With one, p is inside the region.
      if (k >= last) return pause(state, k, record, row, 0);
      let start = p;
      let stop: usize = 0;
      let quoted = false;
      let doubled = false;
      at = load<u32>(k);
      if (<u32>load<u8>(p) == QUOTE) {
        quoted = true;
        start = p + 1;
        for (;;) {
          do {
            k += 4;
            if (k >= last) return pause(state, k, record, row, 0);
            stop = load<u32>(k);
          } while (<u32>load<u8>(stop) != QUOTE);
          k += 4;
          if (k >= last) return pause(state, k, record, row, 0);
          at = load<u32>(k);
          if (at != stop + 1 || <u32>load<u8>(at) != QUOTE) break;
          doubled = true;
        }
        byte = load<u8>(at);
        if (at != stop + 1 && (at != stop + 2 || byte != LF || load<u8>(stop, 1) != CR)) good = false;
      } else byte = load<u8>(at);
      // Quotes inside an unquoted field, or after a closing quote, are data.
      while (byte == QUOTE) {
        k += 4;
        if (k >= last) return pause(state, k, record, row, 0);
        at = load<u32>(k);
        byte = load<u8>(at);
      }
      if (!quoted) {
        stop = at;
        if (byte == LF && stop > start && load<u8>(stop - 1) == CR) stop--;
      }
      k += 4;
      p = at + 1;
      if (good && field < numFields) {
        const column: usize = load<u32>(fields + (field << 2));
        if (column) good = putField(column, row, start, stop, quoted, doubled, checkText, state);
      }
      field++;
    } while (byte != LF);

    if (field == 1) {
      const length = at - record;
      if (length == 0 || (length == 1 && load<u8>(record) == CR)) continue;
    }
    if (good && field == numFields) {
      const passes = rowPasses(tests, testsEnd, row);
      row += passes;
      store<u32>(state, load<u32>(state, 36) + (passes ^ 1), 36);
      continue;
    }
    store<u32>(state, record, 12);
    store<u32>(state, at > record && load<u8>(at - 1) == CR ? at - 1 : at, 16);
    return pause(state, k, p, row, 1);
  }
}

function pause(state: usize, k: usize, p: usize, row: u32, answer: u32): u32 {
  store<u32>(state, k);
  store<u32>(state, p, 4);
  store<u32>(state, row, 8);
  return answer;
}
