// Newline-delimited JSON objects into columns, in one pass. A line is decoded here when it is plain: no escapes in names
// and in text that is kept, no tabs, no name twice, nothing nested in a declared field, every value of its column's type.
// What is accepted is exactly what JSON.parse accepts with the same values; any other line is handed to the caller and
// scanning goes on after it.
//
// Most lines look like the one before: the same names in the same order, with the same punctuation. So slot j holds
// what stood before the j-th value, `,"name":"` say, and one compare of 16 bytes finds it again, name, column and all.
// Columns may lie in objects within: those have an entry in the table behind the columns', and what stands before a
// value may then close some objects and open others, `"}},"user":{"id":"`. Objects without columns are values.
//
//   slot, u32 each: 0 address of that text   4 its length   8 entry of the value's name or 0   12 whether it ends in the
//                   value's quote   16 entry of the object it begins in, 0 for the line's   20 of the one it ends in
//                   24 how many objects it opens                                                   32 bytes in all
//   state, u32 each: 4 where the next line begins   8 rows decoded   12, 16 the line handed over, without its line end
//                    20 slots in use   24 lines begun   28, 32 the tests of the filter (scan-filter.ts) and their end
//                    36 rows that failed them
//
// There is no index of structural bytes: to write one and walk it costs more than to look for the end of each text, since
// what stands between texts is known by the compare.

import {
  BOOL, ENTRY_BYTES, HAS_INDEX, isKept, KIND, NAME, NAME_LENGTH, OBJECT, PARENT, putBool, putNull, putParsed, putText,
  STAMP, UTF8,
} from './scan-column';
import { sameBytes } from './scan-bytes';
import { rowPasses } from './scan-filter';
import {
  CLOSE_OBJECT, closingQuote, COLON, COMMA, literalEnd, MINUS, nestedEnd, numberEnd, OPEN_ARRAY, OPEN_OBJECT, skipSpaces,
  textEnd,
} from './scan-json-text';
import { CR, LF, lineEnd, QUOTE } from './scan-structure';
import { validUtf8 } from './scan-utf8';

const SLOT_BYTES: usize = 32;
const MAX_SLOTS: u32 = 64;

/** The entry of a name in an object, or 0. */
function entryOf(object: usize, name: usize, length: usize, entries: usize, entriesEnd: usize): usize {
  for (let entry = entries; entry < entriesEnd; entry += ENTRY_BYTES) {
    if (<usize>load<u32>(entry, PARENT) != object || <usize>load<u32>(entry, NAME_LENGTH) != length) continue;
    if (sameBytes(load<u32>(entry, NAME), name, length)) return entry;
  }
  return 0;
}

function remember(
  slots: usize, slot: u32, start: usize, end: usize, entry: usize, isText: bool, from: usize, to: usize, opened: u32,
  state: usize,
): void {
  const numSlots = load<u32>(state, 20);
  if (slot >= MAX_SLOTS || slot > numSlots) return;
  const at = slots + <usize>slot * SLOT_BYTES;
  store<u32>(at, start);
  store<u32>(at, end - start, 4);
  store<u32>(at, entry, 8);
  store<u32>(at, isText ? 1 : 0, 12);
  store<u32>(at, from, 16);
  store<u32>(at, to, 20);
  store<u32>(at, opened, 24);
  if (slot == numSlots) store<u32>(state, slot + 1, 20);
}

/** Notes that an entry was met in this line; false where it was met before. */
// @ts-ignore: decorator
@inline
function isFirst(entry: usize, stamp: u32): bool {
  if (load<u32>(entry, STAMP) == stamp) return false;
  store<u32>(entry, stamp, STAMP);
  return true;
}

/**
 * Decodes the line at `p` into `row`.
 *
 * @returns its LF, or 0 where the line is not plain
 */
