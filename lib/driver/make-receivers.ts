import type { StreamGraph } from '../api/stream-graph.js';
import { receiverFactories } from '../executor/receiver-factories.js';
import type { RunListener } from '../metrics/run-events.js';
import { fingerprintOf } from '../plan/fingerprint.js';
import type { Plan } from '../plan/node.js';
import type { ReceiverInit } from '../sources/receiver/receiver-messages.js';
import { ReceiverSourceDriver } from '../sources/receiver/receiver-source-driver.js';
import type { EngineSettings, EngineWorld } from './engine-settings.js';
import { inProcessReceivers } from './in-process-receivers.js';
import { Receivers } from './receivers.js';
import type { Source } from './source-ports.js';

export interface RunParts {
  readonly settings: EngineSettings;
  readonly world: EngineWorld;
  readonly graph: StreamGraph;
  readonly plan: Plan;
  readonly sources: readonly Source[];
  /** Of the checkpoint, if there is one. */
  readonly lockFile: string | undefined;
  readonly listener: RunListener;
}

/** The receivers of a run, not yet started. */
export function makeReceivers({ settings, world, graph, plan, sources, lockFile, listener }: RunParts): Receivers {
  const { clock, fs } = world;
  return new Receivers({
    drivers: sources.flatMap(({ driver }) => (driver instanceof ReceiverSourceDriver ? [driver] : [])),
    init: { ...receiverInit(settings, fingerprintOf(plan)), operatorIds: graph.operatorIds },
    lockFile,
    startPort: world.startReceivers ?? inProcessReceivers(receiverFactories(graph, plan), fs, clock),
    clock,
    listener,
    once: settings.once,
  });
}

function receiverInit({ options, module, args }: EngineSettings, fingerprint: string): ReceiverInit {
  return {
    jobModule: module,
    jobArgs: args,
    fingerprint,
    numPartitions: options.workers,
    // A block that is cut when its batch is planned already would wait for a whole batch interval.
    blockIntervalMs: Math.min(options.blockIntervalMs, Math.max(1, Math.floor(options.intervalMs / 4))),
    queueBytes: options.receiverQueueBytes,
  };
}
