/**
 * The driver half of a source that is filled by a receiver. It knows the blocks that are in the log and in no batch yet;
 * a batch takes all of them, in the order in which they were stored, up to its limits, and at least one.
 *
 *   block    0    1    2    3    4    5    6    7
 *            └─batch t1─┘└t2┘│             └ stored last
 *                            └ `nextBlock`: the state, and all that a restart needs to know
 *
 * A batch's ranges name blocks, so a batch that is run again reads the same. After a crash the log is scanned from
 * `nextBlock` on: what was stored and in no batch comes into the next one.
 */
import { join } from 'node:path';
import { EngineError, messageOf, type ErrorCode } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import { storageCure } from '../../core/storage-cure.js';
import type { Json } from '../../core/json.js';
import type { BatchTime } from '../../core/time.js';
import type { PlanLimit, SourceDriver, SourcePlan } from '../source.js';
import { BlockRetention } from './block-retention.js';
import { segmentFile, segmentOf } from './block-format.js';
import { packBlocks, receiverRangeOf } from './receiver-range.js';
import type { LogPosition, ReceiverCommand, StoredBlock } from './receiver-messages.js';
import { scanLog, settleLog, type FoundLog } from './scan-log.js';

export interface ReceiverSourceOptions {
  readonly sourceId: string;
  /** Absolute path of the source's own folder. */
  readonly folder: string;
  readonly fs: FileSystem;
  /** Whether there is a checkpoint, and so whether the log is to survive a crash. */
  readonly durable: boolean;
  readonly warn: (message: string) => void;
}

type ReceiverState = { readonly nextBlock: number };

export class ReceiverSourceDriver implements SourceDriver {
  readonly #options: ReceiverSourceOptions;
  readonly #retention: BlockRetention;
  /** Stored, in no batch. */
  #waiting: StoredBlock[] = [];
  /** The first block that is in no batch. */
  #nextBlock = 0;
  /** The number after the last block that is known. */
  #knownBlock = 0;
  #lastSegment = 0;
  #lastBytes = 0;
  #send: (command: ReceiverCommand) => void = () => undefined;
  #rateLimit: number | undefined;
  #failure: EngineError | undefined;
  #cleaning: Promise<void> = Promise.resolve();
  #onEmpty: (() => void)[] = [];

  constructor(options: ReceiverSourceOptions) {
    this.#options = options;
    this.#retention = new BlockRetention(options.durable);
  }

  get sourceId(): string {
    return this.#options.sourceId;
  }

  async start(state: Json | undefined): Promise<void> {
    this.#nextBlock = (state as ReceiverState | undefined)?.nextBlock ?? 0;
    this.#knownBlock = this.#nextBlock;
    await this.scan();
  }

  /** Looks for blocks in the log that are not known yet: at the start, and when the receivers' thread was lost. */
  async scan(): Promise<void> {
    const { folder, warn, sourceId } = this.#options;
    const found = await this.#findBlocks();
    if (found.tornBytes > 0) {
      const path = join(folder, segmentFile(found.lastSegment));
      warn(
        `source ${sourceId}: ${path} ends in an unfinished write (${found.tornBytes} bytes at byte ${found.lastBytes}): left out, ` +
          'as after a crash before it was acknowledged',
      );
    }
    for (const segment of found.segments) this.#retention.addSegment(segment);
    this.#lastSegment = found.lastSegment;
    this.#lastBytes = found.lastBytes;
    this.stored(found.blocks);
  }

  async #findBlocks(): Promise<FoundLog> {
    const { fs, folder, durable, sourceId } = this.#options;
    try {
      const found = await scanLog(fs, folder, this.#knownBlock);
      if (durable) await settleLog(fs, folder, found);
      return found;
    } catch (thrown) {
      if (thrown instanceof EngineError) throw thrown;
      throw new EngineError(
        'checkpointUnwritable',
        `what source ${sourceId} stored in ${folder} cannot be read: ${messageOf(thrown)}; ${storageCure(thrown, 'the folder')}`,
        { cause: thrown },
      );
    }
  }

  replay(ranges: readonly Json[]): void {
    const last = ranges.flatMap(range => receiverRangeOf(range).chunks).at(-1);
    if (last !== undefined) this.#nextBlock = Math.max(this.#nextBlock, last.block + 1);
    this.#knownBlock = Math.max(this.#knownBlock, this.#nextBlock);
    this.#waiting = this.#waiting.filter(({ block }) => block >= this.#nextBlock);
  }

  hold(ranges: readonly Json[], time: BatchTime): void {
    const first = ranges.flatMap(range => receiverRangeOf(range).chunks)[0];
    if (first !== undefined) this.#retention.held(time, first.block);
  }

