/**
 * The room that each slot has for its state: three quarters of the memory that its tasks work in, then further memories,
 * up to twice its even share of `maxStateBytes`, and under `stateSpill: disk` a file. The driver holds the memories, so they
 * outlive a worker; of the files nothing outlives the run, and what a crash left is removed by the next.
 */
import { join } from 'node:path';
import { SPILL_FOLDER, namesIn } from '../checkpoint/checkpoint-files.js';
import { createSlotMemory } from '../columnar/slot-memory.js';
import { EngineError } from '../core/errors.js';
import type { StateRoom } from '../protocol/messages.js';
import type { EngineSettings, EngineWorld } from './engine-settings.js';

/** That a memory can have: all that 32 bits reach, without what lies behind the last block. */
const MOST_MEMORY_BYTES = 4 * 1024 ** 3 - 65536;
/** Of a slot's memory, for its state; the rest is for what tasks and batches hold. */
const HOME_SHARE = 0.75;

const fileName = (slot: number): string => `slot-${slot}.state`;
const FILE_NAME = /^slot-\d+\.state$/;

export interface StateRooms {
  /** Undefined where the job keeps no state. */
  roomOf(slot: number): StateRoom | undefined;
  /** Makes the folder of the files, without those of an earlier run. Throws `checkpointUnwritable`. */
  open(): Promise<void>;
  /** Removes the files. */
  remove(): Promise<void>;
}

/** Throws `optionInvalid` for files without a checkpoint. */
export function makeStateRooms(
  { options, checkpoint }: EngineSettings,
  { fs, stateMemory }: EngineWorld,
  hasState: boolean,
): StateRooms {
  const spills = hasState && options.stateSpill === 'disk';
  if (spills && checkpoint === undefined) {
    throw new EngineError(
      'optionInvalid',
      'stateSpill: disk wants a checkpoint directory, on whose disk the state has room: give one, or leave stateSpill off',
      { detail: { option: 'stateSpill' } },
    );
  }
  const folder = spills ? join(checkpoint ?? '', SPILL_FOLDER) : undefined;
  const { workers, slotMemoryBytes, maxStateBytes } = options;
  const memoryBytes = stateMemory?.memoryBytes ?? MOST_MEMORY_BYTES;
  const count = hasState ? Math.ceil((2 * maxStateBytes) / workers / memoryBytes) : 0;
  const memories = Array.from({ length: workers }, () =>
    Array.from({ length: count }, () => createSlotMemory(memoryBytes)),
  );
  const shared = {
    memoryBytes,
    slotBytes: new SharedArrayBuffer(workers * 8),
    maxBytes: maxStateBytes,
    homeBytes: stateMemory?.homeBytes ?? Math.floor(slotMemoryBytes * HOME_SHARE),
  };
  const remove = async (): Promise<void> => {
    if (folder === undefined) return;
    for (const name of await namesIn(fs, folder)) if (FILE_NAME.test(name)) await fs.remove(join(folder, name));
  };
  return {
    roomOf: slot =>
      hasState
        ? {
            ...shared,
            memories: memories[slot] ?? [],
            spillFile: folder === undefined ? null : join(folder, fileName(slot)),
          }
        : undefined,
    open: async () => {
      if (folder === undefined) return;
      await remove();
      await makeFolder(fs, folder);
    },
    remove,
  };
}

async function makeFolder(fs: EngineWorld['fs'], folder: string): Promise<void> {
  try {
    await fs.mkdir(folder);
  } catch (cause) {
    throw new EngineError(
      'checkpointUnwritable',
      `no folder can be made for state at ${folder}; give another checkpoint directory`,
      {
        cause,
      },
    );
  }
}
