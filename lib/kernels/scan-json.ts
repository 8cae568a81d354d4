// Newline-delimited JSON objects into columns, walking the index of quotes, backslashes and control characters. A line
// is decoded here when it is plain: no escapes in names and in text that is kept, no tabs, no name twice, nothing nested
// in a declared field, every value of its column's type. What is accepted is exactly what JSON.parse accepts with the same values; any other line is
// handed to the caller and scanning goes on after it.
//
// Most lines look like the one before: the same names in the same order, with the same punctuation. So slot j holds
// what stood before the j-th value, `,"name":"` say, and one compare of 16 bytes finds it again, name, column and all.
//
//   slot, u32 each: 0 address of that text   4 its length   8 column entry or 0   12 whether it ends in the value's quote
//   state, u32 each: 0 next index entry (address)   4 where the next line begins   8 rows decoded
//                    12, 16 the line handed over, without its line end   20 slots in use   24 lines begun
//                    28, 32 the tests of the filter (scan-filter.ts) and their end   36 rows that failed them

import {
  BOOL, ENTRY_BYTES, isKept, KIND, NAME, NAME_LENGTH, putBool, putNull, putParsed, putText, STAMP, UTF8,
} from './scan-column';
import { sameBytes } from './scan-bytes';
import { rowPasses } from './scan-filter';
import { CR, LF, QUOTE } from './scan-structure';
import { validUtf8 } from './scan-utf8';

const SLOT_BYTES: usize = 16;
const MAX_SLOTS: u32 = 64;
const MAX_DEPTH: u32 = 64;
const SPACE: u32 = 0x20;
const MINUS: u32 = 0x2d;
const OPEN_OBJECT: u32 = 0x7b;
const CLOSE_OBJECT: u32 = 0x7d;
const OPEN_ARRAY: u32 = 0x5b;
const CLOSE_ARRAY: u32 = 0x5d;
const BACKSLASH: u32 = 0x5c;
const COLON: u32 = 0x3a;
const COMMA: u32 = 0x2c;

// Stops at the line's LF at the latest.
// @ts-ignore: decorator
@inline
function skipSpaces(p: usize): usize {
  while (<u32>load<u8>(p) == SPACE) p++;
  return p;
}

/** The column entry of a name, or 0. */
function columnOf(name: usize, length: usize, columns: usize, columnsEnd: usize): usize {
  for (let column = columns; column < columnsEnd; column += ENTRY_BYTES) {
    if (<usize>load<u32>(column, NAME_LENGTH) == length && sameBytes(load<u32>(column, NAME), name, length)) return column;
  }
  return 0;
}

function remember(slots: usize, slot: u32, start: usize, end: usize, column: usize, isText: bool, state: usize): void {
  const numSlots = load<u32>(state, 20);
  if (slot >= MAX_SLOTS || slot > numSlots) return;
  const at = slots + <usize>slot * SLOT_BYTES;
  store<u32>(at, start);
  store<u32>(at, end - start, 4);
  store<u32>(at, column, 8);
  store<u32>(at, isText ? 1 : 0, 12);
  if (slot == numSlots) store<u32>(state, slot + 1, 20);
}

/**
 * The index entry of the quote that closes a string, or 0; `k` is the first entry after the opening one. Escapes are
 * checked here and decoded elsewhere.
 */
function closingQuote(k: usize): usize {
  while (true) {
    const at: usize = load<u32>(k);
    const byte: u32 = load<u8>(at);
    if (byte == QUOTE) return k;
    if (byte != BACKSLASH) return 0;
    k += 4;
    switch (<u32>load<u8>(at, 1)) {
      case QUOTE:
      case BACKSLASH:
        k += 4;
        break;
      case 0x2f:
      case 0x62:
      case 0x66:
      case 0x6e:
      case 0x72:
      case 0x74:
        break;
      case 0x75:
        for (let p = at + 2; p < at + 6; p++) {
          const digit: u32 = load<u8>(p);
          if (digit - 0x30 > 9 && (digit | 0x20) - 0x61 > 5) return 0;
        }
        break;
      default:
        return 0;
    }
  }
}