  /**
   * Starts the receiver; commands go to `send`. Called again for each new thread, after `scan`.
   * @param lockFile says whether the checkpoint is still this driver's
   */
  launch(send: (command: ReceiverCommand) => void, lockFile?: string): void {
    this.#send = send;
    const { sourceId: source, folder, durable } = this.#options;
    const log: LogPosition = {
      folder,
      durable,
      segment: this.#lastSegment + 1,
      previousBytes: this.#lastBytes,
      firstBlock: this.#knownBlock,
      ...(lockFile === undefined ? {} : { lockFile }),
    };
    send({ kind: 'start', source, log, queuedBytes: bytesOf(this.#waiting) });
    if (this.#rateLimit !== undefined) this.setRateLimit(this.#rateLimit);
  }

  /** Takes blocks that were stored since; those that are known already are left out. */
  stored(blocks: readonly StoredBlock[]): void {
    for (const block of blocks) {
      if (block.block < this.#knownBlock) continue;
      this.#knownBlock = block.block + 1;
      this.#waiting.push(block);
      this.#retention.addSegment({ segment: segmentOf(block.file) ?? 0, firstBlock: block.block });
    }
  }

  /** From now on every plan fails. */
  fail(code: ErrorCode, message: string): void {
    this.#failure ??= new EngineError(code, message, { detail: { source: this.#options.sourceId } });
    this.#emptied();
  }

  /** Resolves when all that is stored is in a batch, or never will be. */
  whenEmpty(): Promise<void> {
    if (this.#waiting.length === 0 || this.#failure !== undefined) return Promise.resolve();
    return new Promise(resolve => this.#onEmpty.push(resolve));
  }

  async plan(limit: PlanLimit): Promise<SourcePlan> {
    if (this.#failure !== undefined) throw this.#failure;
    const first = this.#waiting[0];
    if (first !== undefined && first.block !== this.#nextBlock) throw this.#blocksLost(first.block);
    let numBlocks = 0;
    let bytes = 0;
    let records = 0;
    for (const { byteLength, numRecords } of this.#waiting) {
      const isOver = bytes + byteLength > limit.maxBytes || records + numRecords > limit.maxRecords;
      if (numBlocks > 0 && isOver) break;
      numBlocks++;
      bytes += byteLength;
      records += numRecords;
    }
    const blocks = this.#waiting.splice(0, numBlocks);
    this.#nextBlock += numBlocks;
    this.#retention.planned(limit.time, first?.block, this.#nextBlock);
    if (bytes > 0) this.#send({ kind: 'taken', source: this.#options.sourceId, bytes });
    const caughtUp = this.#waiting.length === 0;
    if (caughtUp) this.#emptied();
    return { ranges: packBlocks(blocks, limit.parallelism), bytes, records, caughtUp };
  }

  setRateLimit(recordsPerSecond: number | undefined): void {
    this.#rateLimit = recordsPerSecond;
    this.#send({ kind: 'rateLimit', source: this.#options.sourceId, recordsPerSecond: recordsPerSecond ?? null });
  }

  async commit(time: BatchTime): Promise<void> {
    this.#retention.committed(time);
    if (!this.#options.durable) this.#clean();
  }

  checkpointed(time: BatchTime): void {
    this.#retention.checkpointed(time);
    this.#clean();
  }

  state(): Json {
    return { nextBlock: this.#nextBlock } satisfies ReceiverState;
  }

  async stop(): Promise<void> {
    this.#send = () => undefined;
    await this.#cleaning;
  }

  /** Removes the segments that nobody reads any more, beside everything else. */
  #clean(): void {
    const segments = this.#retention.dropUnused();
    if (segments.length === 0) return;
    const { fs, folder, warn } = this.#options;
    this.#cleaning = this.#cleaning.then(async () => {
      for (const segment of segments) {
        const path = join(folder, segmentFile(segment));
        await fs.remove(path).catch((error: unknown) => warn(`${path} is not needed and stays: ${messageOf(error)}`));
      }
    });
  }

  #emptied(): void {
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  #blocksLost(found: number): EngineError {
    const { folder, sourceId } = this.#options;
    return new EngineError(
      'checkpointCorrupt',
      `source ${sourceId} stored blocks ${this.#nextBlock} to ${found - 1} in ${folder}, and they are gone. ` +
        'Put the checkpoint directory back from a copy, or start with a new one',
      { detail: { source: sourceId, folder, block: this.#nextBlock } },
    );
  }
}

const bytesOf = (blocks: readonly StoredBlock[]): number => blocks.reduce((sum, block) => sum + block.byteLength, 0);
