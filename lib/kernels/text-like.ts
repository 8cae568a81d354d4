// LIKE over slices of UTF-8. A pattern is u32 steps: a byte that must stand there, ANY_CHARACTER, or ANY_TEXT. Bytes come
// in whole characters, so a step of one is only ever tried where a character begins.
import { bitOf } from './group-bytes';

const ANY_CHARACTER: u32 = 256;
const ANY_TEXT: u32 = 257;

/** Behind the character that begins at p. */
// @ts-ignore: decorator
@inline
function nextCharacter(p: usize): usize {
  const byte: u32 = load<u8>(p);
  return p + (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);
}

/** Where the step can first hold from p on, or `end`. */
// @ts-ignore: decorator
@inline
function skipTo(step: u32, p: usize, end: usize): usize {
  if (step > 0xff) return p;
  const wanted = i8x16.splat(<i8>step);
  for (; p < end; p += 16) {
    const bits: u32 = i8x16.bitmask(i8x16.eq(v128.load(p), wanted));
    if (bits) return min(p + <usize>ctz(bits), end);
  }
  return end;
}

/** What a `%` takes is only ever extended for the last one: an earlier one cannot do better. */
function isLike(p: usize, end: usize, steps: usize, stepsEnd: usize): bool {
  let step = steps;
  let resume: usize = 0;
  let resumeAt: usize = 0;
  while (p < end) {
    if (step < stepsEnd) {
      const wanted = load<u32>(step);
      if (wanted == ANY_TEXT) {
        step += 4;
        if (step == stepsEnd) return true;
        resume = step;
        resumeAt = p = skipTo(load<u32>(step), p, end);
        continue;
      }
      if (wanted == ANY_CHARACTER) {
        step += 4;
        p = nextCharacter(p);
        continue;
      }
      if (wanted == <u32>load<u8>(p)) {
        step += 4;
        p++;
        continue;
      }
    }
    if (resume == 0) return false;
    step = resume;
    resumeAt = p = skipTo(load<u32>(step), nextCharacter(resumeAt), end);
  }
  while (step < stepsEnd && load<u32>(step) == ANY_TEXT) step += 4;
  return step == stepsEnd;
}

/** A byte a row: 1 where the slice is like the pattern; 0 where null. */
export function textLike(values: usize, lengths: usize, steps: usize, numSteps: u32, validity: usize, n: u32, out: usize): void {
  const stepsEnd = steps + (<usize>numSteps << 2);
  for (let i: u32 = 0; i < n; i++) {
    let hit = false;
    if (validity == 0 || bitOf(validity, i)) {
      const p: usize = load<u32>(values + (<usize>i << 2));
      hit = isLike(p, p + load<u32>(lengths + (<usize>i << 2)), steps, stepsEnd);
    }
    store<u8>(out + i, u8(hit));
  }
}
