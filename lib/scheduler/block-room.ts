/**
 * How much of the slots' memories blocks may have, and which of them go to files when that is too little: shuffle blocks,
 * and rows that are kept, the least recently used first. What a task reads stays where it is until the task has ended.
 *
 *   admitted -> in memory --(over maxBytes, or a task found the memory full)--> being written -> in a file -> released
 *                   ^                                                               |
 *                   +------- read meanwhile, or the disk refused it ----------------+
 *
 * A move changes the reference itself, so all who hold it (results, kept batches, sessions) know where the block is now.
 * One move at a time is under way for a slot; while that slot has more than it may, it is given no work.
 *
 * Nothing depends on a file: what cannot be written stays in memory, and what cannot be read back is computed again by
 * the task that made it.
 */
import type { FilePlace } from '../core/file-place.js';
import { messageOf } from '../core/errors.js';
import { formatBytes } from '../core/byte-size.js';
import type { BlockRef } from '../protocol/messages.js';

/** Where blocks go. */
export interface BlockStorage {
  /** Rejects with the system's error; then nothing is stored. */
  write(blocks: readonly Uint8Array[]): Promise<readonly FilePlace[]>;
  /** Rejects when the block is missing or damaged. */
  read(place: FilePlace, byteLength: number): Promise<Uint8Array>;
  release(place: FilePlace): void;
}

export interface BlockRoomOptions {
  /** Bytes of such blocks that one slot may have in memory. */
  readonly maxBytes: number;
  readonly storage: BlockStorage;
  readonly now: () => number;
  readonly onWarning: (message: string) => void;
}

/**
 * What a block is for: what lives as long lies in one file. Rows that the function of a foreachRDD is about to be given,
 * `output`, nobody can make again once the batch's state is applied: they are moved only when nothing else is left to move.
 */
export type BlockUse = 'shuffled' | 'kept' | 'output';

/** Of all slots. */
export interface BlockFigures {
  readonly memoryBytes: number;
  readonly fileBytes: number;
  /** Written to files since the start. */
  readonly spilledBytes: number;
  /** Blocks in files that could not be read back and were made again, since the start. */
  readonly recomputedBlocks: number;
}

/** What the room wants of the pool. */
export interface RoomSlots {
  bytesOf(block: BlockRef): Uint8Array;
  /** Gives the block's memory back and notes that it lies at `place` now. */
  moved(block: BlockRef, place: FilePlace): void;
  /** A move has ended: work that waits may go on. */
  ended(): void;
}

interface Room {
  bytes: number;
  /** In memory, least recently used first. */
  readonly movable: Map<BlockRef, BlockUse>;
  moving: boolean;
}

/** Beyond every address in a memory: where blocks in files have theirs, so that each block has a name of its own. */
const FILE_ADDRESSES = 2 ** 32;
/** How long no block is moved after a disk that refused one, or gave another back than was written. */
const PAUSE_MS = 10_000;

export class BlockRoom {
  readonly #options: BlockRoomOptions;
  readonly #slots: RoomSlots;
  readonly #rooms: readonly Room[];
  /** How many tasks read a block, and pins. */
  readonly #uses = new Map<BlockRef, number>();
  #refusedUntil = Number.NEGATIVE_INFINITY;
  #distrustedUntil = Number.NEGATIVE_INFINITY;
  #numMoved = 0;
  #isClosed = false;
  #fileBytes = 0;
  #spilledBytes = 0;
  #recomputedBlocks = 0;

  constructor(numSlots: number, slots: RoomSlots, options: BlockRoomOptions) {
    this.#options = options;
    this.#slots = slots;
    this.#rooms = Array.from({ length: numSlots }, () => ({ bytes: 0, movable: new Map(), moving: false }));
  }

  get figures(): BlockFigures {
    return {
      memoryBytes: this.#rooms.reduce((sum, { bytes }) => sum + bytes, 0),
      fileBytes: this.#fileBytes,
      spilledBytes: this.#spilledBytes,
      recomputedBlocks: this.#recomputedBlocks,
    };
  }

  /** Takes a block that is in memory and may be moved. */
  admit(block: BlockRef, use: BlockUse): void {
    const room = this.#rooms[block.slot];
    if (room === undefined || room.movable.has(block)) return;
    room.movable.set(block, use);
    room.bytes += block.byteLength;
    this.#bound(room);
  }

  /** The block is released. @returns whether it lay in a file */
  forget(block: BlockRef): boolean {
    if (block.file !== undefined) {
      this.#fileBytes -= block.byteLength;
      this.#options.storage.release(block.file);
      return true;
    }
    const room = this.#rooms[block.slot];
    if (room?.movable.delete(block) === true) room.bytes -= block.byteLength;
    return false;
  }

