/**
 * Texts as slices of the slot's memory, `length` bytes of UTF-8 at `at`: compared where they lie, no string is made.
 * Bytes of two slices compare like the texts do, and a text's bytes occur in another's only where the text does.
 */

export function equalBytes(u8: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (u8[a + i] !== u8[b + i]) return false;
  return true;
}

/** Below 0, 0 or above 0. */
export function compareBytes(u8: Uint8Array, a: number, aLength: number, b: number, bLength: number): number {
  const shared = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < shared; i++) {
    const difference = Number(u8[a + i]) - Number(u8[b + i]);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

export const startsWithBytes = (u8: Uint8Array, a: number, aLength: number, b: number, bLength: number): boolean =>
  bLength <= aLength && equalBytes(u8, a, b, bLength);

export const endsWithBytes = (u8: Uint8Array, a: number, aLength: number, b: number, bLength: number): boolean =>
  bLength <= aLength && equalBytes(u8, a + aLength - bLength, b, bLength);

export function containsBytes(u8: Uint8Array, a: number, aLength: number, b: number, bLength: number): boolean {
  for (let i = 0; i + bLength <= aLength; i++) if (equalBytes(u8, a + i, b, bLength)) return true;
  return false;
}

/** Code points: bytes that do not continue a character. */
export function countCharacterBytes(u8: Uint8Array, a: number, length: number): number {
  let count = 0;
  for (let i = a; i < a + length; i++) if ((Number(u8[i]) & 0xc0) !== 0x80) count++;
  return count;
}
