/**
 * The parts of a record batch's body that are wanted, in the slot's memory: what no column needs is not read. Parts that lie
 * close together are read at once. Each lies at an address that is as much a multiple of 16 as its offset in the body, so
 * that what a writer aligned can be used where it is.
 */
import type { ArrowBuffer } from '../core/arrow-record-batch.js';
import type { Address, SlotMemory } from './slot-memory.js';

/** Why a record batch cannot be read, in words that follow "a record batch was wanted". Not for what is the engine's fault. */
export class ArrowDamage extends Error {}

/** Fills `target` with the bytes of the body from `offset` on, which are in the body. */
export type ReadBody = (offset: number, target: Uint8Array) => void;

/** A read costs about as much as the copy of so many bytes. */
const GAP_BYTES = 8192;
const ALIGNMENT = 16;

interface Span {
  readonly start: number;
  end: number;
  address: Address;
}

export class ArrowBody {
  readonly #spans: readonly Span[];

  /** Reads the buffers, which lie within the body, to scratch. */
  constructor(memory: SlotMemory, buffers: readonly ArrowBuffer[], read: ReadBody) {
    const spans: Span[] = [];
    for (const { offset, length } of buffers.toSorted((a, b) => a.offset - b.offset)) {
      if (length === 0) continue;
      const last = spans.at(-1);
      if (last !== undefined && offset <= last.end + GAP_BYTES) last.end = Math.max(last.end, offset + length);
      else spans.push({ start: offset, end: offset + length, address: 0 });
    }
    for (const span of spans) {
      const before = span.start % ALIGNMENT;
      span.address = memory.scratch(before + span.end - span.start) + before;
      read(span.start, memory.bytes(span.address, span.end - span.start));
    }
    this.#spans = spans;
  }

  /** Where a buffer's bytes are; 0 for one without any. */
  addressOf({ offset, length }: ArrowBuffer): Address {
    if (length === 0) return 0;
    const span = this.#spans.find(({ start, end }) => start <= offset && offset + length <= end);
    return span === undefined ? 0 : span.address + offset - span.start;
  }
}
