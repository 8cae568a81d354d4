/**
 * The memory of one executor slot: a shared WebAssembly.Memory that the driver creates and keeps, so that blocks and
 * state tables in it outlive the worker thread. Only the slot's own worker allocates and writes; every thread may read.
 *
 *   0        64 KiB                                                              grown size        limit
 *   | kernels' static data | blocks and scratch regions, first-fit, coalesced ... | not yet grown ... |
 *
 * The allocator's books are plain JavaScript in the owning thread. They hold nothing that cannot be found again: a new
 * thread adopts the blocks that the driver knows to be alive, and the gaps between them are free. So a thread may die
 * at any instruction without harming the heap.
 *
 * Two kinds of space: blocks (`alloc`, live until `free`) and scratch (`scratch`, live until `releaseScratch`, or
 * `resetScratch` at the end of the task). Addresses are multiples of 16, and every block has at least 64 readable bytes
 * behind it, so that kernels may load whole vectors at its end.
 */
import { EngineError } from '../core/errors.js';
import { FreeRegions, type Region } from './free-regions.js';

/** A byte address in a slot's memory (below 4 GiB); 0 is never a valid block. */
export type Address = number;

const PAGE_BYTES = 65536;
const RESERVED_BYTES = 65536;
const GROW_BYTES = 4 * 1024 * 1024;
const SCRATCH_CHUNK_BYTES = 1024 * 1024;
/** Scratch kept from task to task; what a larger task needed beyond is given back, for what tasks of other kinds take. */
const SCRATCH_KEEP_BYTES = 8 * 1024 * 1024;
const MAX_PAGES = 65536;
/** Readable bytes behind the last block. */
const SLACK_BYTES = 64;

/** A shared memory of `limitBytes` at the most, starting small; for the driver. */
export function createSlotMemory(limitBytes: number): WebAssembly.Memory {
  const maximum = Math.min(MAX_PAGES, Math.ceil(limitBytes / PAGE_BYTES) + 1);
  return new WebAssembly.Memory({ initial: Math.min(maximum, 16), maximum, shared: true });
}

const align16 = (bytes: number): number => Math.ceil(bytes / 16) * 16;

export class SlotMemory {
  readonly slot: number;
  readonly memory: WebAssembly.Memory;
  readonly limitBytes: number;
  readonly #live = new Map<Address, number>();
  readonly #free = new FreeRegions();
  #end = RESERVED_BYTES;
  #liveBytes = 0;
  #tracked: Set<Address> | undefined;
  #scratch: Region[] = [];
  #scratchIndex = 0;
  #scratchUsed = 0;
  #bytes: Uint8Array;
  #u32: Uint32Array;
  #i32: Int32Array;
  #f64: Float64Array;
  #i64: BigInt64Array;

  constructor(slot: number, memory: WebAssembly.Memory, limitBytes: number) {
    this.slot = slot;
    this.memory = memory;
    this.limitBytes = limitBytes;
    const buffer = memory.buffer;
    this.#bytes = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#f64 = new Float64Array(buffer);
    this.#i64 = new BigInt64Array(buffer);
  }

  /** Views over all of the memory; taken again after each call that may allocate, because growing makes new ones. */
  get u8(): Uint8Array {
    return this.#bytes;
  }
  get u32(): Uint32Array {
    return this.#u32;
  }
  get i32(): Int32Array {
    return this.#i32;
  }
  get f64(): Float64Array {
    return this.#f64;
  }
  get i64(): BigInt64Array {
    return this.#i64;
  }

