import type { BadRecord, LeftOutRecord } from '../core/bad-record.js';
import { EngineError } from '../core/errors.js';
import type { OnBadRecord } from '../core/format.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import type { BlockRef, TaskRequest } from '../protocol/messages.js';
import type { DeadLetterWriter } from '../sinks/dead-letter.js';
import type { StagedBlocks } from '../sinks/sink.js';

/** What one task attempt carries along: its memory, where user code is just now, and what is counted. */
export class TaskContext {
  readonly memory: SlotMemory;
  readonly request: TaskRequest;
  /** Label of the node whose closure runs: messages about what it throws name it. */
  label = '';
  inputRecords = 0;
  inputBytes = 0;
  badRecords = 0;
  readonly #deadLetters: DeadLetterWriter;
  readonly #bytesOf: (block: BlockRef) => Uint8Array;

  constructor(
    memory: SlotMemory,
    request: TaskRequest,
    deadLetters: DeadLetterWriter,
    bytesOf: (block: BlockRef) => Uint8Array,
  ) {
    this.memory = memory;
    this.request = request;
    this.#deadLetters = deadLetters;
    this.#bytesOf = bytesOf;
  }

  /** The bytes of a block in whichever slot's memory it lies; read only. */
  bytesOf(block: BlockRef): Uint8Array {
    return this.#bytesOf(block);
  }

  /** Ends the dead letters of the task. */
  finishDeadLetters(): StagedBlocks {
    return this.#deadLetters.finish();
  }

  /** A record that was read and is not taken. */
  onLeftOut(record: LeftOutRecord): void {
    this.badRecords++;
    this.#deadLetters.writeLeftOut(record);
  }

  /** What a source does with a record that it cannot read. */
  onBadRecord(policy: OnBadRecord, record: BadRecord): void {
    this.badRecords++;
    if (policy === 'drop') return;
    if (policy === 'deadletter') return this.#deadLetters.write(record);
    const { source, file, byteOffset, line, reason } = record;
    throw new EngineError(
      'badRecord',
      `bad record in source ${source}, ${file} line ${line} (byte ${byteOffset}): ${reason}. ` +
        "Mend the file, or use onBadRecord: 'deadletter' or 'drop'",
      { detail: { source, file, byteOffset, line, reason } },
    );
  }
}
