import type { StreamGraph } from '../api/stream-graph.js';
import type { RunListener } from '../metrics/run-events.js';
import { EngineError } from '../core/errors.js';
import type { FileSystem } from '../core/file-system.js';
import { formatBatchTime, type BatchTime } from '../core/time.js';
import type { NodeId, Plan, PlanNode } from '../plan/node.js';
import type { SourcePort } from '../scheduler/ports.js';
import { makeSourceDriver } from '../sources/source-spec.js';
import type { SourceDriver } from '../sources/source.js';
import type { ReceiverFolders } from './receiver-folders.js';

/** The driver half of one of the plan's sources, and what the scheduler sees of it. */
export interface Source {
  readonly id: string;
  readonly driver: SourceDriver;
  readonly port: SourcePort;
}

/** The sources of a plan, not yet started. */
export function makeSources(
  plan: Plan,
  graph: StreamGraph,
  listener: RunListener,
  receivers: { readonly fs: FileSystem; readonly folders: ReceiverFolders },
): readonly Source[] {
  return plan.nodes.flatMap(({ id, operation }): Source[] => {
    if (operation.kind !== 'source') return [];
    const { sourceId, spec } = operation;
    const warn = (message: string): void => listener({ kind: 'warning', message });
    const folder = receivers.folders.bySource[sourceId];
    const driver = makeSourceDriver(spec, {
      id: sourceId,
      queue: graph.queues.get(sourceId),
      warn,
      ...(folder === undefined ? {} : { receiver: { fs: receivers.fs, folder, durable: receivers.folders.durable } }),
    });
    const needs = needsBatchOf(plan, id);
    const port: SourcePort = {
      id: sourceId,
      async plan(limit) {
        const planned = await driver.plan(limit);
        if (planned.absent === true && needs !== undefined) throw absentError(sourceId, needs, limit.time);
        return planned;
      },
      commit: time => driver.commit(time),
      state: () => driver.state(),
    };
    return [{ id: sourceId, driver, port }];
  });
}

/**
 * The first node that cannot do without a batch of the source: one that puts several streams together. What follows from
 * a batch that is not there is not there either, until an operation with state, which goes on with what it has.
 */
function needsBatchOf(plan: Plan, source: NodeId): PlanNode | undefined {
  const absent = new Set<NodeId>([source]);
  for (const node of plan.nodes) {
    if (!node.dependencies.some(dependency => absent.has(dependency.parent))) continue;
    switch (node.operation.kind) {
      case 'union':
      case 'cogroup':
        return node;
      case 'updateState':
      case 'runningAggregate':
      case 'window':
        break;
      default:
        absent.add(node.id);
    }
  }
  return undefined;
}

const absentError = (source: string, node: PlanNode, time: BatchTime): EngineError =>
  new EngineError(
    'sourceFailed',
    `batch ${formatBatchTime(time)} (${time}) failed: ${node.label} wants a batch of each of its streams, source ${source} gave none: ` +
      'give an empty batch where there are no rows. Everything before this batch is committed',
    { detail: { batch: time, source } },
  );
