import type { OpenSpillFile } from '../core/spill-file.js';
import { SlotMemory } from '../columnar/slot-memory.js';
import type { WorkerInit } from '../protocol/messages.js';
import { FileRuns } from '../state/file-runs.js';
import { MemoryRuns } from '../state/memory-runs.js';
import { StateSpace } from '../state/state-space.js';

/** The room for a slot's state, as the driver gave it; undefined where only the slot's memory limits it. */
export function stateSpaceOf({ slot, state }: WorkerInit, open: OpenSpillFile): StateSpace | undefined {
  if (state === undefined) return undefined;
  const { memories, memoryBytes, slotBytes, maxBytes, homeBytes, spillFile } = state;
  return new StateSpace({
    ...{ slot, maxBytes, homeBytes },
    slotBytes: new Float64Array(slotBytes),
    memory:
      memories.length === 0
        ? undefined
        : new MemoryRuns(memories.map(memory => new SlotMemory(slot, memory, memoryBytes))),
    file: spillFile === null ? undefined : new FileRuns(spillFile, open),
  });
}
