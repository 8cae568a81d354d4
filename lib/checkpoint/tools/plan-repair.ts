/** What stepping back to an older batch means, worked out before anything is changed. */
import { EngineError } from '../../core/errors.js';
import type { FileSystem } from '../../core/file-system.js';
import type { Json } from '../../core/json.js';
import type { CurrentCheckpoint } from './change-checkpoint.js';
import { bareProblem, reachableFrom, readHistory, type CheckpointBase } from './checkpoint-history.js';
import type { CountedRecord } from './log-records.js';

export interface RepairRequest {
  /** The batch after which the state shall be had; undefined = the last one that is whole. */
  readonly toBatch?: number;
  /** Forgets what the batches after it read, so that the sources go on where it ended; else they are run again as planned. */
  readonly replan?: boolean;
}

export interface RepairPlan {
  readonly directory: string;
  readonly base: CheckpointBase;
  /** Undefined: before the very first batch. */
  readonly target: number | undefined;
  /** The last batch that can be read. */
  readonly lastCommitted: number | undefined;
  /** What is damaged; none in a checkpoint that is only to be stepped back. */
  readonly damage: readonly string[];
  /** Batches that were committed after it and will not be: their state goes, and what sinks know of them. */
  readonly reverted: readonly { readonly time: number; readonly records: number | undefined }[];
  /** Batches that a restart runs again on the input that they had. */
  readonly rerun: readonly number[];
  /** Batches whose input is forgotten: what they read is planned anew. */
  readonly replanned: readonly number[];
  readonly sinks: readonly { readonly output: string; readonly current: Json; readonly restored: Json | undefined }[];
  /** What the log shall say. */
  readonly records: readonly CountedRecord[];
  /** What a restart would go on from now. */
  readonly current: CurrentCheckpoint | undefined;
}

/** Throws `checkpointCorrupt` when nothing whole is left, `optionInvalid` for a batch that cannot be had or nothing to do. */
export async function planRepair(fs: FileSystem, directory: string, request: RepairRequest): Promise<RepairPlan> {
  const { bases, problems } = await readHistory(fs, directory);
  const [newest] = bases;
  const damage = [
    ...problems,
    ...(newest === undefined ? [] : newest.problems),
    ...(newest?.log.damage === undefined ? [] : [bareProblem(newest.log.damage)]),
  ];
  const { base, target } = chooseTarget(directory, bases, damage, request);
  const at = target === undefined ? -1 : base.commits.lastIndexOf(target);
  const reverted = new Set(base.commits.slice(at + 1));
  const isAfter = (time: number): boolean => reverted.has(time) || (target !== undefined && time > target);
  const open = new Set(base.records.filter(({ record }) => record.kind === 'offsets').map(({ record }) => record.time));
  for (const time of base.commits.slice(0, at + 1)) open.delete(time);
  const replanned = request.replan === true ? [...open].filter(time => target === undefined || isAfter(time)) : [];
  const dropped = new Set(replanned);
  const records = base.records.filter(({ record }) =>
    record.kind === 'commit' ? !reverted.has(record.time) : !dropped.has(record.time),
  );
  const commits = base.records.flatMap(({ record }) => (record.kind === 'commit' ? [record] : []));
  const now = handlesOf(base, base.commits.length);
  const restored = handlesOf(base, at + 1);
  return {
    directory,
    base,
    target,
    lastCommitted: base.commits.at(-1) ?? base.manifest.time,
    damage,
    reverted: commits
      .filter(({ time }) => reverted.has(time))
      .map(({ time, info }) => ({ time, records: recordsOf(info) })),
    rerun: [...open].filter(time => !dropped.has(time)).toSorted((a, b) => a - b),
    replanned: replanned.toSorted((a, b) => a - b),
    sinks: [...now].map(([output, handle]) => ({ output, current: handle, restored: restored.get(output) })),
    records,
    current: bases.find(({ problems: found, log }) => found.length === 0 && log.damage === undefined),
  };
}

function chooseTarget(
  directory: string,
  bases: readonly CheckpointBase[],
  damage: readonly string[],
  { toBatch, replan }: RepairRequest,
): { readonly base: CheckpointBase; readonly target: number | undefined } {
  const usable = bases.filter(base => reachableFrom(base).length > 0);
  const [best] = usable.toSorted((a, b) => (reachableFrom(b).at(-1) ?? -1) - (reachableFrom(a).at(-1) ?? -1));
  if (best === undefined) {
    throw new EngineError(
      'checkpointCorrupt',
      `nothing in ${directory} is whole enough to go on from: ${[...damage, ...bases.flatMap(base => base.problems)].join('; ')}. ` +
        'Put the directory back from a copy, or start with a new checkpoint directory',
      { detail: { directory } },
    );
  }
  if (toBatch === undefined) {
    if (damage.length > 0 || replan === true) return { base: best, target: reachableFrom(best).at(-1) };
    throw new EngineError(
      'optionInvalid',
      `nothing is damaged in the manifest, the snapshots and the log of ${directory}: to step back to an older batch give ` +
        `--to-batch TIME; ${reachableText(usable)}`,
    );
  }
  const base = usable.find(candidate => reachableFrom(candidate).includes(toBatch));
  if (base !== undefined) return { base, target: toBatch };
  throw new EngineError(
    'optionInvalid',
    `--to-batch wants a batch that the checkpoint can be stepped back to, got ${toBatch} (${new Date(toBatch).toISOString()}); ` +
      reachableText(usable),
    { detail: { directory, toBatch } },
  );
}

const SHOWN_BATCHES = 8;

function reachableText(bases: readonly CheckpointBase[]): string {
  const times = [...new Set(bases.flatMap(reachableFrom))].filter(time => time !== undefined).toSorted((a, b) => b - a);
  if (times.length === 0) return 'there is no batch yet';
  const shown = times.slice(0, SHOWN_BATCHES).map(time => `${time} (${new Date(time).toISOString()})`);
  const more = times.length > shown.length ? `, and ${times.length - shown.length} older ones to ${times.at(-1)}` : '';
  return `it can be stepped back to ${shown.join(', ')}${more}`;
}

/** By output, the handle after so many commits. */
function handlesOf({ manifest, records }: CheckpointBase, numCommits: number): Map<string, Json> {
  const handles = new Map(Object.entries(manifest.sinks));
  let seen = 0;
  for (const { record } of records) {
    if (record.kind !== 'commit') continue;
    if (++seen > numCommits) break;
    for (const [output, handle] of Object.entries(record.sinks)) handles.set(output, handle);
  }
  return handles;
}

function recordsOf(info: Json): number | undefined {
  const { records } = (info ?? {}) as { readonly records?: unknown };
  return typeof records === 'number' ? records : undefined;
}
