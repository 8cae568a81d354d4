import type { StreamGraph } from '../api/stream-graph.js';
import type { Plan } from '../plan/node.js';
import type { ReceiverFactory } from '../sources/receiver/receiver-host.js';

/** How the receivers of a graph are made, by source id. */
export function receiverFactories(graph: StreamGraph, plan: Plan): Map<string, ReceiverFactory> {
  const factories = new Map<string, ReceiverFactory>();
  for (const { operation, columns } of plan.nodes) {
    if (operation.kind !== 'source' || operation.spec.kind !== 'receiver') continue;
    const make = graph.receivers.get(operation.sourceId);
    if (make === undefined) continue;
    factories.set(operation.sourceId, { make, columns, maxRate: operation.spec.maxRate });
  }
  return factories;
}
