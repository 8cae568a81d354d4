// Where the pieces of JSON text end. Each function looks at every byte that it passes and takes no control character, so
// none goes beyond the LF in which a line ends; 0 stands for text that JSON.parse would refuse, or that is too deep.

import { QUOTE } from './scan-structure';

const MAX_DEPTH: u32 = 64;
const SPACE: u32 = 0x20;
const BACKSLASH: u32 = 0x5c;
export const MINUS: u32 = 0x2d;
export const OPEN_OBJECT: u32 = 0x7b;
export const CLOSE_OBJECT: u32 = 0x7d;
export const OPEN_ARRAY: u32 = 0x5b;
const CLOSE_ARRAY: u32 = 0x5d;
export const COLON: u32 = 0x3a;
export const COMMA: u32 = 0x2c;

// Stops at the line's LF at the latest.
// @ts-ignore: decorator
@inline
export function skipSpaces(p: usize): usize {
  while (<u32>load<u8>(p) == SPACE) p++;
  return p;
}

/** The first quote, backslash or control character from `p` on. The region ends in one. */
// @ts-ignore: decorator
@inline
export function textEnd(p: usize, end: usize): usize {
  for (; end - p >= 16; p += 16) {
    const bytes = v128.load(p);
    const special = v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH)));
    const stops: u32 = i8x16.bitmask(v128.or(special, i8x16.le_u(bytes, i8x16.splat(<i8>SPACE - 1))));
    if (stops) return p + <usize>ctz(stops);
  }
  while (true) {
    const byte: u32 = load<u8>(p);
    if (byte == QUOTE || byte == BACKSLASH || byte < SPACE) return p;
    p++;
  }
}

/** The quote that closes the string whose first byte is at `p`, or 0. Escapes are checked here and decoded elsewhere. */
export function closingQuote(p: usize, end: usize): usize {
  while (true) {
    p = textEnd(p, end);
    const byte: u32 = load<u8>(p);
    if (byte == QUOTE) return p;
    if (byte != BACKSLASH) return 0;
    switch (<u32>load<u8>(p, 1)) {
      case QUOTE:
      case BACKSLASH:
      case 0x2f:
      case 0x62:
      case 0x66:
      case 0x6e:
      case 0x72:
      case 0x74:
        break;
      case 0x75:
        for (let at = p + 2; at < p + 6; at++) {
          const digit: u32 = load<u8>(at);
          if (digit - 0x30 > 9 && (digit | 0x20) - 0x61 > 5) return 0;
        }
        break;
      default:
        return 0;
    }
    p += 2;
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
export function numberEnd(p: usize, end: usize): usize {
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
export function literalEnd(p: usize, end: usize): usize {
  if (end - p < 6) return 0;
  const four = load<u32>(p);
  if (four == 0x65757274 || four == 0x6c6c756e) return p + 4;
  return four == 0x736c6166 && load<u8>(p, 4) == 0x65 ? p + 5 : 0;
}

/** The end of the object or array at `p`, or 0. */
export function nestedEnd(p: usize, end: usize): usize {
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
      const close = closingQuote(p + 1, end);
      if (close == 0) return 0;
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
      const close = closingQuote(p + 1, end);
      if (close == 0) return 0;
      p = skipSpaces(close + 1);
      if (<u32>load<u8>(p) != COLON) return 0;
      p = skipSpaces(p + 1);
    }
  }
}
