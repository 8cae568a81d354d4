// Rows of columns as lines of text, put straight into an output block: CSV, JSON, or one text as it is.
//
// columns  u32 each, 32 bytes apart:  0 kind   4 values   8 lengths   12 validity (0: none is null)
//          16 address and 20 length of what stands before the field: `{"user":`, `,"n":`, or a delimiter
// The out block has 16 bytes behind `outEnd`, because text is copied 16 bytes at a time.
import { bitOf, copyLoose } from './group-bytes';
import { putInteger } from './write-number';

const CSV: u32 = 0;
const JSON: u32 = 1;

const UTF8: u32 = 0;
const INT32: u32 = 1;
const BOOL: u32 = 4;

const QUOTE: u8 = 0x22;
/** Bytes of a number, a truth value or null, with quotes and line end. */
const FIELD_BYTES: usize = 32;

/**
 * Writes rows from..to until one does not fit. `end` u32 out: the address behind the last line.
 *
 * @returns the first row that was not written
 */
export function writeLines(columns: usize, numColumns: u32, style: u32, delimiter: u32, from: u32, to: u32, out: usize, outEnd: usize, end: usize): u32 {
  let row = from;
  for (; row < to; row++) {
    const behind = writeLine(columns, numColumns, style, delimiter, row, out, outEnd);
    if (behind == 0) break;
    out = behind;
  }
  store<u32>(end, out);
  return row;
}

/** @returns the address behind the line, or 0 where it does not fit */
// @ts-ignore: decorator
@inline
function writeLine(columns: usize, numColumns: u32, style: u32, delimiter: u32, row: u32, start: usize, outEnd: usize): usize {
  let to = start;
  for (let c: u32 = 0; c < numColumns; c++) {
    const column = columns + (<usize>c << 5);
    const prefix: usize = load<u32>(column, 20);
    if (to + prefix + FIELD_BYTES > outEnd) return 0;
    copyLoose(to, load<u32>(column, 16), <u32>prefix);
    to += prefix;
    const validity: usize = load<u32>(column, 12);
    if (validity != 0 && bitOf(validity, row) == 0) {
      if (style == JSON) {
        store<u32>(to, 0x6c6c756e);
        to += 4;
      } else if (numColumns == 1 && style == CSV) to = putEmpty(to);
      continue;
    }
    const values: usize = load<u32>(column, 4);
    switch (load<u32>(column)) {
      case UTF8: {
        const length: usize = load<u32>(load<u32>(column, 8) + (<usize>row << 2));
        const most = style == JSON ? length * 6 : length * 2;
        if (to + most + FIELD_BYTES > outEnd) return 0;
        const text: usize = load<u32>(values + (<usize>row << 2));
        if (style == CSV) to = putCsvText(to, text, length, delimiter);
        else if (style == JSON) to = putJsonText(to, text, length);
        else {
          copyLoose(to, text, <u32>length);
          to += length;
        }
        break;
      }
      case INT32:
        to = putInteger(to, <i64>load<i32>(values + (<usize>row << 2)));
        break;
      case BOOL:
        if (load<u8>(values + row)) {
          store<u32>(to, 0x65757274);
          to += 4;
        } else {
          store<u64>(to, 0x65_736c6166);
          to += 5;
        }
        break;
      default:
        to = putInteger(to, load<i64>(values + (<usize>row << 3)));
    }
  }
  if (style == JSON) store<u8>(to++, 0x7d);
  store<u8>(to++, 0x0a);
  return to;
}

// @ts-ignore: decorator
@inline
function putEmpty(to: usize): usize {
  store<u16>(to, 0x2222);
  return to + 2;
}

// @ts-ignore: decorator
@inline
function inside(length: usize): u32 {
  return length >= 16 ? 0xffff : (1 << <u32>length) - 1;
}

/** As it is while it has nothing special; quoted, quotes doubled, where it has or is empty. */
// @ts-ignore: decorator
@inline
function putCsvText(to: usize, text: usize, length: usize, delimiter: u32): usize {
  if (length == 0) return putEmpty(to);
  for (let at: usize = 0; at < length; at += 16) {
    const bytes = v128.load(text + at);
    const special = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8>delimiter))),
      v128.or(i8x16.eq(bytes, i8x16.splat(0x0a)), i8x16.eq(bytes, i8x16.splat(0x0d))),
    );
    if (i8x16.bitmask(special) & inside(length - at)) return putQuoted(to, text, length);
    v128.store(to + at, bytes);
  }
  return to + length;
}

function putQuoted(to: usize, text: usize, length: usize): usize {
  store<u8>(to++, QUOTE);
  for (let at = text; at < text + length; at++) {
    const byte = load<u8>(at);
    store<u8>(to++, byte);
    if (byte == QUOTE) store<u8>(to++, QUOTE);
  }
  store<u8>(to, QUOTE);
  return to + 1;
}

// @ts-ignore: decorator
@inline
function putJsonText(to: usize, text: usize, length: usize): usize {
  store<u8>(to++, QUOTE);
  for (let at: usize = 0; at < length; at += 16) {
    const bytes = v128.load(text + at);
    const special = v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(0x5c))),
      i8x16.lt_u(bytes, i8x16.splat(0x20)),
    );
    if (i8x16.bitmask(special) & inside(length - at)) return putEscaped(to, text, length);
    v128.store(to + at, bytes);
  }
  store<u8>(to + length, QUOTE);
  return to + length + 1;
}

/** With the escapes that JSON.stringify writes; the opening quote is there. */
function putEscaped(to: usize, text: usize, length: usize): usize {
  for (let at = text; at < text + length; at++) {
    const byte = load<u8>(at);
    if (byte >= 0x20 && byte != QUOTE && byte != 0x5c) {
      store<u8>(to++, byte);
      continue;
    }
    store<u8>(to++, 0x5c);
    const letter = escapeLetter(byte);
    store<u8>(to++, letter);
    if (letter != 0x75) continue;
    store<u16>(to, 0x3030);
    store<u8>(to + 2, 48 + (byte >> 4));
    store<u8>(to + 3, (byte & 15) < 10 ? 48 + (byte & 15) : 87 + (byte & 15));
    to += 4;
  }
  store<u8>(to, QUOTE);
  return to + 1;
}

/** What stands behind the backslash; u where four digits follow. */
function escapeLetter(byte: u8): u8 {
  switch (byte) {
    case QUOTE:
      return QUOTE;
    case 0x5c:
      return 0x5c;
    case 8:
      return 0x62;
    case 9:
      return 0x74;
    case 10:
      return 0x6e;
    case 12:
      return 0x66;
    case 13:
      return 0x72;
    default:
      return 0x75;
  }
}