// @ts-ignore: decorator
@inline
function decodeLine(
  p: usize, end: usize, row: u32, stamp: u32, columns: usize, columnsEnd: usize, entriesEnd: usize, numColumns: u32,
  slots: usize, state: usize,
): usize {
  let numFound: u32 = 0;
  // The object that p is in, 0 for the line's.
  let object: usize = 0;
  for (let slot: u32 = 0; ; slot++) {
    // p is at the line's first byte, or behind a value.
    const before = p;
    if (slot != 0 && object == 0 && <u32>load<u8>(p) == CLOSE_OBJECT) break;
    let entry: usize = 0;
    let isText = false;
    let isKnown = false;
    // Behind the brace that opened an object.
    let isOpen = false;
    const from = object;
    let opened: u32 = 0;
    const guess = slots + <usize>slot * SLOT_BYTES;
    const length: usize = slot < load<u32>(state, 20) ? load<u32>(guess, 4) : 0;
    if (
      length != 0 && end - p >= length && <usize>load<u32>(guess, 16) == object &&
      sameBytes(load<u32>(guess), p, length)
    ) {
      entry = load<u32>(guess, 8);
      isText = load<u32>(guess, 12) != 0;
      object = load<u32>(guess, 20);
      opened = load<u32>(guess, 24);
      p += length;
      for (let up = object, left = opened; left != 0; left--) {
        if (!isFirst(up, stamp)) return 0;
        up = load<u32>(up, PARENT);
      }
      isKnown = true;
      if (!isText) {
        const byte: u32 = load<u8>(p);
        if (byte == QUOTE) {
          // It was null, or a number, in the line before.
          isText = true;
          remember(slots, slot, before, ++p, entry, isText, from, object, opened, state);
        } else if (byte == OPEN_OBJECT && entry != 0 && load<u32>(entry, KIND) == OBJECT) {
          // It was null.
          isKnown = false;
          isOpen = true;
        }
      }
    }
    if (!isKnown) {
      let isWhole = true;
      if (isOpen) {
        if (!isFirst(entry, stamp)) return 0;
        object = entry;
        opened++;
        p++;
      } else if (slot == 0) {
        p = skipSpaces(p);
        if (<u32>load<u8>(p) != OPEN_OBJECT) return 0;
        p++;
        isOpen = true;
      }
      while (true) {
        p = skipSpaces(p);
        const mark: u32 = load<u8>(p);
        if (mark == CLOSE_OBJECT) {
          if (object == 0) return finish(p, row, stamp, columns, columnsEnd, numFound, numColumns);
          object = load<u32>(object, PARENT);
          // What is opened and closed in one text would have to be known of it too.
          if (opened != 0) isWhole = false;
          isOpen = false;
          p++;
          continue;
        }
        if (!isOpen) {
          if (mark != COMMA) return 0;
          p = skipSpaces(p + 1);
        }
        if (<u32>load<u8>(p) != QUOTE) return 0;
        const close = textEnd(++p, end);
        if (<u32>load<u8>(close) != QUOTE) return 0;
        entry = entryOf(object, p, close - p, columns, entriesEnd);
        p = skipSpaces(close + 1);
        if (<u32>load<u8>(p) != COLON) return 0;
        p = skipSpaces(p + 1);
        if (entry == 0 || <u32>load<u8>(p) != OPEN_OBJECT || load<u32>(entry, KIND) != OBJECT) break;
        if (!isFirst(entry, stamp)) return 0;
        object = entry;
        opened++;
        isOpen = true;
        p++;
      }
      isText = <u32>load<u8>(p) == QUOTE;
      p += usize(isText);
      if (isWhole) remember(slots, slot, before, p, entry, isText, from, object, opened, state);
    }
    let column: usize = 0;
    if (entry) {
      if (!isFirst(entry, stamp)) return 0;
      // An object with columns that is something else here has none of them.
      if (load<u32>(entry, KIND) != OBJECT) {
        column = entry;
        numFound++;
      } else if (<u32>load<u8>(p) == OPEN_ARRAY && !isText && load<u32>(entry, HAS_INDEX) != 0) return 0;
    }
    if (isText) {
      let close = textEnd(p, end);
      if (<u32>load<u8>(close) != QUOTE) {
        // Escapes matter only in text that is kept.
        if (column && (load<u32>(column, KIND) != UTF8 || isKept(column))) return 0;
        close = closingQuote(close, end);
        if (close == 0) return 0;
      }
      if (column) {
        const kind = load<u32>(column, KIND);
        if (kind == UTF8) putText(column, row, p, close - p);
        else if (kind == BOOL || !putParsed(column, row, p, close)) return 0;
      }
      p = close + 1;
      continue;
    }
    const byte: u32 = load<u8>(p);
    if (byte == MINUS || byte - 0x30 <= 9) {
      const stop = numberEnd(p, end);
      if (stop == 0) return 0;
      // putParsed refuses text; it would take 0 and 1 for booleans, which JSON writes as words.
      if (column && (load<u32>(column, KIND) == BOOL || !putParsed(column, row, p, stop))) return 0;
      p = stop;
    } else if (byte == OPEN_OBJECT || byte == OPEN_ARRAY) {
      if (column) return 0;
      p = nestedEnd(p, end);
      if (p == 0) return 0;
    } else {
      const stop = literalEnd(p, end);
      if (stop == 0) return 0;
      if (column) {
        if (byte == 0x6e) {
          if (!putNull(column, row)) return 0;
        } else if (load<u32>(column, KIND) != BOOL || !putBool(column, row, byte == 0x74 ? 1 : 0)) return 0;
      }
      p = stop;
    }
  }
  return finish(p, row, stamp, columns, columnsEnd, numFound, numColumns);
}

