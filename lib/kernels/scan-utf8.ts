// UTF-8 validation by table look-up on the nibbles of neighbouring bytes: Keiser and Lemire, "Validating UTF-8 In Less
// Than One Instruction Per Byte", 2021, section 6. Each of the three tables says which errors its nibble allows; what all
// three allow is an error, except that two continuation bytes in a row are wanted after a lead of three or four bytes.

const TOO_SHORT: u8 = 1;
const TOO_LONG: u8 = 2;
const OVERLONG_3: u8 = 4;
const TOO_LARGE: u8 = 8;
const SURROGATE: u8 = 16;
const OVERLONG_2: u8 = 32;
/** Shares its bit with leads F5..FF followed by 8x: both are told apart by the low nibble of the lead. */
const OVERLONG_4: u8 = 64;
const TWO_CONTINUATIONS: u8 = 128;
const CARRY: u8 = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS;
const LEAD_F: u8 = TOO_SHORT | TOO_LARGE | OVERLONG_4;
const LARGE: u8 = CARRY | TOO_LARGE | OVERLONG_4;
const SECOND: u8 = TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS;
const SECOND_8: u8 = SECOND | OVERLONG_3 | OVERLONG_4;
const SECOND_9: u8 = SECOND | OVERLONG_3 | TOO_LARGE;
const SECOND_AB: u8 = SECOND | SURROGATE | TOO_LARGE;

// @ts-ignore: decorator
@inline
function errorsOf(bytes: v128, before: v128): v128 {
  const high1 = i8x16(
    TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
    <i8>TWO_CONTINUATIONS, <i8>TWO_CONTINUATIONS, <i8>TWO_CONTINUATIONS, <i8>TWO_CONTINUATIONS,
    TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE, LEAD_F,
  );
  const low1 = i8x16(
    <i8>(CARRY | OVERLONG_2 | OVERLONG_3 | OVERLONG_4), <i8>(CARRY | OVERLONG_2), <i8>CARRY, <i8>CARRY,
    <i8>(CARRY | TOO_LARGE), <i8>LARGE, <i8>LARGE, <i8>LARGE,
    <i8>LARGE, <i8>LARGE, <i8>LARGE, <i8>LARGE,
    <i8>LARGE, <i8>(LARGE | SURROGATE), <i8>LARGE, <i8>LARGE,
  );
  const high2 = i8x16(
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
    <i8>SECOND_8, <i8>SECOND_9, <i8>SECOND_AB, <i8>SECOND_AB,
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
  );
  const back1 = i8x16.shuffle(before, bytes, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  const back2 = i8x16.shuffle(before, bytes, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  const back3 = i8x16.shuffle(before, bytes, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28);
  const pairErrors = v128.and(
    v128.and(
      i8x16.swizzle(high1, i8x16.shr_u(back1, 4)),
      i8x16.swizzle(low1, v128.and(back1, i8x16.splat(0x0f))),
    ),
    i8x16.swizzle(high2, i8x16.shr_u(bytes, 4)),
  );
  // The top bit is set where a third or fourth byte must stand.
  const wanted = v128.or(i8x16.sub_sat_u(back2, i8x16.splat(0x60)), i8x16.sub_sat_u(back3, i8x16.splat(0x70)));
  return v128.xor(v128.and(wanted, i8x16.splat(-128)), pairErrors);
}

/** Whether the bytes of start..end are exactly UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
export function validUtf8(start: usize, end: usize): bool {
  let before = i8x16.splat(0);
  let errors = i8x16.splat(0);
  let p = start;
  for (; end - p >= 16; p += 16) {
    const bytes = v128.load(p);
    // ASCII after ASCII needs no look: most text is that.
    if (v128.any_true(v128.and(v128.or(bytes, before), i8x16.splat(-128)))) {
      errors = v128.or(errors, errorsOf(bytes, before));
    }
    before = bytes;
  }
  // The rest with zeros behind it (a character cut short meets an ASCII byte). Read backwards from the end: what lies
  // before the region is always memory, what lies after it may not be.
  const rest = end - p;
  const iota = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const tail = i8x16.swizzle(v128.load(end - 16), i8x16.add(iota, i8x16.splat(<i8>(16 - rest))));
  errors = v128.or(errors, errorsOf(tail, before));
  return !v128.any_true(errors);
}