// @ts-ignore: decorator
@inline
function digitsEnd(p: usize, end: usize): usize {
  for (; end - p >= 16; p += 16) {
    const others: u32 = i8x16.bitmask(i8x16.gt_u(i8x16.sub(v128.load(p), i8x16.splat(0x30)), i8x16.splat(9)));
    if (others) return p + <usize>ctz(others);
  }
  while (<u32>load<u8>(p) - 0x30 <= 9) p++;
  return p;
}

/** The end of the JSON number at `p`, or 0. */
function numberEnd(p: usize, end: usize): usize {
  if (<u32>load<u8>(p) == MINUS) p++;
  let stop = digitsEnd(p, end);
  if (stop == p || (stop - p > 1 && load<u8>(p) == 0x30)) return 0;
  p = stop;
  if (load<u8>(p) == 0x2e) {
    stop = digitsEnd(p + 1, end);
    if (stop == p + 1) return 0;
    p = stop;
  }
  if ((load<u8>(p) | 0x20) == 0x65) {
    p++;
    if (load<u8>(p) == 0x2b || load<u8>(p) == MINUS) p++;
    stop = digitsEnd(p, end);
    if (stop == p) return 0;
    p = stop;
  }
  return p;
}

/** The end of `true`, `false` or `null` at `p`, or 0. The shortest object that holds one has a byte behind it, and an LF. */
function literalEnd(p: usize, end: usize): usize {
  if (end - p < 6) return 0;
  const four = load<u32>(p);
  if (four == 0x65757274 || four == 0x6c6c756e) return p + 4;
  return four == 0x736c6166 && load<u8>(p, 4) == 0x65 ? p + 5 : 0;
}

