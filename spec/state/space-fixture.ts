import { createSlotMemory, SlotMemory } from '../../lib/columnar/slot-memory.js';
import { FileRuns } from '../../lib/state/file-runs.js';
import { MemoryRuns } from '../../lib/state/memory-runs.js';
import { StateSpace } from '../../lib/state/state-space.js';
import { ModelSpillFiles } from '../helpers/model-spill-file.js';

export interface SpaceFixture {
  readonly space: StateSpace;
  readonly memories: readonly SlotMemory[];
  readonly files: ModelSpillFiles;
  /** The same for a thread that takes the slot over. */
  readonly successor: () => StateSpace;
}

export interface SpaceLimits {
  readonly homeBytes?: number;
  readonly maxBytes?: number;
  /** Further memories, and bytes of each. */
  readonly memories?: readonly [count: number, bytes: number];
  readonly spills?: boolean;
}

/** The space of the only slot; what is put away goes to small memories, or to a model of a file. */
export function newSpace({ homeBytes = 0, maxBytes = Infinity, memories, spills = false }: SpaceLimits): SpaceFixture {
  const [count, bytes] = memories ?? [0, 0];
  const shared = Array.from({ length: count }, () => createSlotMemory(bytes));
  const open = (): SlotMemory[] => shared.map((memory, i) => new SlotMemory(i, memory, bytes));
  const files = new ModelSpillFiles();
  const slotBytes = new Float64Array(new SharedArrayBuffer(8));
  const spaceOf = (opened: SlotMemory[]): StateSpace =>
    new StateSpace({
      ...{ slot: 0, slotBytes, maxBytes, homeBytes },
      memory: memories && new MemoryRuns(opened),
      file: spills ? new FileRuns('spill/0.state', files.open) : undefined,
    });
  const first = open();
  return { space: spaceOf(first), memories: first, files, successor: () => spaceOf(open()) };
}
