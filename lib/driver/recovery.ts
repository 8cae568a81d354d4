import { EngineError } from '../core/errors.js';
import type { Json } from '../core/json.js';
import { formatSchema } from '../core/schema.js';
import type { StateUpgrade } from '../core/state-change.js';
import { CheckpointStore } from '../checkpoint/checkpoint-store.js';
import type { OperatorInfo } from '../checkpoint/manifest.js';
import type { RecoveredCheckpoint } from '../checkpoint/recovered-checkpoint.js';
import type { OperatorState } from '../executor/state-tables.js';
import type { RunListener } from '../metrics/run-events.js';
import type { EngineSettings, EngineWorld } from './engine-settings.js';
import type { StateParts } from './restore-state.js';

/** Where a run begins: what the checkpoint of an earlier one holds, or nothing. */
export interface Recovery {
  readonly store: CheckpointStore | undefined;
  /** Whether there was anything to go on from. */
  readonly restored: boolean;
  readonly numKeyGroups: number;
  readonly sourceStates: { readonly [source: string]: Json };
  readonly sinks: { readonly [output: string]: Json };
  readonly rates: { readonly [source: string]: Json };
  /** Batch time of the snapshot, which is that of `sourceStates`. */
  readonly snapshotTime: number | undefined;
  /** Its files. */
  readonly snapshots: RecoveredCheckpoint['snapshots'];
  /** Batches after the snapshot, and before them those that it left out, in order of batch time. */
  readonly batches: RecoveredCheckpoint['batches'];
  readonly lastCommitted: number | undefined;
  readonly lastPlanned: number | undefined;
  /** Initial states of operators without a snapshot, snapshots, and the changes of committed batches. */
  readonly state: StateParts;
}

/** Takes the checkpoint directory, if there is one, and says where to go on. Throws as `CheckpointStore.open` does. */
export async function openRecovery(
  settings: EngineSettings,
  world: EngineWorld,
  plan: {
    readonly fingerprint: string;
    readonly operators: ReadonlyMap<string, OperatorState>;
    /** Operators with an initial state. */
    readonly seeded: readonly string[];
    /** What becomes of states that earlier versions of the job left, by operator. */
    readonly upgrades: ReadonlyMap<string, StateUpgrade>;
    /** What leads to operators whose id the job does not give. */
    readonly paths: ReadonlyMap<string, string>;
    readonly listener: RunListener;
  },
): Promise<Recovery> {
  const { job, options, checkpoint } = settings;
  if (checkpoint === undefined) return fresh(undefined, options.keyGroups, plan.seeded);
  const { store, recovered } = await CheckpointStore.open(world.fs, checkpoint, {
    job: job.name,
    fingerprint: plan.fingerprint,
    operators: [...plan.operators].map(([id, state]) =>
      operatorInfo(id, state, plan.upgrades.get(id)?.version, plan.paths.get(id)),
    ),
    upgrades: plan.upgrades,
    numKeyGroups: options.keyGroups,
    clock: world.clock,
    ...(settings.run === undefined ? {} : { run: settings.run }),
    ...(world.owner === undefined ? {} : { owner: world.owner }),
    ...(world.isAlive === undefined ? {} : { isAlive: world.isAlive }),
  });
  if (recovered === undefined) return fresh(store, store.numKeyGroups, plan.seeded);
  for (const message of recovered.warnings) plan.listener({ kind: 'warning', message });
  if (options.keyGroups !== recovered.numKeyGroups) {
    const message = `keyGroups was fixed at ${recovered.numKeyGroups} at the first start of the checkpoint in ${checkpoint}: ${options.keyGroups} is not used`;
    plan.listener({ kind: 'warning', message });
  }
  return {
    store,
    restored: recovered.lastPlanned !== undefined,
    numKeyGroups: recovered.numKeyGroups,
    sourceStates: recovered.sourceStates,
    sinks: recovered.sinks,
    rates: recovered.rates,
    snapshotTime: recovered.snapshotTime,
    snapshots: recovered.snapshots,
    batches: recovered.batches,
    lastCommitted: recovered.lastCommitted,
    lastPlanned: recovered.lastPlanned,
    state: stateOf(recovered, plan.seeded),
  };
}

/** A snapshot holds what became of an initial state; changes since the start are relative to it. */
const stateOf = ({ snapshots, commits, changes }: RecoveredCheckpoint, seeded: readonly string[]): StateParts => ({
  seeds: seeded.filter(operator => !snapshots.some(file => file.operator === operator)),
  files: snapshots,
  deltas: commits.flatMap(({ deltas }) => deltas),
  changes,
});

function fresh(store: CheckpointStore | undefined, numKeyGroups: number, seeded: readonly string[]): Recovery {
  return {
    store,
    restored: false,
    numKeyGroups,
    sourceStates: {},
    sinks: {},
    rates: {},
    snapshotTime: undefined,
    snapshots: [],
    batches: [],
    lastCommitted: undefined,
    lastPlanned: undefined,
    state: { seeds: seeded, files: [], deltas: [], changes: new Map() },
  };
}

function operatorInfo(id: string, state: OperatorState, version?: number, path?: string): OperatorInfo {
  const values = state.value === 'variable' ? (state.wide?.join(', ') ?? 'any value') : formatSchema(state.value);
  const keys = state.keys === undefined ? 'any value' : formatSchema(state.keys);
  const { kind, aggregates } = state;
  return {
    id,
    kind,
    keys,
    values,
    ...(aggregates && { aggregates }),
    ...(version !== undefined && { version }),
    ...(path !== undefined && { path }),
  };
}

/** The store of a recovery that has one. */
export function storeOf(recovery: Recovery): CheckpointStore {
  if (recovery.store === undefined) throw new EngineError('internal', 'the run has no checkpoint');
  return recovery.store;
}
