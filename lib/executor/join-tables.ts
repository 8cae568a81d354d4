/**
 * What a worker has of static tables: an index for each join of the plan, made once for a version of its table and looked
 * up by all tasks after. A batch that is computed beside one of another version, or runs again, finds the version before
 * too; any other is made again from its bytes, which come with each task.
 */
import { EngineError } from '../core/errors.js';
import { JoinIndex } from '../columnar/join-index.js';
import type { SlotMemory } from '../columnar/slot-memory.js';
import type { JoinTableOperation } from '../plan/node.js';
import { tableRows } from '../sources/table-rows.js';
import type { TaskContext } from './task-context.js';

interface Loaded {
  readonly version: number;
  readonly index: JoinIndex;
  /** Batch time of its first task. */
  readonly since: number;
}

/** Of one join: the newest index and the one before, until a batch after the first of the newest needs no other. */
interface Versions {
  current: Loaded;
  previous: Loaded | undefined;
}

/** By memory: a thread that takes a slot over has books of its own, in which nothing of this is. */
const tables = new WeakMap<SlotMemory, Map<string, Versions>>();

/** The index of a join for the batch of the task. Throws `memoryLimit` where the table does not fit the slot. */
export function joinIndex(ctx: TaskContext, operation: JoinTableOperation, wanted: readonly string[]): JoinIndex {
  const { memory, request } = ctx;
  const known = tables.get(memory) ?? new Map<string, Versions>();
  tables.set(memory, known);
  const columns = operation.added.filter(({ name }) => wanted.includes(name));
  const on = operation.on.map(({ tableColumn }) => tableColumn);
  const ref = request.broadcasts.find(({ id }) => id === operation.table);
  if (ref === undefined) throw new EngineError('internal', `table '${operation.table}' came without a version`);
  const load = (): Loaded => {
    const mark = memory.scratchMark();
    const needed = [...new Set([...on, ...columns.map(({ from }) => from)])];
    const { chunk } = tableRows(memory, operation.content, ref.bytes, needed, `table '${operation.table}'`);
    const index = new JoinIndex(chunk, on, columns);
    memory.releaseScratch(mark);
    return { version: ref.version, index, since: request.time };
  };
  const key = JSON.stringify([operation.table, on, columns]);
  const versions = known.get(key);
  if (versions === undefined) {
    const current = load();
    known.set(key, { current, previous: undefined });
    return current.index;
  }
  const { current, previous } = versions;
  if (current.version === ref.version) {
    if (request.time > current.since) dropPrevious(versions);
    return current.index;
  }
  if (previous?.version === ref.version) return previous.index;
  // First what is not needed any more: both versions of a large table may not fit beside the new one.
  dropPrevious(versions);
  const loaded = load();
  versions.previous = current;
  versions.current = loaded;
  return loaded.index;
}

function dropPrevious(versions: Versions): void {
  versions.previous?.index.dispose();
  versions.previous = undefined;
}
