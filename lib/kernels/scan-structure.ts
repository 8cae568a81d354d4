// The bytes that give a record its structure, found 64 at a time: compare, one bit a byte, walk the set bits.
// A region is counted first, so that the index and the columns can be given their exact size, then indexed.
//
// In CSV those are quote, delimiter and LF. JSON needs none: see scan-json.ts.

export const QUOTE: u32 = 0x22;
export const LF: u32 = 0x0a;
export const CR: u32 = 0x0d;

/** Lanes count up to 255 before they are summed. */
const STEPS: usize = 255;

// @ts-ignore: decorator
@inline
function sumLanes(lanes: v128): u32 {
  const quads = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(lanes));
  return (
    i32x4.extract_lane(quads, 0) +
    i32x4.extract_lane(quads, 1) +
    i32x4.extract_lane(quads, 2) +
    i32x4.extract_lane(quads, 3)
  );
}

// @ts-ignore: decorator
@inline
function structure(bytes: v128, delimiter: v128): v128 {
  const quotes = i8x16.eq(bytes, i8x16.splat(<i8>QUOTE));
  return v128.or(v128.or(quotes, i8x16.eq(bytes, delimiter)), i8x16.eq(bytes, i8x16.splat(<i8>LF)));
}

// @ts-ignore: decorator
@inline
function isStructure(byte: u32, delimiter: u32): bool {
  return byte == QUOTE || byte == delimiter || byte == LF;
}

// result: u32 structural bytes, u32 LFs, u32 not 0 = not all ASCII, u32 not 0 = some quote follows a quote
export function csvCount(start: usize, end: usize, delimiter: u32, result: usize): void {
  const delimiters = i8x16.splat(<i8>delimiter);
  let p = start;
  let marks: u32 = 0;
  let lines: u32 = 0;
  let all = i8x16.splat(0);
  let doubled = i8x16.splat(0);
  // One byte more than a step is read: does a quote follow?
  while (end - p > 16) {
    let markLanes = i8x16.splat(0);
    let lineLanes = i8x16.splat(0);
    const stop = p + min(STEPS, (end - p - 1) >> 4) * 16;
    for (; p < stop; p += 16) {
      const bytes = v128.load(p);
      all = v128.or(all, bytes);
      markLanes = i8x16.sub(markLanes, structure(bytes, delimiters));
      lineLanes = i8x16.sub(lineLanes, i8x16.eq(bytes, i8x16.splat(<i8>LF)));
      const quote = i8x16.splat(<i8>QUOTE);
      doubled = v128.or(doubled, v128.and(i8x16.eq(bytes, quote), i8x16.eq(v128.load(p, 1), quote)));
    }
    marks += sumLanes(markLanes);
    lines += sumLanes(lineLanes);
  }
  let high: u32 = i8x16.bitmask(all);
  let pairs: u32 = v128.any_true(doubled) ? 1 : 0;
  for (; p < end; p++) {
    const byte: u32 = load<u8>(p);
    high |= byte & 0x80;
    if (isStructure(byte, delimiter)) marks++;
    if (byte == LF) lines++;
    if (byte == QUOTE && p > start && load<u8>(p - 1) == QUOTE) pairs = 1;
  }
  store<u32>(result, marks);
  store<u32>(result, lines, 4);
  store<u32>(result, high, 8);
  store<u32>(result, pairs, 12);
}

/** Writes `base` + the number of each set bit; may write up to 7 entries too many. Returns the end of those meant. */
// @ts-ignore: decorator
@inline
function writeBits(bits: u64, base: usize, out: usize): usize {
  const next = out + (<usize>popcnt(bits) << 2);
  // Eight without asking: the number of set bits is what a branch cannot predict.
  for (let i = 0; i < 8; i++) {
    store<u32>(out, base + <usize>ctz(bits), 0);
    bits &= bits - 1;
    out += 4;
  }
  while (bits) {
    for (let i = 0; i < 4; i++) {
      store<u32>(out, base + <usize>ctz(bits), 0);
      bits &= bits - 1;
      out += 4;
    }
  }
  return next;
}

/** Addresses of the structural bytes, u32 each; `index` has room for 16 more than there are. Returns how many. */
export function csvIndex(start: usize, end: usize, delimiter: u32, index: usize): u32 {
  const delimiters = i8x16.splat(<i8>delimiter);
  let p = start;
  let out = index;
  for (; end - p >= 64; p += 64) {
    const bits0 = <u64>(<u32>i8x16.bitmask(structure(v128.load(p), delimiters)));
    const bits1 = <u64>(<u32>i8x16.bitmask(structure(v128.load(p, 16), delimiters)));
    const bits2 = <u64>(<u32>i8x16.bitmask(structure(v128.load(p, 32), delimiters)));
    const bits3 = <u64>(<u32>i8x16.bitmask(structure(v128.load(p, 48), delimiters)));
    const bits = bits0 | (bits1 << 16) | (bits2 << 32) | (bits3 << 48);
    if (bits) out = writeBits(bits, p, out);
  }
  for (; p < end; p++) {
    if (!isStructure(load<u8>(p), delimiter)) continue;
    store<u32>(out, p);
    out += 4;
  }
  return <u32>((out - index) >> 2);
}

/** result: u32 LFs, u32 not 0 = not all ASCII */
export function lineCount(start: usize, end: usize, result: usize): void {
  let p = start;
  let lines: u32 = 0;
  let all = i8x16.splat(0);
  while (end - p >= 16) {
    let lanes = i8x16.splat(0);
    const stop = p + min(STEPS, (end - p) >> 4) * 16;
    for (; p < stop; p += 16) {
      const bytes = v128.load(p);
      all = v128.or(all, bytes);
      lanes = i8x16.sub(lanes, i8x16.eq(bytes, i8x16.splat(<i8>LF)));
    }
    lines += sumLanes(lanes);
  }
  let high: u32 = i8x16.bitmask(all);
  for (; p < end; p++) {
    const byte: u32 = load<u8>(p);
    high |= byte & 0x80;
    if (byte == LF) lines++;
  }
  store<u32>(result, lines);
  store<u32>(result, high, 4);
}

/** The address after the first LF; there is one. */
export function lineEnd(start: usize, end: usize): usize {
  let p = start;
  for (; end - p >= 16; p += 16) {
    const bits: u32 = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(<i8>LF)));
    if (bits) return p + <usize>ctz(bits) + 1;
  }
  while (<u32>load<u8>(p) != LF) p++;
  return p + 1;
}

/** The address after the last LF, or `start` when there is none. */
export function lastLineEnd(start: usize, end: usize): usize {
  let p = end;
  for (; p - start >= 16; p -= 16) {
    const bits: u32 = i8x16.bitmask(i8x16.eq(v128.load(p - 16), i8x16.splat(<i8>LF)));
    if (bits) return p - 16 + (32 - <usize>clz(bits));
  }
  for (; p > start; p--) {
    if (load<u8>(p - 1) == LF) return p;
  }
  return start;
}
