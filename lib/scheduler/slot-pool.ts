/**
 * The executor slots as the scheduler sees them: who is idle, which blocks and state tables are alive in each slot's
 * memory, and whether its thread knows about them. One request at a time is under way on a slot. Several batches may
 * want slots at once: whenever one is idle again, or memory was given back, it is offered to all of them in turn.
 *
 * A thread may be lost at any time. Its memory stays, so everything accepted stays: the next request is preceded by an
 * `attach` that tells the new thread what is alive. What the lost thread had allocated beyond that is free again. A loss
 * that is noticed only when the next request is sent is no failure of that request.
 */
import { EngineError } from '../core/errors.js';
import type { BlockRef, TableRef, WorkerReply, WorkerRequest } from '../protocol/messages.js';
import { formatFailure, losesWorker, wasNotAsked } from '../protocol/task-failure.js';
import type { TaskRunner } from '../protocol/task-runner.js';
import { BlockRoom, type BlockFigures, type BlockRoomOptions, type BlockUse, type RoomSlots } from './block-room.js';
import { SlotClients, type SlotClient } from './slot-clients.js';
import type { SlotHealth } from './slot-health.js';

interface Slot {
  attached: boolean;
  busy: boolean;
  /** By address. */
  readonly blocks: Map<number, BlockRef>;
  readonly tables: Map<string, TableRef>;
  /** Addresses to give back with the next request. */
  freed: number[];
  /** By address, how many read a block that must outlive its release; `released` once it was. */
  readonly pinned: Map<number, { count: number; released: boolean }>;
  /** Requests that get the slot before anyone it would be offered to. */
  readonly waiting: (() => void)[];
}

const MAX_ATTACH_FAILURES = 8;

export class SlotPool {
  readonly #runner: TaskRunner;
  readonly #attachTimeoutMs: number;
  readonly #slots: readonly Slot[];
  #stopped = false;
  #evict: () => boolean = () => false;
  readonly #clients = new SlotClients();
  readonly #health: SlotHealth | undefined;
  readonly #room: BlockRoom | undefined;

