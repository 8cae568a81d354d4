/** mapWithState as plan nodes: the operator, and the stream of its states. */
import type { NodeId, Shuffle } from '../plan/node.js';
import { declareInitialState } from './initial-state.js';
import type { StateSpec } from './state-spec.js';
import { declaredUpgrade } from './state-upgrade.js';
import type { StreamGraph } from './stream-graph.js';

export interface MapWithStateRequest<K, V, S, M> {
  readonly parent: NodeId;
  readonly spec: StateSpec<K, V, S, M>;
  readonly shuffle: (numPartitions: number | undefined) => Shuffle;
}

export function addMapWithStateNode<K, V, S, M>(graph: StreamGraph, request: MapWithStateRequest<K, V, S, M>): NodeId {
  const { parent, spec } = request;
  const { id, numPartitions, timeoutMs = null, initialState = [], upgrade } = spec.settings;
  const operatorId = graph.operatorId(id, 'mapWithState', 'mapWithState', parent);
  if (upgrade !== undefined) graph.upgrades.set(operatorId, declaredUpgrade(upgrade, operatorId));
  const initial = declareInitialState(graph, operatorId, initialState);
  const operation = { kind: 'mapWithState', operatorId, timeoutMs, initial } as const;
  const node = graph.addNode(
    operation,
    [{ kind: 'shuffle', parent, shuffle: request.shuffle(numPartitions) }],
    undefined,
  );
  graph.functions.set(node, spec.f);
  return node;
}

/** All states of a mapWithState node after each batch. */
export const addStateSnapshotsNode = (graph: StreamGraph, parent: NodeId): NodeId =>
  graph.addNode({ kind: 'stateSnapshots' }, [{ kind: 'narrow', parent }], undefined);
