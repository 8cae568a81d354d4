/** The changes that tools make to a checkpoint, each with the lock held and all at once (`change-checkpoint.ts`). */
import { EngineError } from '../../core/errors.js';
import { didYouMean } from '../../core/nearest.js';
import type { Json } from '../../core/json.js';
import type { LoadedCheckpoint } from '../load-checkpoint.js';
import type { Manifest } from '../manifest.js';
import { changeCheckpoint, loadForChange, withCheckpoint, type ToolWorld } from './change-checkpoint.js';
import { countedRecords, type CountedRecord } from './log-records.js';
import { planRepair, type RepairPlan, type RepairRequest } from './plan-repair.js';

/** Where the files are that a change replaced, and what it was. */
export interface Changed<T> {
  readonly result: T;
  readonly aside: string;
}

/**
 * Steps back as `planRepair` says. @param check sees the plan while the lock is held; what it throws ends the repair
 * Throws also `checkpointLocked`, `checkpointUnwritable`.
 */
export function repairCheckpoint(
  world: ToolWorld,
  directory: string,
  request: RepairRequest,
  check: (plan: RepairPlan) => Promise<void> = async () => undefined,
): Promise<Changed<RepairPlan>> {
  return withCheckpoint(world, directory, async lock => {
    const plan = await planRepair(world.fs, directory, request);
    await check(plan);
    const { base, records, current } = plan;
    const change = { name: 'repair', manifest: base.manifest, records, current };
    return { result: plan, aside: await changeCheckpoint(world, directory, lock, change) };
  });
}

/** Removes all state of one operator. Throws `optionUnknown` for an id that the checkpoint does not have. */
export function dropOperator(
  world: ToolWorld,
  directory: string,
  operator: string,
): Promise<Changed<{ readonly numRows: number; readonly numChanges: number }>> {
  return withCheckpoint(world, directory, async lock => {
    const { loaded, current } = await loadForChange(world.fs, directory);
    const { manifest } = loaded;
    requireOperator(directory, loaded, operator);
    const isOther = (found: { readonly operator: string }): boolean => found.operator !== operator;
    let numChanges = 0;
    const records = countedRecords(loaded.log, manifest).map(({ record, settled }): CountedRecord => {
      if (record.kind === 'offsets') return { record, settled };
      const deltas = record.deltas.filter(isOther);
      numChanges += record.deltas.length - deltas.length;
      return { record: { ...record, deltas }, settled };
    });
    const numRows = manifest.snapshots.reduce((sum, file) => sum + (isOther(file) ? 0 : file.numRows), 0);
    const without = {
      ...manifest,
      operators: manifest.operators.filter(({ id }) => id !== operator),
      former: (manifest.former ?? []).filter(({ id }) => id !== operator),
      snapshots: manifest.snapshots.filter(isOther),
    };
    const change = { name: 'drop-operator', manifest: without, records, current };
    return { result: { numRows, numChanges }, aside: await changeCheckpoint(world, directory, lock, change) };
  });
}

/**
 * Changes where one source goes on. What committed batches read of it is forgotten, for the new position stands for it.
 * @param positionOf is given the source's state at the snapshot and all that batches read since
 * Throws `optionUnknown` for a source that the checkpoint does not know, `optionInvalid` while a batch that is to be run
 * again has planned some of its input, and what `positionOf` throws.
 */
export function setSourcePosition(
  world: ToolWorld,
  directory: string,
  source: string,
  positionOf: (state: Json | undefined, ranges: readonly Json[]) => Promise<Json>,
): Promise<Changed<Json>> {
  return withCheckpoint(world, directory, async lock => {
    const { loaded, current } = await loadForChange(world.fs, directory);
    const { manifest, batches } = loaded;
    requireSource(directory, loaded, source);
    const open = batches.find(batch => !batch.committed && rangesOf(batch.ranges, source).length > 0);
    if (open !== undefined) {
      throw new EngineError(
        'optionInvalid',
        `batch ${open.time} (${new Date(open.time).toISOString()}) is planned and not committed, and reads source '${source}': ` +
          `run the job once so that it is committed, or forget its plan with: sluice checkpoint repair ${directory} --replan --yes`,
        { detail: { directory, source, batch: open.time } },
      );
    }
    const states = new Map(Object.entries(manifest.sourceStates));
    const later = batches.filter(({ time }) => time > (manifest.time ?? Number.NEGATIVE_INFINITY));
    const position = await positionOf(
      states.get(source),
      later.flatMap(batch => rangesOf(batch.ranges, source)),
    );
    states.set(source, position);
    const records = countedRecords(loaded.log, manifest).map(({ record, settled }): CountedRecord => {
      if (record.kind === 'commit') return { record, settled };
      const ranges = Object.fromEntries(Object.entries(record.ranges).filter(([id]) => id !== source));
      return { record: { ...record, ranges }, settled };
    });
    const moved = { ...manifest, sourceStates: Object.fromEntries(states) };
    const change = { name: 'set-offsets', manifest: moved, records, current };
    return { result: position, aside: await changeCheckpoint(world, directory, lock, change) };
  });
}

const rangesOf = (ranges: { readonly [source: string]: readonly Json[] }, source: string): readonly Json[] =>
  Object.hasOwn(ranges, source) ? (ranges[source] ?? []) : [];

/** Ids of all sources that a checkpoint knows. */
export function sourcesOf({ manifest, batches }: Pick<LoadedCheckpoint, 'manifest' | 'batches'>): string[] {
  const ids = [...Object.keys(manifest.sourceStates), ...batches.flatMap(({ ranges }) => Object.keys(ranges))];
  return [...new Set(ids)].toSorted();
}

/** Throws `optionUnknown`. */
export function requireSource(directory: string, loaded: LoadedCheckpoint, source: string): void {
  requireKnown(directory, 'source', source, sourcesOf(loaded));
}

/** Throws `optionUnknown`. */
export function requireOperator(
  directory: string,
  { manifest }: { readonly manifest: Pick<Manifest, 'operators'> },
  operator: string,
): void {
  const ids = manifest.operators.map(({ id }) => id);
  requireKnown(directory, 'operator', operator, ids);
}

function requireKnown(directory: string, what: 'source' | 'operator', id: string, known: readonly string[]): void {
  if (known.includes(id)) return;
  throw new EngineError(
    'optionUnknown',
    `--${what} wants one that the checkpoint in ${directory} has, got '${id}': ` +
      (known.length === 0 ? 'it has none' : `it has ${known.join(', ')}${didYouMean(id, known)}`),
    { detail: { directory, [what]: id } },
  );
}