  /**
   * @param attachTimeoutMs how long a thread may take to load the job and build its graph; 0 = no limit
   * @param health which slots are left out; without it none is
   * @param room bounds what blocks have of the memory; without it all of them stay there
   */
  constructor(runner: TaskRunner, attachTimeoutMs: number, health?: SlotHealth, room?: BlockRoomOptions) {
    this.#runner = runner;
    this.#room = room && new BlockRoom(runner.numSlots, this.#roomSlots(), room);
    this.#attachTimeoutMs = attachTimeoutMs;
    this.#health = health;
    health?.onBack(() => this.offer());
    this.#slots = Array.from({ length: runner.numSlots }, () => ({
      attached: false,
      busy: false,
      blocks: new Map(),
      tables: new Map(),
      freed: [],
      pinned: new Map(),
      waiting: [],
    }));
  }

  get numSlots(): number {
    return this.#slots.length;
  }

  /** Whether it may be given work. */
  isIdle(slot: number): boolean {
    return !this.#slot(slot).busy && this.#room?.isOver(slot) !== true;
  }

  /** The slot that keeps the state of a partition, in every batch. */
  homeOf(partition: number): number {
    return partition % this.#slots.length;
  }

  /**
   * An idle slot that is not excluded: `preferred` if that is one, and one of `avoid` only if there is no other.
   * Undefined when all are busy.
   */
  idleSlot(preferred: number, avoid?: ReadonlySet<number>): number | undefined {
    const isFree = (slot: number): boolean => this.isIdle(slot) && this.#health?.isExcluded(slot) !== true;
    const free = this.#slots.map((_, slot) => slot).filter(isFree);
    const better = avoid === undefined ? free : free.filter(slot => !avoid.has(slot));
    const choice = better.length > 0 ? better : free;
    return choice.includes(preferred) ? preferred : choice[0];
  }

  /** Idle slots, in order, and whether they may be given tasks that any slot can do. */
  get idleSlots(): readonly { readonly slot: number; readonly takesAny: boolean }[] {
    return this.#slots.flatMap((_, slot) =>
      this.isIdle(slot) ? [{ slot, takesAny: this.#health?.isExcluded(slot) !== true }] : [],
    );
  }

  /** How many blocks the driver holds in all slots: 0 when nothing is under way. */
  get numBlocks(): number {
    return this.#slots.reduce((sum, slot) => sum + slot.blocks.size, 0);
  }

  /** The same of those that have a place in a memory. */
  get numInMemory(): number {
    let sum = 0;
    for (const { blocks } of this.#slots) for (const { file } of blocks.values()) if (file === undefined) sum++;
    return sum;
  }

  /** What blocks have of memory and disk; undefined where nothing bounds them. */
  get blockFigures(): BlockFigures | undefined {
    return this.#room?.figures;
  }

  /** Lets a block of the driver's be moved to a file when the memory is short. */
  admit(block: BlockRef, use: BlockUse): void {
    this.#room?.admit(block, use);
  }

  /** A slot's memory is full. @returns whether blocks are being moved out of it; work that waits is told when they are */
  makeRoom(slot: number): boolean {
    return this.#room?.makeRoom(slot) === true;
  }

  /** A block that lay in a file has to be made again. */
  blockFileLost(): void {
    this.#room?.lost();
  }

  /** Makes a block the driver's: it survives the thread until `release`. */
  adopt(block: BlockRef): void {
    this.#slot(block.slot).blocks.set(block.address, block);
  }

  adoptTable(slot: number, table: TableRef): void {
    this.#slot(slot).tables.set(`${table.operator}/${table.partition}`, table);
  }

  /** Gives blocks back; their memory is free for the slot's next request. */
  release(blocks: Iterable<BlockRef>): void {
    let released = false;
    for (const block of blocks) {
      const slot = this.#slot(block.slot);
      const pin = slot.pinned.get(block.address);
      if (pin !== undefined) {
        pin.released = true;
        continue;
      }
      const held = slot.blocks.get(block.address);
      if (held === undefined) continue;
      slot.blocks.delete(block.address);
      if (this.#room?.forget(held) === true) continue;
      slot.freed.push(block.address);
      released = true;
    }
    if (released) this.#clients.released();
  }

  /** Has `evict` asked when a memory is full: it gives blocks back and says whether it had any. */
  onFull(evict: () => boolean): void {
    this.#evict = evict;
  }

  /** @returns whether blocks that can be spared were given back */
  evict(): boolean {
    return this.#evict();
  }

  /**
   * Keeps blocks alive beyond their release, for an attempt that still reads them when the batch has no use for it.
   * @returns what ends that, once
   */
  pin(blocks: Iterable<BlockRef>): () => void {
    let held: readonly BlockRef[] = [...blocks];
    this.#room?.hold(held);
    for (const { slot, address } of held) {
      const { pinned } = this.#slot(slot);
      const pin = pinned.get(address);
      if (pin === undefined) pinned.set(address, { count: 1, released: false });
      else pin.count++;
    }
    return () => {
      const last = held.filter(block => this.#unpin(block));
      this.#room?.unhold(held);
      held = [];
      this.release(last);
    };
  }

  /** Frees what an attempt left that is not accepted. */
  discard(blocks: readonly BlockRef[]): void {
    for (const block of blocks) this.adopt(block);
    this.release(blocks);
  }

  /** Whether no older batch wants slots. */
  isOldest(client: SlotClient): boolean {
    return this.#clients.all[0] === client;
  }

  /** Has batches after that of `client` give back what they can compute again. @returns whether any memory will come back */
  reclaim(client: SlotClient): boolean {
    return this.#clients.reclaim(client);
  }

  /** Work that waits for memory may try again: an attempt that nobody waits for has ended. */
  released(): void {
    this.#clients.released();
  }

  /** Has idle slots offered to `client` from the next round on, until what is returned is called. */
  subscribe(client: SlotClient): () => void {
    return this.#clients.add(client);
  }

  /** Offers idle slots to everyone, the oldest batch first. Whoever has new work asks for it; the pool does after each reply. */
  offer(): void {
    this.#clients.offer();
  }

  /** The bytes of a block wherever they lie. Rejects when it lies in a file and is missing or damaged there. */
  async read(block: BlockRef): Promise<Uint8Array> {
    return this.#room === undefined ? this.bytesOf(block) : this.#room.read(block);
  }

  /** The bytes of a block that is never moved, in the memory where they lie. Valid until the block is released. */
  bytesOf(block: BlockRef): Uint8Array {
    const memory = this.#runner.memories[block.slot];
    if (memory === undefined) throw new EngineError('internal', `no slot ${block.slot}`);
    if (block.file !== undefined) throw new EngineError('internal', `block_${block.slot}_${block.address} was moved`);
    return new Uint8Array(memory.buffer, block.address, block.byteLength);
  }

  /** Runs one request on an idle slot; attaches its thread first where that is needed. Rejects only when the slot is busy. */
  run(index: number, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    const slot = this.#slot(index);
    if (slot.busy) return Promise.reject(new EngineError('internal', `slot ${index} is busy`));
    return this.#runAndOffer(index, slot, request, timeoutMs);
  }

  /** The same on a slot that may be busy: waits for it, in order of the calls, and gets it before it is offered to anyone. */
  runWhenIdle(index: number, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    return this.#runAndOffer(index, this.#slot(index), request, timeoutMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#health?.stop();
    this.#room?.close();
    await this.#runner.stop();
  }

  #runAndOffer(index: number, slot: Slot, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    const reply = this.#occupy(index, slot, request, timeoutMs);
    // One step later than whoever asked sees the reply: what follows from it takes part in the round.
    void reply.then(() => undefined).then(() => this.offer());
    return reply;
  }

  async #occupy(index: number, slot: Slot, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    const inputs = inputsOf(request);
    // From here on: the request is copied to the thread whenever that takes it.
    this.#room?.hold(inputs);
    try {
      return await this.#runOn(index, slot, request, timeoutMs);
    } finally {
      this.#room?.unhold(inputs);
    }
  }

  async #runOn(index: number, slot: Slot, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    if (slot.busy) await new Promise<void>(resolve => slot.waiting.push(resolve));
    slot.busy = true;
    const attached = slot.attached ? undefined : await this.#attach(index, slot);
    let reply = attached ?? (await this.#submit(index, slot, request, timeoutMs));
    // A thread that died while it was idle takes no request with it: the next one has it instead.
    for (let lost = 0; lost < MAX_ATTACH_FAILURES && !reply.ok && wasNotAsked(reply.failure); lost++)
      reply = (await this.#attach(index, slot)) ?? (await this.#submit(index, slot, request, timeoutMs));
    if (!reply.ok && losesWorker(reply.failure)) slot.attached = false;
    if (!this.#stopped) this.#health?.note(index, request, reply);
    // Handed on while it is busy: nobody comes in between.
    const next = slot.waiting.shift();
    if (next === undefined) slot.busy = false;
    else next();
    return reply;
  }

  #submit(index: number, slot: Slot, request: WorkerRequest, timeoutMs: number): Promise<WorkerReply> {
    const { freed } = slot;
    if (freed.length === 0) return this.#runner.submit(index, request, timeoutMs);
    // A thread that is lost before it reads them gets the list of what is alive anew.
    slot.freed = [];
    return this.#runner.submit(index, { ...request, freed }, timeoutMs);
  }

  /** @returns undefined when the thread is ready, else the reply that says why not */
  async #attach(index: number, slot: Slot): Promise<WorkerReply | undefined> {
    for (let failures = 1; ; failures++) {
      slot.freed = [];
      const reply = await this.#runner.submit(
        index,
        { kind: 'attach', blocks: inMemory(slot), tables: [...slot.tables.values()] },
        this.#attachTimeoutMs,
      );
      if (reply.ok) {
        slot.attached = true;
        return undefined;
      }
      if (!losesWorker(reply.failure) || this.#stopped) return reply;
      if (failures >= MAX_ATTACH_FAILURES) {
        const message = `slot ${index}: ${failures} threads in a row were lost while they started or built the job's graph; the last: ${formatFailure(reply.failure)}`;
        return { ok: false, failure: { kind: 'engineError', code: 'internal', message, detail: '{}' } };
      }
    }
  }

  /** @returns whether the block was released meanwhile and nobody else needs it */
  #unpin({ slot, address }: BlockRef): boolean {
    const { pinned } = this.#slot(slot);
    const pin = pinned.get(address);
    if (pin === undefined || --pin.count > 0) return false;
    pinned.delete(address);
    return pin.released;
  }

  #roomSlots(): RoomSlots {
    return {
      bytesOf: block => this.bytesOf(block),
      moved: (block, place) => {
        const { blocks, freed } = this.#slot(block.slot);
        blocks.delete(block.address);
        freed.push(block.address);
        Object.assign(block, this.#room?.placed(place));
        blocks.set(block.address, block);
      },
      ended: () => this.#clients.released(),
    };
  }

  #slot(index: number): Slot {
    const slot = this.#slots[index];
    if (slot === undefined) throw new EngineError('internal', `no slot ${index} of ${this.#slots.length}`);
    return slot;
  }
}

/** Copies: what is moved while the list is on its way is told with the next request. */
const inMemory = ({ blocks }: Slot): BlockRef[] =>
  [...blocks.values()].flatMap(block => (block.file === undefined ? [{ ...block }] : []));

/** What the tasks of a request read of the driver's blocks. */
function inputsOf(request: WorkerRequest): readonly BlockRef[] {
  if (request.kind === 'task') return request.inputs.flat();
  if (request.kind !== 'tasks') return [];
  return request.tasks.flatMap(({ inputs }) => inputs.flat().filter(input => typeof input !== 'number'));
}
