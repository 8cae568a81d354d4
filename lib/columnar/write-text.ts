import { kernels } from './kernels.js';
import type { Address, SlotMemory } from './slot-memory.js';

/**
 * Text as one run of bytes in scratch: strings are joined, encoded by one call, and cut again where they met.
 *
 * @param target u32[strings.length] for the addresses, in scratch
 * @param lengths u32[strings.length] for the byte lengths, in scratch
 * @returns whether all is ASCII
 */
export function writeText(memory: SlotMemory, strings: readonly string[], target: Address, lengths: Address): boolean {
  const joined = strings.join('');
  const byteLength = Buffer.byteLength(joined);
  const start = memory.scratch(byteLength);
  Buffer.from(memory.memory.buffer, start, byteLength).write(joined, 'utf8');
  const u32 = memory.u32;
  for (let row = 0; row < strings.length; row++) u32[(lengths >>> 2) + row] = strings[row].length;
  if (kernels(memory).cutText(start, target, lengths, strings.length) === 0) {
    encodeOneByOne(memory, strings, target, lengths);
    return false;
  }
  return byteLength === joined.length;
}

/** Where one string ends in a half of a surrogate pair and the next begins with the other, joining would make a character of them. */
function encodeOneByOne(memory: SlotMemory, strings: readonly string[], target: Address, lengths: Address): void {
  for (const [row, text] of strings.entries()) {
    const encoded = Buffer.from(text, 'utf8');
    const address = memory.scratch(encoded.byteLength);
    memory.bytes(address, encoded.byteLength).set(encoded);
    memory.u32[(target >>> 2) + row] = address;
    memory.u32[(lengths >>> 2) + row] = encoded.byteLength;
  }
}