/** The end of the object or array at `p`, or 0; `k` is the first index entry after `p`. */
function nestedEnd(p: usize, k: usize, end: usize): usize {
  let depth: u32 = 0;
  let objects: u64 = 0;
  while (true) {
    const byte: u32 = load<u8>(p);
    let wantsName = false;
    let isOpen = false;
    if (byte == OPEN_OBJECT || byte == OPEN_ARRAY) {
      if (depth == MAX_DEPTH) return 0;
      wantsName = byte == OPEN_OBJECT;
      objects = (objects << 1) | u64(wantsName);
      depth++;
      p = skipSpaces(p + 1);
      isOpen = <u32>load<u8>(p) != (wantsName ? CLOSE_OBJECT : CLOSE_ARRAY);
    } else if (byte == QUOTE) {
      k = closingQuote(k + 4);
      if (k == 0) return 0;
      const close: usize = load<u32>(k);
      k += 4;
      p = close + 1;
    } else {
      p = byte == MINUS || byte - 0x30 <= 9 ? numberEnd(p, end) : literalEnd(p, end);
      if (p == 0) return 0;
    }
    // After a value: what closes, until something follows.
    while (!isOpen) {
      p = skipSpaces(p);
      const next: u32 = load<u8>(p);
      const inObject = bool(objects & 1);
      p++;
      if (next == COMMA) {
        wantsName = inObject;
        isOpen = true;
        p = skipSpaces(p);
      } else if (next == (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        objects >>= 1;
        if (--depth == 0) return p;
      } else return 0;
    }
    if (wantsName) {
      if (<u32>load<u8>(p) != QUOTE) return 0;
      k = closingQuote(k + 4);
      if (k == 0) return 0;
      const close: usize = load<u32>(k);
      k += 4;
      p = skipSpaces(close + 1);
      if (<u32>load<u8>(p) != COLON) return 0;
      p = skipSpaces(p + 1);
    }
  }
}

/**
 * Decodes the line at `p` into `row`. Everything before `p` was looked at, so that the index entry `k` is always the
 * first structural byte from `p` on, and none but the line's LF ends a line.
 *
 * @returns the index entry of the line's LF, or 0 where the line is not plain
 */
// @ts-ignore: decorator
@inline
function decodeLine(
  p: usize, k: usize, end: usize, row: u32, stamp: u32, columns: usize, columnsEnd: usize, numColumns: u32,
  slots: usize, state: usize,
): usize {
  let numFound: u32 = 0;
  for (let slot: u32 = 0; ; slot++) {
    // p is at the line's first byte, or behind a value.
    const before = p;
    if (slot != 0 && <u32>load<u8>(p) == CLOSE_OBJECT) break;
    let column: usize = 0;
    let isText = false;
    const guess = slots + <usize>slot * SLOT_BYTES;
    const length: usize = slot < load<u32>(state, 20) ? load<u32>(guess, 4) : 0;
    if (length != 0 && end - p >= length && sameBytes(load<u32>(guess), p, length)) {
      column = load<u32>(guess, 8);
      isText = load<u32>(guess, 12) != 0;
      p += length;
      k += 8;
      if (!isText && <u32>load<u8>(p) == QUOTE) {
        // It was null, or a number, in the line before.
        isText = true;
        remember(slots, slot, before, ++p, column, isText, state);
      }
    } else {
      p = skipSpaces(p);
      const mark: u32 = load<u8>(p);
      if (mark == CLOSE_OBJECT && slot != 0) break;
      if (mark != (slot == 0 ? OPEN_OBJECT : COMMA)) return 0;
      p = skipSpaces(p + 1);
      if (slot == 0 && <u32>load<u8>(p) == CLOSE_OBJECT) break;
      if (<u32>load<u8>(p) != QUOTE) return 0;
      const close: usize = load<u32>(k, 4);
      if (<u32>load<u8>(close) != QUOTE) return 0;
      k += 8;
      column = columnOf(p + 1, close - p - 1, columns, columnsEnd);
      p = skipSpaces(close + 1);
      if (<u32>load<u8>(p) != COLON) return 0;
      p = skipSpaces(p + 1);
      isText = <u32>load<u8>(p) == QUOTE;
      p += usize(isText);
      remember(slots, slot, before, p, column, isText, state);
    }
    if (column) {
      if (load<u32>(column, STAMP) == stamp) return 0;
      store<u32>(column, stamp, STAMP);
      numFound++;
    }
    if (isText) {
      let close: usize = load<u32>(k, 4);
      k += 8;
      if (<u32>load<u8>(close) != QUOTE) {
        // Escapes matter only in text that is kept.
        if (column && (load<u32>(column, KIND) != UTF8 || isKept(column))) return 0;
        k = closingQuote(k - 4);
        if (k == 0) return 0;
        close = load<u32>(k);
        k += 4;
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
      p = nestedEnd(p, k, end);
      if (p == 0) return 0;
      while (<usize>load<u32>(k) < p) k += 4;
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
  p = skipSpaces(p + 1);
  if (load<u8>(p) == CR) {
    p++;
    k += 4;
  }
  if (load<u8>(p) != LF) return 0;
  if (numFound < numColumns) {
    for (let column = columns; column < columnsEnd; column += ENTRY_BYTES) {
      if (load<u32>(column, STAMP) != stamp && !putNull(column, row)) return 0;
    }
  }
  return k;
}

/**
 * Decodes lines until one has to be decided elsewhere (1) or none is left (0). The region ends in LF, so that the last
 * index entry is one.
 */
export function jsonDecode(
  end: usize, last: usize, columns: usize, numColumns: u32, checkText: bool, slots: usize, state: usize,
): u32 {
  const columnsEnd = columns + <usize>numColumns * ENTRY_BYTES;
  let k: usize = load<u32>(state);
  let p: usize = load<u32>(state, 4);
  let row: u32 = load<u32>(state, 8);
  let stamp: u32 = load<u32>(state, 24);
  const tests: usize = load<u32>(state, 28);
  const testsEnd: usize = load<u32>(state, 32);
  let dropped: u32 = load<u32>(state, 36);
  let answer: u32 = 0;
  while (k < last) {
    const line = p;
    let first = k;
    stamp++;
    k = decodeLine(p, k, end, row, stamp, columns, columnsEnd, numColumns, slots, state);
    const plain = k != 0;
    if (!plain) {
      while (load<u8>(load<u32>(first)) != LF) first += 4;
      k = first;
    }
    const at: usize = load<u32>(k);
    k += 4;
    p = at + 1;
    if (plain && (!checkText || validUtf8(line, at))) {
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
  store<u32>(state, k);
  store<u32>(state, p, 4);
  store<u32>(state, row, 8);
  store<u32>(state, stamp, 24);
  store<u32>(state, dropped, 36);
  return answer;
}
