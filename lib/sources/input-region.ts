/** The bytes of one or more files that are decoded together, in a slot's memory, and where each of them came from. */
import type { Address, SlotMemory } from '../columnar/slot-memory.js';
import type { FilePiece } from './file-range.js';

interface Segment {
  readonly piece: FilePiece;
  /** Offset in the region, and in the file, of the segment's first byte. */
  offset: number;
  position: number;
}

const MIN_BYTES = 4096;

export class InputRegion {
  readonly #memory: SlotMemory;
  #address: Address;
  #capacity: number;
  #length = 0;
  #segments: Segment[] = [];

  /** Takes scratch, which lives until the task ends. */
  constructor(memory: SlotMemory, capacity: number) {
    this.#memory = memory;
    this.#capacity = Math.max(MIN_BYTES, capacity);
    this.#address = memory.scratch(this.#capacity);
  }

  get address(): Address {
    return this.#address;
  }

  /** Bytes in the region. */
  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length === this.#capacity;
  }

  /** What is free, to be read into. */
  space(): Uint8Array {
    return this.#memory.bytes(this.#address + this.#length, this.#capacity - this.#length);
  }

  /** Notes that `numBytes` of the file from `position` on were read into the free space. */
  append(piece: FilePiece, position: number, numBytes: number): void {
    this.#segments.push({ piece, offset: this.#length, position });
    this.#length += numBytes;
  }

  /** Where the byte at `offset` came from. */
  origin(offset: number): { readonly piece: FilePiece; readonly position: number } {
    const segment = this.#segments.findLast(candidate => candidate.offset <= offset) as Segment;
    return { piece: segment.piece, position: segment.position + offset - segment.offset };
  }

  /** Drops the first `numBytes`; the rest moves to the front. */
  drop(numBytes: number): void {
    const first = this.#segments.findLastIndex(segment => segment.offset <= numBytes);
    const kept = numBytes === this.#length ? [] : this.#segments.slice(Math.max(0, first));
    for (const segment of kept) {
      segment.offset -= numBytes;
      if (segment.offset >= 0) continue;
      segment.position -= segment.offset;
      segment.offset = 0;
    }
    this.#segments = kept;
    if (numBytes < this.#length)
      this.#memory.u8.copyWithin(this.#address, this.#address + numBytes, this.#address + this.#length);
    this.#length -= numBytes;
  }

  /** Doubles the space for a record that is larger. The space it had is given back when the task ends. */
  grow(): void {
    const address = this.#memory.scratch(this.#capacity * 2);
    this.#memory.u8.copyWithin(address, this.#address, this.#address + this.#length);
    this.#address = address;
    this.#capacity *= 2;
  }
}