  /** Bytes in live blocks, scratch chunks included. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  get numBlocks(): number {
    return this.#live.size;
  }

  /** A view of a region; the memory may have been grown by the thread that owns it. */
  bytes(address: Address, byteLength: number): Uint8Array {
    if (address + byteLength > this.#bytes.byteLength) this.#refresh();
    return this.#bytes.subarray(address, address + byteLength);
  }

  /**
   * A block of at least `byteLength` bytes, not cleared. Throws `memoryLimit`.
   * @param life 'lasting' for what outlives tasks: it is taken from the last gaps, so that the first ones stay whole for
   *   what tasks take and give back
   */
  alloc(byteLength: number, life: 'task' | 'lasting' = 'task'): Address {
    const size = Math.max(16, align16(byteLength));
    const address = life === 'task' ? this.#free.take(size) : this.#free.takeLast(size);
    if (address !== undefined) return this.#take(address, size);
    const start = this.#free.startOfGapBefore(this.#end);
    this.#growTo(start + size, byteLength);
    if (start !== this.#end) this.#free.dropLast();
    this.#end = start + size;
    return this.#take(start, size);
  }

  /** Gives a block back. A block that is not live is an `internal` error: it would be handed out twice. */
  free(address: Address): void {
    const size = this.#live.get(address);
    if (size === undefined) throw new EngineError('internal', `free of ${address} in slot ${this.slot}: no such block`);
    this.#live.delete(address);
    this.#tracked?.delete(address);
    this.#liveBytes -= size;
    this.#free.add(address, size);
  }

  /**
   * From now on remembers which blocks are taken and not freed (scratch apart), so that an attempt that fails, or
   * leaves more behind than it answers with, can be cleaned up.
   */
  startTracking(): void {
    this.#tracked = new Set();
  }

  /** Ends what `startTracking` began; the blocks taken since and still live. */
  stopTracking(): readonly Address[] {
    const taken = [...(this.#tracked ?? [])];
    this.#tracked = undefined;
    return taken;
  }

  /** Takes blocks inside `f` out of the tracking: what they hold outlives the attempt. */
  untracked<T>(f: () => T): T {
    const tracked = this.#tracked;
    this.#tracked = undefined;
    try {
      return f();
    } finally {
      this.#tracked = tracked;
    }
  }

  /**
   * Runs `f`, whose blocks outlive the attempt: they are given with what it made, for the caller to free. Where it throws
   * they are given back.
   */
  outliving<T>(f: () => T): { readonly made: T; readonly blocks: readonly Address[] } {
    const tracked = this.#tracked;
    const taken = new Set<Address>();
    this.#tracked = taken;
    try {
      return { made: f(), blocks: [...taken] };
    } catch (error) {
      for (const address of [...taken]) this.free(address);
      throw error;
    } finally {
      this.#tracked = tracked;
    }
  }

  isLive(address: Address): boolean {
    return this.#live.has(address);
  }

  /** Usable bytes of a live block, or undefined. */
  sizeOf(address: Address): number | undefined {
    return this.#live.get(address);
  }

  /** Makes the books say that exactly these blocks are live; for a thread that takes a slot over. */
  adopt(blocks: Iterable<{ readonly address: Address; readonly byteLength: number }>): void {
    this.#live.clear();
    this.#free.clear();
    this.#scratch = [];
    this.#scratchIndex = 0;
    this.#scratchUsed = 0;
    this.#liveBytes = 0;
    this.#end = RESERVED_BYTES;
    this.#refresh();
    const sorted = [...blocks].sort((a, b) => a.address - b.address);
    for (const block of sorted) {
      const size = Math.max(16, align16(block.byteLength));
      if (block.address < this.#end) {
        throw new EngineError('internal', `slot ${this.slot}: blocks overlap at ${block.address}`);
      }
      if (block.address > this.#end) this.#free.add(this.#end, block.address - this.#end);
      this.#take(block.address, size);
      this.#end = block.address + size;
    }
  }

  /** Space that lives until `resetScratch`: for one task's intermediate columns. */
  scratch(byteLength: number): Address {
    const size = Math.max(16, align16(byteLength));
    for (; this.#scratchIndex < this.#scratch.length; this.#scratchIndex++, this.#scratchUsed = 0) {
      const region = this.#scratch[this.#scratchIndex] as Region;
      if (this.#scratchUsed + size <= region.byteLength) {
        const address = region.address + this.#scratchUsed;
        this.#scratchUsed += size;
        return address;
      }
    }
    const chunkBytes = Math.max(SCRATCH_CHUNK_BYTES, size);
    const address = this.untracked(() => this.alloc(chunkBytes));
    this.#scratch.push({ address, byteLength: chunkBytes });
    this.#scratchIndex = this.#scratch.length - 1;
    this.#scratchUsed = size;
    return address;
  }

  /** Where scratch stands now, to give back what comes after with `releaseScratch`. */
  scratchMark(): { readonly index: number; readonly used: number } {
    return { index: this.#scratchIndex, used: this.#scratchUsed };
  }

  /** Gives back all scratch taken since the mark: between chunks of one task. */
  releaseScratch(mark: { readonly index: number; readonly used: number }): void {
    this.#scratchIndex = mark.index;
    this.#scratchUsed = mark.used;
  }

  /** Ends the life of all scratch; chunks are kept for the next task up to a bound. */
  resetScratch(): void {
    let kept = 0;
    this.#scratch = this.#scratch.filter(region => {
      kept += region.byteLength;
      if (kept <= SCRATCH_KEEP_BYTES) return true;
      this.free(region.address);
      return false;
    });
    this.#scratchIndex = 0;
    this.#scratchUsed = 0;
  }

  #take(address: Address, size: number): Address {
    this.#live.set(address, size);
    this.#tracked?.add(address);
    this.#liveBytes += size;
    return address;
  }

  #growTo(end: number, wanted: number): void {
    if (end > this.limitBytes) throw this.#limitReached(wanted);
    const have = this.memory.buffer.byteLength;
    const needed = end + SLACK_BYTES - have;
    if (needed > 0) {
      const neededPages = Math.ceil(needed / PAGE_BYTES);
      const roomPages = Math.floor((this.limitBytes + PAGE_BYTES - have) / PAGE_BYTES);
      try {
        this.memory.grow(Math.max(neededPages, Math.min(GROW_BYTES / PAGE_BYTES, roomPages)));
      } catch (cause) {
        throw this.#limitReached(wanted, cause);
      }
    }
    this.#refresh();
  }

  #limitReached(wanted: number, cause?: unknown): EngineError {
    return new EngineError(
      'memoryLimit',
      `slot ${this.slot} needs ${wanted} bytes more than its limit of ${this.limitBytes} leaves ` +
        `(${this.#liveBytes} in use): raise slotMemory, use more workers, or bound the batch (maxBatchBytes)`,
      { cause },
    );
  }

  #refresh(): void {
    const buffer = this.memory.buffer;
    if (buffer.byteLength === this.#bytes.byteLength) return;
    this.#bytes = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#f64 = new Float64Array(buffer);
    this.#i64 = new BigInt64Array(buffer);
  }
}
