/** Short ASCII strings out of bytes, where asking Node for each costs more than the characters do. */

/** Names seen lately, by hash of their bytes: rows repeat them, and one string each keeps their objects alike. */
const NAME_SLOTS = 1024;
const names: string[] = Array.from({ length: NAME_SLOTS }, () => '');

/** The string of a few ASCII bytes, without making a Buffer first. */
export function spellAscii(bytes: Uint8Array, at: number, numChars: number): string {
  const units: number[] = [];
  units.length = numChars;
  for (let i = 0; i < numChars; i++) units[i] = bytes[at + i];
  return String.fromCharCode.apply(null, units);
}

/** The same, for names that come again and again: mostly the very string that was returned before. */
export function cachedName(bytes: Uint8Array, at: number, numChars: number): string {
  let hash = numChars;
  for (let i = 0; i < numChars; i++) hash = (Math.imul(hash, 31) + bytes[at + i]) | 0;
  const slot = (hash ^ (hash >>> 15)) & (NAME_SLOTS - 1);
  const known = names[slot];
  return isAt(known, bytes, at, numChars) ? known : (names[slot] = spellAscii(bytes, at, numChars));
}

function isAt(text: string, bytes: Uint8Array, at: number, numChars: number): boolean {
  if (text.length !== numChars) return false;
  for (let i = 0; i < numChars; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return true;
}
