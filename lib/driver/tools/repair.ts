/** Stepping back, with what it means for sources and outputs. */
import { repairCheckpoint, type Changed } from '../../checkpoint/tools/checkpoint-changes.js';
import type { ToolWorld } from '../../checkpoint/tools/change-checkpoint.js';
import { planRepair, type RepairPlan, type RepairRequest } from '../../checkpoint/tools/plan-repair.js';
import { EngineError } from '../../core/errors.js';
import type { Json } from '../../core/json.js';
import { isTable, missingInput } from './missing-input.js';
import { sourcePositions, type SourcePosition } from './source-positions.js';

export interface RepairOutlook extends RepairPlan {
  /** By source, how far it is read now, and where it goes on after the batches that are run again. */
  readonly sources: readonly {
    readonly id: string;
    readonly current: SourcePosition;
    readonly restored: SourcePosition;
  }[];
  /** Queues of which batches are lost when they are planned anew: their rows were nowhere else than in the log. */
  readonly lostQueues: readonly string[];
}

/**
 * What a repair would do; changes nothing. Throws as `planRepair`, and `inputChanged` when batches that were to be run
 * again read what the checkpoint does not have any more.
 */
export async function repairOutlook(
  world: ToolWorld,
  directory: string,
  request: RepairRequest,
): Promise<RepairOutlook> {
  return outlookOf(world, await planRepair(world.fs, directory, request));
}

/** Does it. Throws also `checkpointLocked`, `checkpointUnwritable`. */
export async function repair(
  world: ToolWorld,
  directory: string,
  request: RepairRequest,
): Promise<Changed<RepairOutlook>> {
  let outlook: RepairOutlook | undefined;
  const { result, aside } = await repairCheckpoint(world, directory, request, async plan => {
    outlook = await outlookOf(world, plan);
  });
  return { result: outlook ?? (await outlookOf(world, result)), aside };
}

async function outlookOf({ fs }: ToolWorld, plan: RepairPlan): Promise<RepairOutlook> {
  const { base, rerun, directory } = plan;
  const rangesIn = (times: ReadonlySet<number>): { readonly [source: string]: readonly Json[] }[] =>
    base.records.flatMap(({ record }) => (record.kind === 'offsets' && times.has(record.time) ? [record.ranges] : []));
  const replanned = rangesIn(new Set(plan.replanned));
  // What a receiver stored is read in order, whatever batch it comes into; a table is read anew.
  const stored = replanned.map(batch => Object.fromEntries(Object.entries(batch).filter(([id]) => !isTable(id))));
  const missing = await missingInput(fs, directory, [...rangesIn(new Set(rerun)), ...stored]);
  if (missing.length > 0) {
    throw new EngineError(
      'inputChanged',
      `${directory} cannot be stepped back to that batch: those after it want their input again, and it is gone: ` +
        `${missing.map(({ path, what }) => `${path}: ${what}`).join('; ')}. Take a later batch`,
      { detail: { directory } },
    );
  }
  const { sourceStates, time = -Infinity } = base.manifest;
  const positionsOf = (records: RepairPlan['records']): Map<string, SourcePosition> => {
    const ranges = records.flatMap(({ record }) =>
      record.kind === 'offsets' && record.time > time ? [record.ranges] : [],
    );
    return new Map(sourcePositions({ sourceStates, ranges }));
  };
  const current = positionsOf(base.records);
  const restored = positionsOf(plan.records);
  return {
    ...plan,
    sources: [...current].map(([id, position]) => ({
      id,
      current: position,
      restored: restored.get(id) ?? { kind: 'unknown' },
    })),
    lostQueues: [...current].flatMap(([id, { kind }]) =>
      kind === 'queue' && replanned.some(batch => Object.hasOwn(batch, id) && (batch[id] ?? []).length > 0) ? [id] : [],
    ),
  };
}
