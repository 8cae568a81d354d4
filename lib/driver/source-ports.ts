import { join } from 'node:path';

import type { StreamGraph } from '../api/stream-graph.js';
import { BroadcastSource, broadcastSourceId } from './broadcast-source.js';
import type { RunListener } from '../metrics/run-events.js';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import { formatBatchTime, type BatchTime } from '../core/time.js';
import { needsBatchOf } from '../plan/absence.js';
import type { Plan, PlanNode } from '../plan/node.js';
import { NO_BATCH, type SourcePort } from '../scheduler/ports.js';
import { makeSourceDriver, type SourceDriverContext } from '../sources/source-spec.js';
import type { SourceDriver } from '../sources/source.js';
import { StaticTableSource } from './table-source.js';
import { encodeId, TABLES_FOLDER } from '../checkpoint/checkpoint-files.js';
import type { ReceiverFolders } from './receiver-folders.js';

/** The driver half of one of the plan's sources, and what the scheduler sees of it. */
export interface Source {
  readonly id: string;
  readonly driver: SourceDriver;
  /** A batch of a queue is what the program pushed, however large. */
  readonly isLimited: boolean;
  readonly port: SourcePort;
}

/** Broadcast variables, whose values are planned and logged as what sources read. */
export function makeBroadcastSources(graph: StreamGraph): readonly (Source & { readonly driver: BroadcastSource })[] {
  return [...graph.broadcasts.values()].map(broadcast => {
    const driver = new BroadcastSource(broadcast);
    const id = broadcastSourceId(broadcast.id);
    const port: SourcePort = {
      id,
      isInput: false,
      plan: limit => driver.plan(limit),
      commit: time => driver.commit(time),
      state: () => driver.state(),
    };
    return { id, driver, isLimited: false, port };
  });
}

/** Static tables, whose versions are planned and logged in the same way. */
export function makeTableSources(
  graph: StreamGraph,
  options: {
    readonly fs: FileSystem;
    readonly checkpoint: string | undefined;
    readonly limitBytes: number;
    readonly listener: RunListener;
  },
): readonly (Source & { readonly driver: StaticTableSource; readonly table: string })[] {
  const { fs, checkpoint, limitBytes, listener } = options;
  return [...graph.tables].map(([table, source]) => {
    const driver = new StaticTableSource({
      ...{ id: table, source, fs, limitBytes },
      folder: checkpoint === undefined ? undefined : join(checkpoint, TABLES_FOLDER, encodeId(table)),
      warn: message => listener({ kind: 'warning', message }),
    });
    const id = `table ${table}`;
    const port: SourcePort = {
      id,
      isInput: false,
      plan: limit => driver.plan(limit),
      commit: time => driver.commit(time),
      state: () => driver.state(),
    };
    return { id, driver, table, isLimited: false, port };
  });
}

/** The sources of a plan, not yet started. */
export function makeSources(
  plan: Plan,
  graph: StreamGraph,
  listener: RunListener,
  receivers: { readonly fs: FileSystem; readonly folders: ReceiverFolders },
  input?: SourceDriverContext['input'],
): readonly Source[] {
  return plan.nodes.flatMap(({ operation }): Source[] => {
    if (operation.kind !== 'source') return [];
    const { sourceId, spec } = operation;
    const warn = (message: string): void => listener({ kind: 'warning', message });
    const folder = receivers.folders.bySource[sourceId];
    const driver = makeSourceDriver(spec, {
      id: sourceId,
      queue: graph.queues.get(sourceId),
      filter: graph.fileFilters.get(sourceId),
      defaultBatch: graph.defaultBatches.get(sourceId),
      warn,
      input,
      ...(folder === undefined ? {} : { receiver: { fs: receivers.fs, folder, durable: receivers.folders.durable } }),
    });
    const needs = needsBatchOf(plan, sourceId);
    const port: SourcePort = {
      id: sourceId,
      async plan(limit) {
        const planned = await driver.plan(limit);
        if (planned.absent !== true) return planned;
        if (needs !== undefined) throw absentError(sourceId, needs, limit.time);
        return { ...planned, ranges: [NO_BATCH] };
      },
      commit: time => driver.commit(time),
      state: () => driver.state(),
      ...(spec.kind === 'queue' || spec.maxRate === undefined ? {} : { maxRate: spec.maxRate }),
      setRateLimit: limit => driver.setRateLimit?.(limit),
    };
    return [{ id: sourceId, driver, isLimited: spec.kind !== 'queue', port }];
  });
}

const absentError = (source: string, node: PlanNode, time: BatchTime): EngineError =>
  new EngineError(
    'sourceFailed',
    `batch ${formatBatchTime(time)} (${time}) failed: ${node.label} wants a batch of each of its streams, source ${source} gave none: ` +
      'give an empty batch where there are no rows. Everything before this batch is committed',
    { detail: { batch: time, source } },
  );