  /** Blocks are read, or to be kept where they are: they stay until `unhold`, and were used last. */
  hold(blocks: Iterable<BlockRef>): void {
    for (const block of blocks) {
      this.#uses.set(block, (this.#uses.get(block) ?? 0) + 1);
      const movable = this.#rooms[block.slot]?.movable;
      const use = movable?.get(block);
      if (use === undefined) continue;
      movable?.delete(block);
      movable?.set(block, use);
    }
  }

  unhold(blocks: Iterable<BlockRef>): void {
    for (const block of blocks) {
      const left = (this.#uses.get(block) ?? 0) - 1;
      if (left > 0) this.#uses.set(block, left);
      else this.#uses.delete(block);
    }
    for (const room of this.#rooms) this.#bound(room);
  }

  /** Whether the slot has more than it may, and some of it is just being moved. */
  isOver(slot: number): boolean {
    const room = this.#rooms[slot];
    return room !== undefined && room.moving && room.bytes > this.#options.maxBytes;
  }

  /** A task found the slot's memory full: begins to move half of what can be. @returns whether any is being moved */
  makeRoom(slot: number): boolean {
    const room = this.#rooms[slot];
    if (room === undefined) return false;
    if (!room.moving && this.#options.now() >= this.#refusedUntil) {
      const wantedBytes = room.bytes / 2;
      const chosen = this.#choose(room.movable, wantedBytes, ['shuffled', 'kept']);
      this.#move(room, chosen.length > 0 ? chosen : this.#choose(room.movable, wantedBytes, ['output']));
    }
    return room.moving;
  }

  /** A block in a file could not be read back: nothing is moved for a while but where a memory is full. */
  lost(): void {
    this.#recomputedBlocks++;
    this.#distrustedUntil = this.#options.now() + PAUSE_MS;
  }

  /** The block's bytes, wherever they lie; its own copy where that is a file. */
  async read(block: BlockRef): Promise<Uint8Array> {
    if (block.file === undefined) return this.#slots.bytesOf(block);
    return this.#options.storage.read(block.file, block.byteLength);
  }

  /** Nothing is moved any more. */
  close(): void {
    this.#isClosed = true;
  }

  #bound(room: Room): void {
    const { maxBytes, now } = this.#options;
    if (room.moving || room.bytes <= maxBytes) return;
    // A quarter more than it must: else the next block would be the next move.
    if (now() < Math.max(this.#refusedUntil, this.#distrustedUntil)) return;
    this.#move(room, this.#choose(room.movable, room.bytes - maxBytes * 0.75, ['shuffled', 'kept']));
  }

  #move(room: Room, chosen: readonly BlockRef[]): void {
    if (chosen.length === 0 || this.#isClosed) return;
    room.moving = true;
    void this.#options.storage.write(chosen.map(block => this.#slots.bytesOf(block))).then(
      places => this.#written(room, chosen, places),
      (error: unknown) => this.#refused(room, chosen, error),
    );
  }

  /** Of one of these uses, whatever that of the first is. */
  #choose(
    movable: ReadonlyMap<BlockRef, BlockUse>,
    wantedBytes: number,
    uses: readonly BlockUse[],
  ): readonly BlockRef[] {
    const chosen: BlockRef[] = [];
    let bytes = 0;
    let wanted: BlockUse | undefined;
    for (const [block, use] of movable) {
      if (bytes >= wantedBytes) break;
      if (this.#uses.has(block) || (wanted === undefined ? !uses.includes(use) : use !== wanted)) continue;
      wanted = use;
      chosen.push(block);
      bytes += block.byteLength;
    }
    return chosen;
  }

  #written(room: Room, blocks: readonly BlockRef[], places: readonly FilePlace[]): void {
    blocks.forEach((block, i) => {
      const place = places[i];
      if (place === undefined) return;
      this.#spilledBytes += block.byteLength;
      // Released while it was written; or somebody reads it where it was.
      if (!room.movable.has(block) || this.#uses.has(block)) return this.#options.storage.release(place);
      room.movable.delete(block);
      room.bytes -= block.byteLength;
      this.#fileBytes += block.byteLength;
      this.#slots.moved(block, place);
    });
    this.#end(room);
  }

  #refused(room: Room, blocks: readonly BlockRef[], error: unknown): void {
    if (this.#isClosed) return;
    this.#refusedUntil = this.#options.now() + PAUSE_MS;
    const bytes = blocks.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#options.onWarning(
      `${formatBytes(bytes)} of blocks want to go to a file, and it cannot be written: ${messageOf(error)}. They stay in ` +
        'memory, and nothing is moved for 10 s. Free space there, or raise slotMemory and maxBlockBytes',
    );
    this.#end(room);
  }

  #end(room: Room): void {
    room.moving = false;
    this.#slots.ended();
    this.#bound(room);
  }

  /** What the reference says of a block that lies in a file. */
  placed(place: FilePlace): Pick<BlockRef, 'address' | 'file'> {
    return { address: FILE_ADDRESSES + ++this.#numMoved, file: place };
  }
}