/** From the brace that closes the line's object on: what it lacks is null. @returns the line's LF, or 0 */
// @ts-ignore: decorator
@inline
function finish(
  p: usize, row: u32, stamp: u32, columns: usize, columnsEnd: usize, numFound: u32, numColumns: u32,
): usize {
  p = skipSpaces(p + 1);
  if (<u32>load<u8>(p) == CR) p++;
  if (<u32>load<u8>(p) != LF) return 0;
  if (numFound < numColumns) {
    for (let column = columns; column < columnsEnd; column += ENTRY_BYTES) {
      if (load<u32>(column, STAMP) != stamp && !putNull(column, row)) return 0;
    }
  }
  return p;
}

/**
 * Decodes lines until one has to be decided elsewhere (1) or none is left (0). The region ends in LF.
 *
 * @param columns entries of `numColumns` columns and behind them `numObjects` objects that some of them lie in
 * @param slots room for 64
 */
export function jsonDecode(
  end: usize, columns: usize, numColumns: u32, numObjects: u32, checkText: bool, slots: usize, state: usize,
): u32 {
  const columnsEnd = columns + <usize>numColumns * ENTRY_BYTES;
  const entriesEnd = columnsEnd + <usize>numObjects * ENTRY_BYTES;
  let p: usize = load<u32>(state, 4);
  let row: u32 = load<u32>(state, 8);
  let stamp: u32 = load<u32>(state, 24);
  const tests: usize = load<u32>(state, 28);
  const testsEnd: usize = load<u32>(state, 32);
  let dropped: u32 = load<u32>(state, 36);
  let answer: u32 = 0;
  while (p < end) {
    const line = p;
    stamp++;
    let at = decodeLine(p, end, row, stamp, columns, columnsEnd, entriesEnd, numColumns, slots, state);
    const isPlain = at != 0;
    if (!isPlain) at = lineEnd(line, end) - 1;
    p = at + 1;
    if (isPlain && (!checkText || validUtf8(line, at))) {
      const passes = rowPasses(tests, testsEnd, row);
      row += passes;
      dropped += passes ^ 1;
      continue;
    }
    const stop = at > line && load<u8>(at - 1) == CR ? at - 1 : at;
    if (stop == line) continue;
    store<u32>(state, line, 12);
    store<u32>(state, stop, 16);
    answer = 1;
    break;
  }
  store<u32>(state, p, 4);
  store<u32>(state, row, 8);
  store<u32>(state, stamp, 24);
  store<u32>(state, dropped, 36);
  return answer;
}
